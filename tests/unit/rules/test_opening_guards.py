"""The opening: each guard refuses what it is there for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from node.core.errors import NodeError, SignatureError
from node.core.records.canonical import b64encode, encode, epoch_of
from node.core.records.kinds.tender import (
    BidNotOpened,
    LotFailed,
)
from node.core.rules.opening import (
    check_package,
    is_enough,
    is_released,
    release_of,
    unlock_end,
)
from tests.world.moments import after, again, before, body, header, moment, place, refusal
from tests.world.network import HOST
from tests.world.run import Said

OTHER = "ab" * 32
Case = tuple[Callable[[], Said], str]


# --- the opening --------------------------------------------------------------------------------


def unlocked(number: int = 0) -> Said:
    """A consent."""
    return moment("jp", "bid.unlocked", number)


def expired(tender: str = "jp") -> Said:
    """The end of the window."""
    return moment(tender, "term.expired")


def few(said: Said) -> Said:
    """The same where only two bids were sealed and three are needed."""
    rules = said.before.rules
    number = len(said.before.in_force) + 1
    bids = structs.replace(
        rules.bids, minimum_bidders=structs.replace(rules.bids.minimum_bidders, value=number)
    )
    return before(said, rules=structs.replace(rules, bids=bids))


def shares(number: int = 0) -> Said:
    """A holder's shares."""
    return moment("jp", "share.released", number)


def shown(number: int = 0) -> Any:  # noqa: ANN401 - shares
    """The shares themselves."""
    return shares(number).placed.body.shares  # type: ignore[union-attr]


def opened(number: int = 0) -> Said:
    """A bid as it is read out."""
    return moment("jp", "bid.opened", number)


def package(**members: Any) -> Any:  # noqa: ANN401 - members of a package
    """The first package, changed."""
    return structs.replace(opened().placed.body.package, **members)  # type: ignore[union-attr]


def not_opened(bid: str, ground: str, **members: Any) -> Said:  # noqa: ANN401 - members
    """A bid that is said to stay closed, at the first reading out."""
    found = BidNotOpened(bid=bid, ground=ground, salt=OTHER, **members)  # type: ignore[arg-type]
    return header(place(opened(), body=found), type="bid.not_opened/v1")


def first_bid() -> str:
    """The bid that is read out first."""
    return opened().placed.body.bid  # type: ignore[union-attr, no-any-return]


def closed_bid() -> str:
    """The bid that nobody unlocked."""
    return moment("jp", "bid.not_opened").placed.body.bid  # type: ignore[union-attr, no-any-return]


def ciphertext() -> str:
    """The first bid's own."""
    return opened().placed.body.ciphertext  # type: ignore[union-attr, no-any-return]


def waiting(done: int, seconds: int) -> Said:
    """The first reading out with so many holders' shares, so long after the release."""
    said = opened()
    release = release_of(said.before)
    some = frozenset(release.holders[:done])
    kept = {box: found[:done] for box, found in release.shares.items()}
    state = replace(said.before, release=replace(release, done=some, shares=kept))
    return Said(state, replace(said.placed, received=release.received + seconds))


WAIT = moment("jp", "tender.announced").before.rules.clock.lodge_answer_seconds.value

OPENING: dict[str, Case] = {
    "somebody else consents": (
        lambda: body(unlocked(0), bid=unlocked(1).placed.body.bid),  # type: ignore[union-attr]
        "not your bid in force",
    ),
    "no such bid": (lambda: body(unlocked(), bid=OTHER), "not your bid in force"),
    "consent a second early": (
        lambda: place(
            before(unlocked(), received=0),
            received=epoch_of(unlocked().before.terms.opening) - 1,
        ),
        "outside the unlock window",
    ),
    "consent a second late": (
        lambda: place(unlocked(), received=unlock_end(unlocked().before) + 1),
        "outside the unlock window",
    ),
    "consent twice": (lambda: again(unlocked(), after(unlocked())), "unlocked already"),
    "consent although too few bids came": (lambda: few(unlocked()), "bids: no opening"),
    "the window ends a second early": (
        lambda: place(expired(), received=unlock_end(expired().before) - 1),
        "still open",
    ),
    "the window ends although too few bids came": (lambda: few(expired()), "the lot fails"),
    "shares of somebody who holds none": (
        lambda: header(shares(), author=f"centre:{HOST}"),
        "no shares to release",
    ),
    "shares a second time": (lambda: again(shares(), after(shares())), "no shares to release"),
    "shares by another record": (lambda: body(shares(), by=OTHER), "another record"),
    "shares of a box that is not released": (
        lambda: body(
            shares(),
            shares=tuple(
                sorted(
                    (structs.replace(shown()[0], box=closed_bid()), *shown()[1:]),
                    key=lambda one: one.box,
                )
            ),
        ),
        "one share of each box",
    ),
    "shares unsorted": (lambda: body(shares(), shares=shown()[::-1]), "sorted"),
    "a share twice": (lambda: body(shares(), shares=(shown()[0], *shown())), "sorted"),
    "another holder's shares": (
        lambda: body(shares(0), shares=shown(1)),
        "shares of number 1 only",
    ),
    "a share that does not match its hash": (
        lambda: body(shares(), shares=(structs.replace(shown()[0], share=OTHER),)),
        "share",
    ),
    "read out with two holders' shares before the third's time is up": (
        lambda: waiting(2, WAIT - 1),
        "not all holders have released",
    ),
    "read out with one holder's shares": (
        lambda: waiting(1, WAIT),
        "not all holders have released",
    ),
    "read out without consent": (
        lambda: before(body(opened(), bid=closed_bid()), not_opened={}),
        "did not unlock",
    ),
    "read out twice": (lambda: again(opened(), after(opened())), "waits to be opened"),
    "read out after it was said to stay closed": (
        lambda: before(opened(), not_opened={first_bid(): "box-faulty"}),
        "waits to be opened",
    ),
    "another key": (lambda: body(opened(), key=OTHER), "not what the box holds"),
    "another package": (
        lambda: body(opened(), package=package(name="another")),
        "not what the box holds",
    ),
    "called not unlocked": (lambda: not_opened(first_bid(), "not-unlocked"), "ground does not"),
    "called faulty though nobody unlocked it": (
        lambda: before(
            not_opened(closed_bid(), "box-faulty", ciphertext=ciphertext()), not_opened={}
        ),
        "ground does not",
    ),
    "called missing though the shares are there": (
        lambda: not_opened(first_bid(), "share-missing"),
        "enough shares are shown",
    ),
    "called faulty without its ciphertext": (
        lambda: not_opened(first_bid(), "box-faulty"),
        "shown with its ciphertext",
    ),
    "called faulty though it opens": (
        lambda: not_opened(first_bid(), "box-faulty", ciphertext=ciphertext()),
        "it is not faulty",
    ),
    "called faulty with another ciphertext": (
        lambda: not_opened(first_bid(), "box-faulty", ciphertext=b64encode(b"x" * 100)),
        "",
    ),
    "the opening ends with a bid left": (
        lambda: again(moment("jp", "opening.closed"), moment("jp", "bid.opened", -1).before),
        "counts are not those",
    ),
    "the opening ends with a bid left, honestly counted": (
        lambda: body(
            again(moment("jp", "opening.closed"), opened().before),
            opened=len(opened().before.opened),
            not_opened=len(opened().before.not_opened),
        ),
        "counts are not those",
    ),
    "other counts": (lambda: body(moment("jp", "opening.closed"), opened=99), "counts are not"),
    "the lot fails though enough bid": (
        lambda: header(
            place(expired(), body=LotFailed(ground="too-few-bids", salt=OTHER)),
            type="lot.failed/v1",
            lot="1",
        ),
        "bids enough",
    ),
    "the lot fails though somebody won": (
        lambda: header(
            place(
                moment("jp", "candidates.published"),
                body=LotFailed(ground="no-valid-bid", salt=OTHER),
            ),
            type="lot.failed/v1",
            author=f"centre:{HOST}",
        ),
        "the result is no failure",
    ),
}


@pytest.mark.parametrize("name", OPENING)
def test_opening(name: str) -> None:
    make, words = OPENING[name]
    assert words in refusal(make())


def test_consent_counts_from_the_first_to_the_last_second_of_the_window() -> None:
    said = before(unlocked(), received=0)
    for received in (epoch_of(said.before.terms.opening), unlock_end(said.before)):
        assert after(place(said, received=received)).unlocked
    assert after(place(expired(), received=unlock_end(expired().before))).release is not None


def test_the_shares_released_are_those_of_unlocked_bids_only() -> None:
    release = release_of(after(expired()))
    assert set(release.boxes) == expired().before.unlocked
    assert closed_bid() not in release.boxes


def test_a_silent_holder_stops_the_opening_for_its_time_only() -> None:
    assert after(waiting(2, WAIT)).opened
    assert not is_released(waiting(2, WAIT - 1).before, waiting(2, WAIT - 1).placed.received)
    assert is_released(opened().before, release_of(opened().before).received)


def test_exactly_as_many_bids_as_the_law_asks_for_are_enough() -> None:
    state = moment("cn", "bids.closed").before
    assert state.rules.bids.minimum_bidders.value == 3
    three = dict(list(state.bids.items())[:3])
    assert is_enough(replace(state, bids=three))
    assert not is_enough(replace(state, bids=dict(list(three.items())[:2])))
    same = {k: replace(v, bidder="x") for k, v in three.items()}
    assert not is_enough(replace(state, bids=same)), "bidders count, not bids"


def test_missing_shares_are_missing_only_under_the_threshold() -> None:
    said = not_opened(first_bid(), "share-missing")
    release = release_of(said.before)
    one = {**release.shares, first_bid(): release.shares[first_bid()][:1]}
    less = before(said, release=replace(release, shares=one))
    assert after(less).not_opened[first_bid()] == "share-missing"
    two = {**release.shares, first_bid(): release.shares[first_bid()][:2]}
    assert "enough shares" in refusal(before(said, release=replace(release, shares=two)))


# --- packages -----------------------------------------------------------------------------------

PACKAGES: dict[str, tuple[dict[str, Any], str]] = {
    "of another bid key": ({"key": OTHER}, "made for another bid"),
    "of another tender": ({"stream": OTHER}, "made for another bid"),
    "of another lot": ({"lot": "2"}, "made for another bid"),
    "for nothing": ({"price": "0"}, "above zero"),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_package(name: str) -> None:
    changes, words = PACKAGES[name]
    state, bid = opened().before, opened().before.bids[first_bid()]
    check_package(state, package(), bid.bidder)
    with pytest.raises(NodeError, match=words):
        check_package(state, package(**changes), bid.bidder)


def test_a_package_is_vouched_for_by_its_bidder() -> None:
    state, bid = opened().before, opened().before.bids[first_bid()]
    certificate = structs.replace(package().certificate, sig="00" * 64)
    with pytest.raises(SignatureError):
        check_package(state, package(certificate=certificate), bid.bidder)
    assert encode(package())
