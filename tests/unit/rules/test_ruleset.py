"""Rule sets: those that ship, and files that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from node.core.errors import InvalidError, RuleError
from node.core.records.canonical import digest_hex
from node.core.rules.fold import TABLE, kinds_of
from node.core.rules.ruleset import (
    FORMAT,
    MAX_BYTES,
    RuleSet,
    builtin_digest,
    builtin_files,
    builtin_rulesets,
    load_ruleset,
    ruleset_digest,
)

FILES = builtin_files()
CN = FILES["cn-bidding-2019"]
JP = FILES["jp-tsuchiura-2007"]
PANEL = FILES["panel-2016"]
AWARD = {"candidates.published", "award.decided", "award.noticed"}
RANKING = {"ranking.published"}


def cn() -> RuleSet:
    return load_ruleset(CN)


def test_all_ship_under_the_digest_of_their_bytes() -> None:
    assert set(FILES) == {"cn-bidding-2019", "jp-tsuchiura-2007", "panel-2016"}
    for name, data in FILES.items():
        rules = builtin_rulesets()[digest_hex("ruleset", data)]
        assert f"{rules.id}-{rules.version}" == name
        assert rules.format == FORMAT
        assert builtin_digest(rules.id) == ruleset_digest(data)


@pytest.mark.parametrize(
    ("name", "value", "cite"),
    [
        ("clock.notice_days", 20, "TBL 24"),
        ("clock.amendment_days", 15, "TBR 21"),
        ("clock.publish_within_days", 3, "TBR 54"),
        ("clock.objection_days", 3, "TBR 54"),
        ("clock.objection_answer_days", 3, "TBR 54"),
        ("bids.minimum_bidders", 3, "TBL 28"),
        ("bids.minimum_valid", 3, "EC12 27"),
        ("bids.minimum_price", False, "TBR 27"),
        ("committee.members_min", 5, "TBL 37"),
        ("committee.odd", True, "TBL 37"),
        ("committee.experts_share", "2/3", "TBL 37"),
        ("evaluation.candidates_max", 3, "TBR 53"),
    ],
)
def test_numbers_of_the_law(name: str, value: int | str, cite: str) -> None:
    part, field = name.split(".")
    found = getattr(getattr(cn(), part), field)
    assert found.value == value
    assert cn().article(found.article).cite == cite


def test_what_the_city_does_not_say_is_labelled_ours() -> None:
    jp = load_ruleset(JP)
    for number in (jp.clock.notice_days, jp.clock.g_seconds, jp.committee.members_min):
        assert "Yuanping" in jp.article(number.article).cite
    assert (jp.bids.minimum_bidders.value, jp.evaluation.candidates_max.value) == (1, 1)
    assert (jp.clock.notice_days.value, jp.clock.objection_days.value) == (14, 0)
    assert jp.committee.experts_share.ratio == Fraction(2, 3)


def test_a_refusal_cites_the_article() -> None:
    error = cn().refusal("tbl-28", "2 bidders; need 3")
    assert (error.code, error.article, str(error)) == (
        "rule",
        "TBL 28",
        "TBL 28: 2 bidders; need 3",
    )
    with pytest.raises(RuleError, match="no article"):
        cn().article("tbl-99")


def test_closed_lists() -> None:
    assert cn().ground("collusion").kind == "fact"
    assert cn().ground("above-ceiling").kind == "computed"
    assert cn().method("comprehensive-scoring").tie_breaks == ("price", "technical", "lot")
    with pytest.raises(RuleError):
        cn().ground("below-minimum")  # TBR 27: there is no such ground
    with pytest.raises(RuleError):
        cn().method("lowest-price")
    with pytest.raises(InvalidError):
        builtin_digest("cn-procurement")


def test_a_panel_says_that_it_is_no_procurement_and_what_is_ours() -> None:
    panel = load_ruleset(PANEL)
    assert "非采购" in panel.title.zh
    assert "not procurement" in panel.title.en
    method, rule = panel.method("quality-only"), panel.evaluation
    assert (method.announced, method.tie_breaks) == (True, ("objective", "technical"))
    assert (rule.candidates_max.value, panel.clock.objection_days.value) == (0, 0)
    for number in (rule.candidates_max, panel.clock.notice_days, panel.bids.minimum_bidders):
        assert "Yuanping" in panel.article(number.article).cite
    for said in (rule.score_scale, rule.drop_from_members, rule.zero_is_absent, method):
        assert said is not None
        assert "Panel results" in panel.article(said.article).cite
    assert not [name for name, ground in panel.grounds.items() if ground.kind == "computed"]


def test_streams_of_earlier_rule_sets_name_the_kinds_they_always_named() -> None:
    """A member that does not know what came later takes part in them as before."""
    for name, absent in ((CN, RANKING), (JP, RANKING), (PANEL, AWARD)):
        kinds = {kind.partition("/")[0] for kind in kinds_of(load_ruleset(name))}
        assert {kind.partition("/")[0] for kind in TABLE} - kinds == absent


def changed(old: str, new: str, data: bytes = CN) -> Callable[[], bytes]:
    def make() -> bytes:
        text = data.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return make


BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "not UTF-8": lambda: CN + b"\xff",
    "not TOML": lambda: CN + b"\n[",
    "nested without end": lambda: b"a = " + b"[" * 50_000,
    "too long": lambda: CN + b"#" * MAX_BYTES,
    "other format": changed("yuanping-ruleset/v1", "yuanping-ruleset/v2"),
    "unknown key at the top": changed("money_scale = 2", "money_scale = 2\nspeed = 1"),
    "unknown key in a part": changed("[bids]", "[bids]\nmaximum = 3"),
    "missing key": changed('currency = "CNY"', ""),
    "number without article": changed('{ value = 20, article = "tbl-24" }', "{ value = 20 }"),
    "number as text": changed("value = 20,", 'value = "20",'),
    "number as a float": changed("value = 20,", "value = 20.0,"),
    "yes for a number": changed("value = 20,", "value = true,"),
    "negative": changed("value = 20,", "value = -20,"),
    "share as a float": changed('"2/3"', "0.6667"),
    "share over zero": changed('"2/3"', '"2/0"'),
    "article that leads nowhere": changed('20, article = "tbl-24"', '20, article = "tbl-25"'),
    "article nothing cites": changed('{ article = "tbl-45" }', '{ article = "ours" }'),
    "no such day": changed("2019-03-02", "2019-02-30"),
    "unknown method": changed("methods.comprehensive-scoring", "methods.gut-feeling"),
    "lot before price": changed('["price", "lot"]', '["lot", "price"]'),
    "tie-break twice": changed('["price", "lot"]', '["price", "price"]'),
    "computed ground that nobody computes": changed(
        '[grounds.fraud]\nkind = "fact"', '[grounds.fraud]\nkind = "computed"'
    ),
    "an award by quality alone": changed("max = { value = 0", "max = { value = 1", PANEL),
    "scoring without a candidate": changed("max = { value = 3", "max = { value = 0"),
    "objections against no award": changed(
        "objection_days = { value = 0", "objection_days = { value = 3", PANEL
    ),
    "a lot where nothing is awarded": changed('"technical"]', '"technical", "lot"]', PANEL),
    "a price that breaks ties of none": changed('"technical"]', '"technical", "price"]', PANEL),
    "a ceiling where there is no price": changed('kind = "fact"', 'kind = "computed"', PANEL),
    "minimum price allowed without its ground": changed("value = false", "value = true"),
    "line feed in an id": changed('id = "cn-bidding"', 'id = "cn-bidding\\n"'),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        load_ruleset(BAD[name]())
    assert caught.value.code == "form"


@pytest.mark.parametrize("name", sorted(builtin_files()))
def test_every_kind_under_law_has_its_article(name: str) -> None:
    """The table says LAW where the rule set must name the article, and nowhere else."""
    rules = load_ruleset(builtin_files()[name])
    lawful = {kind.partition("/")[0] for kind, rule in TABLE.items() if not rule.article}
    awards = rules.evaluation.candidates_max.value > 0
    assert lawful - (RANKING if awards else AWARD) == set(rules.steps)
