"""Plan, announcement, bids: each guard refuses what it is there for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from node.core.records.box import Box
from node.core.records.canonical import epoch_of, time_of
from node.core.records.keys import signer_from_seed
from node.core.records.kinds.tender import (
    Criterion,
    LotCommittee,
    PriceFormula,
    TenderAnnounced,
)
from node.core.rules.bid import bids_root
from node.core.rules.opening import (
    unlock_end,
)
from node.core.rules.state import Phase, TenderState
from node.core.rules.tender import criteria_of, limits_of
from tests.world.moments import after, before, body, moment, place, refusal
from tests.world.network import HOST, REGULATOR
from tests.world.run import Said
from tests.world.scripts import CN_METHOD
from tests.world.session import world

OTHER = "ab" * 32
Case = tuple[Callable[[], Said], str]


def announced(tender: str = "jp") -> Said:
    """The announcement."""
    return moment(tender, "tender.announced")


def terms(tender: str = "jp") -> TenderAnnounced:
    """Its body."""
    found = announced(tender).placed.body
    assert isinstance(found, TenderAnnounced)
    return found


def moved(seconds: int) -> Said:
    """The announcement with all of its times moved."""
    times = {
        name: time_of(epoch_of(getattr(terms(), name)) + seconds)
        for name in ("deadline", "opening", "unlock_until")
    }
    return body(announced(), **times)


def later(name: str, seconds: int) -> Said:
    """The announcement with one of its times moved."""
    return body(announced(), **{name: time_of(epoch_of(getattr(terms(), name)) + seconds)})


def lot(tender: str = "jp", **members: Any) -> Said:  # noqa: ANN401 - members of a lot
    """The announcement of another lot."""
    return body(announced(tender), lots=(structs.replace(terms(tender).lots[0], **members),))


def method(tender: str = "cn", **members: Any) -> Said:  # noqa: ANN401 - members of a method
    """The announcement of another method."""
    return lot(tender, method=structs.replace(terms(tender).lots[0].method, **members))


def received_days_before(days: int) -> Said:
    """The announcement on the last second of the day so many local days before the deadline."""
    said, minutes = announced(), announced().before.rules.utc_offset_minutes
    local = (epoch_of(terms().deadline) // 60 + minutes) * 60
    midnight = local // 86_400 * 86_400 - minutes * 60
    return place(said, received=midnight - days * 86_400 + 86_399)


NOTICE = announced().before.rules.clock.notice_days.value

PLAN: dict[str, Case] = {
    "two committees": (
        lambda: body(
            moment("jp", "committee.planned"),
            committees=(LotCommittee(lot="1", strata=()), LotCommittee(lot="2", strata=())),
        ),
        "one lot a tender",
    ),
    "four experts": (
        lambda: body(moment("jp", "committee.planned"), committees=(committee(4),)),
        "[",
    ),
    "one day too few": (lambda: received_days_before(NOTICE - 1), "days to the deadline"),
    "opening a second later": (lambda: later("opening", 60), "minutes after the deadline"),
    "opening before the deadline": (lambda: later("opening", -60), "minutes after the deadline"),
    "a longer window": (lambda: later("unlock_until", 60), "the unlock window is"),
    "a shorter window": (lambda: later("unlock_until", -60), "the unlock window is"),
    "the host as a holder": (
        lambda: body(announced(), holders=("changsha", REGULATOR, HOST)),
        "host is never a holder",
    ),
    "one share is enough": (lambda: body(announced(), threshold=1), "1 of 3 shares"),
    "more shares than holders": (lambda: body(announced(), threshold=4), "4 of 3 shares"),
    "no regulator among the holders": (
        lambda: body(announced(), holders=("changsha", "xiangtan")),
        "one of the holders is a regulator",
    ),
    "holders unsorted": (
        lambda: body(announced(), holders=("xiangtan", "changsha", REGULATOR)),
        "holders stand sorted",
    ),
    "a holder twice": (
        lambda: body(announced(), holders=("changsha", "changsha", REGULATOR)),
        "holders stand sorted",
    ),
    "a holder without a box key": (
        lambda: without_box_key("xiangtan"),
        "holder xiangtan has no box key",
    ),
    "two lots": (lambda: body(announced(), lots=terms().lots * 2), "one lot a tender"),
    "another lot than planned": (lambda: lot(id="2"), "planned for another lot"),
    "another currency": (lambda: body(announced(), currency="CNY"), "money is JPY"),
    "another scale": (lambda: body(announced("cn"), scale=0), "money is CNY at scale 2"),
    "criteria without scoring": (
        lambda: lot(method=structs.replace(terms().lots[0].method, criteria=CN_METHOD.criteria)),
        "belong to scoring",
    ),
    "scoring without criteria": (lambda: method(criteria=()), "belong to scoring"),
    "scoring without a price formula": (lambda: method(price=None), "belong to scoring"),
    "a formula without its numbers": (
        lambda: method(price=PriceFormula(kind="benchmark-deviation", maximum="30")),
        "does not declare",
    ),
    "two criteria of one name": (
        lambda: method(criteria=(CN_METHOD.criteria[0], CN_METHOD.criteria[0])),
        "two criteria have one name",
    ),
    "a minimum price where the law forbids it": (
        lambda: lot("cn", minimum="1.00"),
        "may not set a minimum price",
    ),
    "a formula that the rule set does not know": (
        lambda: before(method(), rules=without_formula(method().before)),
        "does not know this price formula",
    ),
}


def committee(seats: int) -> LotCommittee:
    """A committee of so many."""
    stratum = world("jp").script.strata[0]
    return LotCommittee(lot="1", strata=(structs.replace(stratum, seats=seats),))


def without_formula(state: TenderState) -> Any:  # noqa: ANN401 - a rule set
    """Its rule set without the benchmark."""
    rules = state.rules
    formulas = tuple(f for f in rules.evaluation.formulas if f != "benchmark-deviation")
    assert formulas
    return structs.replace(rules, evaluation=structs.replace(rules.evaluation, formulas=formulas))


def without_box_key(member: str) -> Said:
    """The announcement while the registry gives a member no key for boxes."""
    said = announced()
    entry = said.before.keyring.members[member]
    keys = tuple(key for key in entry.keys if key.role != "box")
    members = {**said.before.keyring.members, member: structs.replace(entry, keys=keys)}
    return before(said, keyring=replace(said.before.keyring, members=members))


@pytest.mark.parametrize("name", PLAN)
def test_plan(name: str) -> None:
    make, words = PLAN[name]
    assert words in refusal(make())


def test_just_enough_days_two_of_three_and_all_shares_are_lawful() -> None:
    """Counted in local days: the same instants are a day less in UTC."""
    assert after(received_days_before(NOTICE)).phase is Phase.ANNOUNCED
    assert after(body(announced(), threshold=3)).terms.threshold == 3
    assert after(moved(3600)).phase is Phase.ANNOUNCED


def test_local_days_count() -> None:
    """Half past eight in the evening in UTC is the next morning in Tsuchiura."""
    said = received_days_before(NOTICE)
    assert epoch_of(terms().deadline) // 86_400 - (said.placed.received + 1) // 86_400 >= NOTICE - 1
    shifted = place(said, received=said.placed.received + 1)
    assert "days to the deadline" in refusal(shifted)


def test_limits_and_criteria_are_read_as_declared() -> None:
    limits = limits_of(terms().lots[0], 0)
    assert (limits.minimum, limits.ceiling) == (9_000_000, 15_000_000)
    assert [str(c.factor) for c in criteria_of(CN_METHOD)] == ["1", "1", "2"]
    criterion = Criterion(id="a", maximum="1", objective=True, step="1", title="a")
    assert criteria_of(structs.replace(CN_METHOD, criteria=(criterion,)))[0].objective


# --- bids ---------------------------------------------------------------------------------------


def sealed(number: int = 0) -> Said:
    """A bid."""
    return moment("jp", "bid.sealed", number)


def at_deadline(said: Said, seconds: int) -> Said:
    """The same so many seconds after the deadline."""
    return place(said, received=epoch_of(said.before.terms.deadline) + seconds)


def box_of(said: Said, **members: Any) -> Said:  # noqa: ANN401 - members of a box
    """The same with another box."""
    box: Box = said.placed.body.box  # type: ignore[union-attr]
    return body(said, box=structs.replace(box, **members))


def leaves(said: Said) -> tuple[str, ...]:
    """The leaves of `bids.closed`."""
    return said.placed.body.leaves  # type: ignore[union-attr, no-any-return]


def stale_root() -> dict[str, Any]:
    """Leaves and root over every bid, those that were replaced among them."""
    said = moment("jp", "bids.closed")
    random = said.placed.body.random  # type: ignore[union-attr]
    found, root = bids_root(said.before.bids, random)
    return {"leaves": found, "root": root}


BIDS: dict[str, Case] = {
    "one second late": (lambda: at_deadline(sealed(), 1), "the deadline is past"),
    "another key": (
        lambda: body(sealed(), key=signer_from_seed("ed25519", b"\1" * 32).public),
        "another key than it is signed with",
    ),
    "other holders": (
        lambda: box_of(sealed(), holders=("changsha", REGULATOR, HOST)),
        "not for the holders",
    ),
    "another threshold": (lambda: box_of(sealed(), t=3), "not for the holders"),
    "closed at the deadline's own second": (
        lambda: at_deadline(moment("jp", "bids.closed"), 0),
        "not past yet",
    ),
    "leaves and root over every bid ever sealed": (
        lambda: body(moment("jp", "bids.closed"), **stale_root()),
        "of the bids in force",
    ),
    "a leaf left out": (
        lambda: body(moment("jp", "bids.closed"), leaves=leaves(moment("jp", "bids.closed"))[1:]),
        "of the bids in force",
    ),
    "another root": (
        lambda: body(moment("jp", "bids.closed"), root=OTHER),
        "of the bids in force",
    ),
}


@pytest.mark.parametrize("name", BIDS)
def test_bids(name: str) -> None:
    make, words = BIDS[name]
    assert words in refusal(make())


def test_the_deadlines_own_second_is_in_time() -> None:
    assert after(at_deadline(sealed(), 0)).bids
    assert after(at_deadline(moment("jp", "bids.closed"), 1)).phase is Phase.CLOSED


def test_leaves_are_sorted_with_the_random_one_among_them() -> None:
    for name in ("jp", "jp-tie", "cn"):
        found = leaves(moment(name, "bids.closed"))
        assert list(found) == sorted(found)


def test_a_host_that_closes_late_leaves_the_bidders_their_time() -> None:
    said = moment("jp", "bids.closed")
    window = said.before.rules.clock.unlock_minutes.value * 60
    announced_end = epoch_of(said.before.terms.unlock_until)
    assert unlock_end(after(at_deadline(said, 61))) >= announced_end
    late = after(place(said, received=announced_end + 5))
    assert late.closed_at == announced_end + 5
    assert unlock_end(late) == announced_end + 5 + window
