"""A host that cheats in front of real guests: none endorses, each disputes, the evidence falls.

The host signs with its real keys; its log, cosignatures and anchors are real. Guests run the node's
own services over the node's own fold (`honest_guest`).
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from node.cli.verify import verify as verify_command
from node.core.evidence.extent import read_part
from node.core.evidence.verify import verify
from node.core.records.kinds.draws import DrawJoined
from node.core.records.kinds.session import SheetOpened
from node.core.records.kinds.streams import DisputeRaised, StreamEndorsed
from node.core.records.place import entry_of
from tests.attacks.forgeries import (
    AnotherWinner,
    DroppedBid,
    SwappedSheet,
    evidence_of,
    parts_of,
)
from tests.attacks.honest_guest import HonestGuest, until_forged
from tests.world import network
from tests.world.network import HOST, REGULATOR
from tests.world.session import Whole

if TYPE_CHECKING:
    from node.core.evidence.extent import Shown

GUESTS = ("changsha", "xiangtan", REGULATOR)


class ReorderedSheet(Whole):
    """The host opens a sheet with its marks in another order."""

    forging = True

    def opened_sheet(self, sheet: str) -> SheetOpened:
        """The same marks, turned round."""
        honest = super().opened_sheet(sheet)
        package = structs.replace(honest.package, scores=honest.package.scores[::-1])
        return structs.replace(honest, package=package)


class TradedMarks(Whole):
    """The host opens a sheet in which two bids have each other's marks."""

    forging = True

    def opened_sheet(self, sheet: str) -> SheetOpened:
        """Each mark stands with the other bid."""
        honest = super().opened_sheet(sheet)
        first, second, *_ = sorted({score.bid for score in honest.package.scores})
        other = {first: second, second: first}
        scores = [
            structs.replace(score, bid=other.get(score.bid, score.bid))
            for score in honest.package.scores
        ]
        ordered = tuple(sorted(scores, key=lambda score: (score.bid, score.criterion)))
        package = structs.replace(honest.package, scores=ordered)
        return structs.replace(honest, package=package)


CHEATS = pytest.mark.parametrize(
    ("kind", "name", "article"),
    [
        (AnotherWinner, "jp", "Tsuchiura results: lowest bid wins, ties by lot"),
        (AnotherWinner, "cn", "TBR 53"),
        (DroppedBid, "jp", "protocol 10.8"),
        (SwappedSheet, "cn", "protocol 5"),
        (ReorderedSheet, "cn", "protocol 5"),
        (TradedMarks, "cn", "protocol 5"),
    ],
    ids=[
        "awards the second lowest",
        "awards the second best",
        "drops a bid",
        "alters a sheet",
        "reorders a sheet",
        "trades two bids' marks",
    ],
)


Played = tuple[Whole, int, dict[str, HonestGuest]]
_PLAYED: dict[tuple[str, str], Played] = {}


def played(kind: type[Whole], name: str) -> Played:
    """The host's forged tender, the place that is forged, and what each guest made of it."""
    key = (kind.__name__, name)
    if key not in _PLAYED:
        _PLAYED[key] = play(kind, name)
    return _PLAYED[key]


def play(kind: type[Whole], name: str) -> Played:
    """Let every guest follow the host to the end, and publish what it says."""
    made, forged = until_forged(kind, name)
    guests = {one: HonestGuest(one, made) for one in GUESTS}

    async def follow_all() -> None:
        await asyncio.gather(*(guest.follow() for guest in guests.values()))

    asyncio.run(follow_all())
    for guest in guests.values():
        guest.log_all()
    made.net.tick()
    return made, forged.seq, guests


@CHEATS
def test_no_guest_takes_or_endorses_the_forged_place(
    kind: type[Whole], name: str, article: str
) -> None:
    made, forged, guests = played(kind, name)
    del article
    assert forged == len(made.net.logs[HOST].streams[made.state.stream].places) - 1
    for guest in guests.values():
        endorsed = [one.seq for one in guest.said() if isinstance(one, StreamEndorsed)]
        assert endorsed
        assert max(endorsed) < forged
        assert guest.held == forged


@CHEATS
def test_each_guest_disputes_the_forged_place_in_its_own_log_once(
    kind: type[Whole], name: str, article: str
) -> None:
    made, forged, guests = played(kind, name)
    place = made.net.logs[HOST].streams[made.state.stream].places[forged]
    for guest in guests.values():
        said = guest.said()
        disputes = [one for one in said if isinstance(one, DisputeRaised)]
        assert [(one.seq, one.entry) for one in disputes] == [
            (forged, entry_of(place.what, place.where))
        ]
        assert said[-1] is disputes[0]
        assert disputes[0].article == article


@CHEATS
def test_a_guest_that_starts_again_endorses_nothing_after_its_dispute(
    kind: type[Whole], name: str, article: str
) -> None:
    made, forged, guests = played(kind, name)
    del article
    guest = guests[GUESTS[0]]
    before = len(guest.said())
    again = HonestGuest(GUESTS[0], made)
    asyncio.run(again.follow())
    assert again.held == forged
    assert [type(one) for one in again.said()[:before]] == [type(one) for one in guest.said()]
    assert not any(isinstance(one, StreamEndorsed) for one in again.said()[before:])


@CHEATS
def test_evidence_that_ends_where_all_agreed_tells_no_result_of_the_host(
    kind: type[Whole], name: str, article: str
) -> None:
    made, forged, _ = played(kind, name)
    del article
    data = evidence_of(made)
    verdict = verify(data, made.net.trust())
    assert verdict.word == "proven"
    assert verdict.facts["closed"] is False
    assert verdict.facts["result"]["winner"] is None
    assert len(json.loads(data)["streams"][0]["places"]) <= forged


@CHEATS
@pytest.mark.parametrize(
    ("shows", "link"),
    [
        ("all", "disputed"),
        ("no dispute", "endorsement"),
        ("no guest", "stream-missing"),
    ],
)
def test_evidence_that_the_host_shows_to_its_end_does_not_verify(
    kind: type[Whole], name: str, article: str, shows: str, link: str, tmp_path: Path
) -> None:
    made, forged, _ = played(kind, name)
    del article
    data = to_the_end(made, shows)
    assert len(json.loads(data)["streams"][0]["places"]) == forged + 1
    first = verify(data, made.net.trust()).first_broken
    assert first is not None
    assert first.broken is not None
    assert (first.number, first.broken.link) == (3, link)
    assert exit_status(made, data, tmp_path) == 1


def to_the_end(made: Whole, shows: str) -> bytes:
    """The evidence as its host wants it: all of its stream, and of guests what it likes."""
    read = [read_part(part) for part in parts_of(made)]
    whole = sorted((one for one in read if _belongs(made, one)), key=_order)
    if shows == "no guest":
        whole = [one for one in whole if one.part.keeper == HOST]
    if shows == "no dispute":
        whole = [_without_dispute(one) for one in whole]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "shown", lambda *_: tuple(whole))
        return evidence_of(made)


def _without_dispute(stream: Shown) -> Shown:
    seqs = [p.seq for p in stream.places if isinstance(p.body, DisputeRaised)]
    return stream.until(min(seqs) - 1) if seqs else stream


def _order(stream: Shown) -> tuple[int, str]:
    return ("tender", "side", "pool").index(stream.part.kind), stream.part.keeper


def _belongs(made: Whole, stream: Shown) -> bool:
    """Whether a file needs a stream: the tender, its side streams, the pools that joined."""
    joined = {body.snapshot.stream for body in made.bodies if isinstance(body, DrawJoined)}
    return stream.part.kind != "pool" or stream.part.stream in joined


def exit_status(made: Whole, data: bytes, folder: Path) -> int:
    """What `yuanping verify` ends with."""
    evidence, trust = folder / "evidence.json", folder / "trust.json"
    evidence.write_bytes(data)
    trust.write_text(json.dumps(made.net.policy()))
    return verify_command([str(evidence)], str(trust))
