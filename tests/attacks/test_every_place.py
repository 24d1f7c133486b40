"""The leak search at every single place of a tender: what Follow, pages' cut and evidence give.

The demo's pictures show whole machines at some stages; here nothing is frozen, so every place and
every tick is looked at, for each reader: what the node would show him then is searched for every
secret that the finished tender has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.core.errors import NodeError
from node.core.evidence.extent import StoredPlace
from node.core.records.canonical import encode
from node.core.rules.state import Placed, TenderState
from node.services.model import Stream
from node.services.ports import PlaceRow, StreamRow
from node.services.shown import Shown
from tests.attacks.honest_guest import row_of
from tests.attacks.leaks import known as leaks
from tests.attacks.leaks.known import Known, Party
from tests.attacks.leaks.search import Searcher
from tests.attacks.leaks.seen import Seen
from tests.world.logs import KeptStream
from tests.world.network import CENTRES, HOST, REGULATOR
from tests.world.scripts import Script
from tests.world.session import SCRIPTS, Whole

NAMES = ("jp", "cn")


def readers_of(made: Whole) -> dict[str, Party]:
    """Everybody who may ask, as whom he asks."""
    parties = {
        "public": Party("public", "anybody"),
        "regulator": Party("regulator", REGULATOR, frozenset({f"regulator:{REGULATOR}"})),
    }
    for centre in CENTRES:
        column: leaks.Column = "host" if centre == HOST else "guest"
        owns = frozenset({f"centre:{centre}", f"pool:{centre}"})
        parties[f"centre:{centre}"] = Party(column, centre, owns)
    for bid in list(made.state.in_force.values())[:1]:
        name = f"bidder:{bid.bidder}"
        parties[name] = Party("bidder", bid.bidder, frozenset({name}))
    return parties


def streams_of(made: Whole) -> Iterator[Stream]:
    """The tender's stream and all side streams, as a node that has them all holds them."""
    yield _stream(StreamRow(made.state.stream, "tender", HOST, False), made.state)
    for keeper, stream in made.sides.items():
        yield _stream(StreamRow(stream, "side", keeper, False, made.state.stream), None)


def _stream(row: StreamRow, state: TenderState | None) -> Stream:
    return Stream(row, cast(Any, state), ())


def rows_of(made: Whole, stream: StreamRow) -> Iterator[PlaceRow]:
    """A stream's places, published or not: Follow does not wait for the tick."""
    kept = made.net.logs[stream.keeper].streams.get(stream.id, KeptStream(stream.kind))
    for place in kept.places:
        yield row_of(stream.id, place)
    for what, where, envelope, body in kept.waiting:
        yield row_of(stream.id, StoredPlace(where.seq, what, where, envelope, body, 0))


def secrets_of(made: Whole) -> list[Known]:
    """Every secret of a finished tender."""
    return [
        known
        for stream in streams_of(made)
        for row in rows_of(made, stream.row)
        for known in leaks.of_record(stream.row, row, made.state)
    ]


@dataclass(frozen=True, slots=True)
class Got:
    """What a reader got at some moment: how, what, and how the tender stood then."""

    reader: str
    way: str
    data: bytes
    state: TenderState


class Watched(Whole):
    """A tender in which everybody asks for all he can get, at every place and at every tick."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.got: list[Got] = []
        self.shown: set[tuple[str, str, int, bool]] = set()

    @property
    def readers(self) -> dict[str, Party]:
        """Everybody; the bidder asks once he has bid."""
        return readers_of(self)

    def _fold(self, placed: Placed) -> Placed:
        made = super()._fold(placed)
        for name in self.readers:
            data = b"\n".join(self.followed(name, name))
            self.got.append(Got(name, "follow", data, self.state))
        return made

    def sync(self) -> None:
        """Also make everybody's evidence as of this tick."""
        super().sync()
        for name in self.readers:
            with suppress(NodeError):
                data = self.net.evidence(self.state.stream, name)
                self.got.append(Got(name, "evidence", data, self.state))

    def followed(self, reader: str, shown_as: str) -> Iterator[bytes]:
        """What Follow gives of each stream, and did not give him before."""
        streams = {stream.row.id: stream for stream in streams_of(self)}
        book = SimpleNamespace(need=streams.__getitem__)
        shown = Shown(cast(Any, book), *cast(Any, (None, None, None)))
        for stream in streams.values():
            rows = list(rows_of(self, stream.row))
            for item in shown.cut(stream, rows, shown_as):
                mark = (reader, stream.row.id, item.seq, item.body is None)
                if mark not in self.shown:
                    self.shown.add(mark)
                    yield encode(item.envelope) + b"\n" + (item.body or b"")


@dataclass(frozen=True, slots=True)
class Found:
    """What the search saw: leaks as lines, and how often each reader had what he may have."""

    leaks: list[str]
    hits: Counter[str]


def search(made: Watched) -> Found:
    """Search all that anybody got for all that the finished tender keeps secret."""
    known = {one.secret: one for one in secrets_of(made)}
    searcher, found = Searcher(known), Found([], Counter())
    searched: dict[str, Seen] = defaultdict(Seen)
    for got in made.got:
        place = f"{got.way} at place {len(got.state.entries) - 1} ({got.state.phase})"
        for hit in searcher.data(got.data, place, searched[got.reader]):
            found.hits[got.reader] += 1
            if not known[hit.secret].is_allowed(made.readers[got.reader], got.state.phase):
                found.leaks.append(f"{got.reader}: {hit}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_reader_gets_more_than_his_at_any_place(name: str) -> None:
    made = Watched(SCRIPTS[name])
    made.run()
    found = search(made)
    assert found.leaks == []
    files = Counter(got.reader for got in made.got if got.way == "evidence")
    assert all(found.hits[reader] > 40 and files[reader] for reader in made.readers), files


class Careless(Watched):
    """The same with a cut that forgot who reads: what the search must find."""

    def followed(self, reader: str, shown_as: str) -> Iterator[bytes]:
        """Everything that the host sees, to the public."""
        return super().followed(reader, f"centre:{HOST}" if reader == "public" else shown_as)

    def sync(self) -> None:
        """No evidence here."""
        Whole.sync(self)


def test_a_cut_that_forgets_the_reader_is_found() -> None:
    made = Careless(SCRIPTS["jp"])
    made.run()
    leaks = search(made).leaks
    assert {line.split()[1] for line in leaks} == {"record", "body", "price", "share"}
    assert {line.split(":")[0] for line in leaks} == {"public"}
