"""Rule sets: dated files of the law's numbers, each with the article it comes from.

A lot is judged for ever by the one rule set that its first record names by digest; files are added,
never edited. Where the law is silent and we had to fix something the article is `ours`, so that
nobody takes our choice for law. Nothing is read from the reader's disk here: bytes in, `RuleSet`
out; the built-in files ship inside the package.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, cast

import msgspec

from node.core.errors import InvalidError, RuleError
from node.core.records.canonical import END, digest_hex

FORMAT = "yuanping-ruleset/v1"
MAX_BYTES = 256 * 1024
COMPUTED_GROUNDS = frozenset({"above-ceiling", "below-minimum"})
"""Grounds that price alone decides; `rejection.computed_ground` knows exactly these."""

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,47}" + END)]
StepId = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]+\.[a-z_]+\Z")]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + END)]
Whole = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
MethodId = Literal[
    "lowest-price", "lowest-evaluated-price", "comprehensive-scoring", "quality-only"
]
TieBreak = Literal["price", "technical", "objective", "lot"]
QUALITY: Final = "quality-only"
"""The method that knows no price: it ranks by quality alone, and nothing is awarded."""
PriceFormula = Literal["lowest-over-price", "benchmark-deviation", "feature-discount"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every part: frozen, and an unknown key is an error, never ignored."""


class Text(_Part, frozen=True):
    """The same sentence for Chinese and for English readers."""

    zh: str
    en: str


class Article(_Part, frozen=True):
    """A source: short citation (`TBL 37`) and what it says, in both languages."""

    cite: str
    zh: str
    en: str


class Number(_Part, frozen=True):
    """A whole number of the rule set and the key of the article it comes from."""

    value: Whole
    article: Id


class Flag(_Part, frozen=True):
    """A yes or no of the rule set and the key of the article it comes from."""

    value: bool
    article: Id


class Share(_Part, frozen=True):
    """An exact ratio such as `2/3` or `3`; never a rounded decimal."""

    value: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,5}(/[1-9][0-9]{0,5})?" + END)]
    article: Id

    @property
    def ratio(self) -> Fraction:
        """The exact value."""
        return Fraction(self.value)


class Clock(_Part, frozen=True):
    """Terms. Units stand in the names; days are calendar days of the rule set's own offset."""

    g_seconds: Number
    notice_days: Number
    amendment_days: Number
    opening_delay_minutes: Number
    unlock_minutes: Number
    lodge_answer_seconds: Number
    publish_within_days: Number
    objection_days: Number
    objection_answer_days: Number
    deadline_minute: Number | None = None


class Bids(_Part, frozen=True):
    """How many bidders a lot needs, what happens if too few are left after rejections.

    `minimum_price`: may the announcement set a lowest price under which a bid is rejected?
    """

    minimum_bidders: Number
    minimum_valid: Number
    too_few_valid: Literal["must-fail", "may-fail"]
    minimum_price: Flag


class CommitteeRule(_Part, frozen=True):
    """Shape of a lawful evaluation committee."""

    members_min: Number
    odd: Flag
    experts_share: Share
    chair: Flag


class DrawRule(_Part, frozen=True):
    """Numbers of the draw: slate, anonymity, age of entries, terms of its steps."""

    slate_factor: Share
    minimum_list: Number
    entry_age_days: Number
    small_cell: Number
    join_seconds: Number
    contact_seconds: Number
    reveal_seconds: Number


class SessionRule(_Part, frozen=True):
    """Terms of the evaluation session. Units stand in the names."""

    sign_in_minutes: Number
    clarification_minutes: Number
    start_late_minutes: Number
    resume_minutes: Number


class Method(_Part, frozen=True):
    """A way to rank, with its tie-breaks in the order they are tried.

    With `announced` the announcement says which of them are tried, and in which order.
    """

    article: Id
    tie_breaks: tuple[TieBreak, ...]
    announced: bool = False


class EvaluationRule(_Part, frozen=True):
    """What an announcement may choose from, and how many candidates follow.

    No candidates (0): nothing is awarded, the ranking itself is what is published at the end.
    `zero_is_absent`: is a mark of 0 an expert who was not there?
    """

    methods: dict[MethodId, Method]
    formulas: tuple[PriceFormula, ...]
    score_scale: Number
    drop_from_members: Number
    candidates_max: Number
    zero_is_absent: Flag | None = None


class Ground(_Part, frozen=True):
    """A ground of rejection; `computed` follows from the price, `fact` is found by vote."""

    kind: Literal["computed", "fact"]
    article: Id
    zh: str
    en: str


class Step(_Part, frozen=True):
    """Which article governs a kind of record: what its refusals cite."""

    article: Id


class RuleSet(_Part, frozen=True):
    """One dated rule set. Made only by `load_ruleset`, which has checked it as a whole."""

    format: Literal["yuanping-ruleset/v1"]
    id: Id
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}(\.[0-9]{1,3})?" + END)]
    title: Text
    regime: Id
    effective_from: Day
    utc_offset_minutes: Annotated[int, msgspec.Meta(ge=-720, le=840)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}" + END)]
    money_scale: Annotated[int, msgspec.Meta(ge=0, le=6)]
    articles: dict[Id, Article]
    clock: Clock
    bids: Bids
    committee: CommitteeRule
    draw: DrawRule
    session: SessionRule
    evaluation: EvaluationRule
    grounds: dict[Id, Ground]
    steps: dict[StepId, Step]

    def article(self, key: str) -> Article:
        """The article behind a key; raises RuleError for a key this rule set does not have."""
        try:
            return self.articles[key]
        except KeyError:
            raise RuleError(f"rule set {self.id} {self.version} has no article {key!r}") from None

    def refusal(self, key: str, detail: str) -> RuleError:
        """The error that refuses an act and cites the article with this key; the caller raises."""
        return RuleError(detail, article=self.article(key).cite)

    def has_step(self, kind: str) -> bool:
        """Does this law know such a step at all? A ranking without an award has no award."""
        return kind.partition("/")[0] in self.steps

    def step(self, kind: str) -> str:
        """The citation that governs a record type such as `bid.sealed/v1`."""
        return self.article(self.steps[kind.partition("/")[0]].article).cite

    def ground(self, name: str) -> Ground:
        """A ground of the closed list; raises RuleError for any other name."""
        if name not in self.grounds:
            raise RuleError(f"{name!r} is no ground of rejection of {self.id} {self.version}")
        return self.grounds[name]

    def method(self, name: str) -> Method:
        """A method this rule set allows; raises RuleError for any other name."""
        try:
            return self.evaluation.methods[cast(MethodId, name)]
        except KeyError:
            raise RuleError(f"{self.id} {self.version} does not allow method {name!r}") from None


def load_ruleset(data: bytes) -> RuleSet:
    """Read a rule set from the bytes of its TOML file; unknown and missing keys are refused.

    Raises InvalidError for anything that is not a whole, consistent rule set: no TOML, an unknown
    key, an article key that leads nowhere, a computed ground that no code computes.
    """
    if len(data) > MAX_BYTES:
        raise InvalidError(f"rule set of {len(data)} bytes; at most {MAX_BYTES}")
    try:
        raw = tomllib.loads(data.decode())
        rules = msgspec.convert(raw, RuleSet)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InvalidError(f"rule set: {error}") from None
    _check_articles(raw, rules)
    _check_whole(rules)
    return rules


def ruleset_digest(data: bytes) -> str:
    """Digest by which records name a rule set: H("ruleset", file bytes), hex (protocol 10.3)."""
    return digest_hex("ruleset", data)


def builtin_files() -> dict[str, bytes]:
    """The rule-set files that ship in this package: `<id>-<version>` -> bytes.

    Package data only; a reader's own rule sets reach `load_ruleset` as bytes.
    """
    folder = files("node.core.rules").joinpath("rulesets")
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {entry.name.removesuffix(".toml"): entry.read_bytes() for entry in found}


@cache
def builtin_rulesets() -> MappingProxyType[str, RuleSet]:
    """Digest -> built-in rule set, read once."""
    return MappingProxyType(
        {ruleset_digest(data): load_ruleset(data) for data in builtin_files().values()}
    )


def builtin_digest(ruleset_id: str) -> str:
    """Digest of the newest built-in rule set with this id; raises InvalidError if there is none."""
    found = [(r.version, key) for key, r in builtin_rulesets().items() if r.id == ruleset_id]
    if not found:
        raise InvalidError(f"no built-in rule set {ruleset_id!r}")
    return max(found)[1]


def _check_articles(raw: dict[str, Any], rules: RuleSet) -> None:
    """Every number, method and ground leads to an article; every article is needed by one."""
    used = set(_article_keys(raw))
    if missing := sorted(used - rules.articles.keys()):
        raise InvalidError(f"rule set {rules.id}: no such article: {', '.join(missing)}")
    if idle := sorted(rules.articles.keys() - used):
        raise InvalidError(f"rule set {rules.id}: articles nothing cites: {', '.join(idle)}")


def _article_keys(part: dict[str, Any]) -> Iterator[str]:
    for key, value in part.items():
        if key == "article":
            yield value
        elif isinstance(value, dict):
            yield from _article_keys(value)


def _check_whole(rules: RuleSet) -> None:
    """What single fields cannot say: a real date, the computed grounds, the tie-breaks' order."""
    computed = {name for name, ground in rules.grounds.items() if ground.kind == "computed"}
    wanted = COMPUTED_GROUNDS if rules.bids.minimum_price.value else {"above-ceiling"}
    if QUALITY in rules.evaluation.methods:
        wanted = frozenset()
    if computed != wanted:
        raise InvalidError(f"rule set {rules.id}: computed grounds {sorted(computed)}")
    try:
        date.fromisoformat(rules.effective_from)
    except ValueError as error:
        raise InvalidError(f"rule set {rules.id}: effective_from: {error}") from None
    if not rules.evaluation.methods:
        raise InvalidError(f"rule set {rules.id}: no method of evaluation")
    for name, method in rules.evaluation.methods.items():
        breaks = method.tie_breaks
        if len(set(breaks)) != len(breaks) or "lot" in breaks[:-1]:
            raise InvalidError(f"rule set {rules.id}: {name}: a lot decides last, each rule once")
    _check_ending(rules)


def _check_ending(rules: RuleSet) -> None:
    """Who ranks without a price awards nothing: no candidates, no days to object, no lot."""
    quality = rules.evaluation.methods.get(QUALITY)
    awards = rules.evaluation.candidates_max.value > 0
    if awards is not (quality is None) or (not awards and len(rules.evaluation.methods) > 1):
        raise InvalidError(f"rule set {rules.id}: {QUALITY} alone ends without candidates")
    if quality and (rules.clock.objection_days.value or {"price", "lot"} & {*quality.tie_breaks}):
        raise InvalidError(f"rule set {rules.id}: {QUALITY} knows no price, lot or objection")
