"""What is secret in a finished tender, and who may have it from when on.

The secrets are read out of everybody's stores once all is over: only a test may do that. What
records may be seen follows the audience table; prices, names, marks and keys follow `FROM`, which
is written here by hand from protocol.md 10.13 and 5, so that a wrong table is found out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from node.adapters.sql.store import SqlStore
from node.core.evidence.trust import parse_trust
from node.core.records.box import open_name
from node.core.records.canonical import decode, encode
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.session import SheetOpened
from node.core.records.kinds.streams import ShareReleased
from node.core.records.kinds.tender import BidOpened
from node.core.rules import audience
from node.core.rules.audience import Level
from node.core.rules.pool import PoolEntry
from node.core.rules.state import Phase, TenderState
from node.services.judging import Laws
from node.services.model import Book
from node.services.ports import PlaceRow, StreamRow
from node.services.roster import Roster
from tests.attacks.leaks.search import Secret

if TYPE_CHECKING:
    from node.core.rules.listing import NamedPerson

Column = Literal["host", "guest", "regulator", "bidder", "public"]
ORDER = list(Phase)
NEVER = len(ORDER)
NAMES_SEARCHED = 10
"""So many experts of each pool are looked for by name and key, beside all that sat."""


def _from(phase: Phase | None) -> int:
    return NEVER if phase is None else ORDER.index(phase)


FROM: Mapping[str, Mapping[Column, int]] = {
    kind: dict(
        zip(("host", "guest", "regulator", "bidder", "public"), map(_from, row), strict=True)
    )
    for kind, row in {
        # Shares are released together once the window is over; the opening is public at its end.
        "price": (Phase.UNLOCKED, Phase.UNLOCKED, Phase.UNLOCKED, Phase.READ, Phase.READ),
        "share": (Phase.UNLOCKED, Phase.UNLOCKED, Phase.UNLOCKED, None, None),
        # A sheet is seen when all are in; never by those outside, single marks and votes stay in.
        "marks": (Phase.REVEALING, Phase.REVEALING, Phase.REVEALING, None, None),
        "sheet share": (Phase.REVEALING, Phase.REVEALING, Phase.REVEALING, None, None),
        # Who sat is opened after the award; who was only listed, the regulator alone is told.
        "seated expert": (
            Phase.AWARDED,
            Phase.AWARDED,
            Phase.DRAWING,
            Phase.AWARDED,
            Phase.AWARDED,
        ),
        "listed expert": (None, None, Phase.DRAWING, None, None),
        # Names are opened in memory, after `identity.unlocked`; they stand in no store.
        "name": (None, None, None, None, None),
    }.items()
}
"""Kind of secret -> the phase of the tender's stream from which each column may hold it."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whose things are searched: how it reads, its id, and what it made itself.

    `owns` are the owners that it is (see `Known`). `later`: from this phase on it reads as another
    column. `told` are record types whose ids it has by protocol, whatever the table says.
    """

    column: Column
    id: str
    owns: frozenset[str] = frozenset()
    later: tuple[Phase, Column] | None = None
    told: frozenset[str] = frozenset()

    def column_at(self, phase: Phase) -> Column:
        """As which column it reads now."""
        if self.later is not None and ORDER.index(phase) >= ORDER.index(self.later[0]):
            return self.later[1]
        return self.column


@dataclass(frozen=True, slots=True)
class Known:
    """A secret with what decides who may have it.

    `row` is (kind of stream, record type, author, least level) for what the audience table rules.
    `owner` made it: an author, `experts:<centre>` for marks, `pool:<centre>` for entries.
    """

    secret: Secret
    owner: str = ""
    row: tuple[str, str, str, Level] | None = None

    def is_allowed(self, party: Party, phase: Phase) -> bool:
        """Whether a party may hold it in this phase of the tender's stream."""
        column = party.column_at(phase)
        if self.owner in party.owns:
            return True
        if self.row is None:
            return ORDER.index(phase) >= FROM[self.secret.kind][column]
        kind, record, author, least = self.row
        if record in party.told and least is Level.HEADER:
            return True
        reader = (f"{column}:{party.id}", column)
        return audience.level(kind, (record, author), audience.stage_at(phase), reader) >= least


@dataclass(frozen=True, slots=True)
class Ledger:
    """One node's store, folded."""

    store: SqlStore
    book: Book

    def tender(self) -> TenderState:
        """The state of its one tender. Fails if it knows none yet."""
        states = [stream.state for stream in self.book.streams("tender")]
        assert len(states) == 1
        assert isinstance(states[0], TenderState)
        return states[0]

    def rows(self) -> Iterator[tuple[StreamRow, PlaceRow]]:
        """Every place of the tender's stream and of all side streams."""
        for stream in self.book.streams():
            if stream.row.kind != "pool":
                yield from ((stream.row, row) for row in self.store.places(stream.row.id))


def open_ledger(site: Path, member: str) -> Ledger:
    """Open a member's store in a copy of a demo's folder (it is written to)."""
    trust = parse_trust((site / "trust.json").read_bytes())
    store = SqlStore(f"sqlite:///{site / 'centres' / member / 'data' / 'node.db'}")
    book = Book(Laws(trust.form.network))
    book.load(store)
    return Ledger(store, book)


def secrets_of(site: Path) -> list[Known]:
    """Every secret of a demo's one finished tender, from a copy of its folder."""
    network = json.loads((site / "network.json").read_bytes())
    pools = [one["id"] for one in network["centres"] if one["role"] == "centre"]
    regulator = next(one["id"] for one in network["centres"] if one["role"] == "regulator")
    ledger = open_ledger(site, regulator)
    state = ledger.tender()
    found = [known for stream, row in ledger.rows() for known in of_record(stream, row, state)]
    ledger.store.close()
    box = bytes.fromhex((site / "centres" / regulator / "keys" / "box.key").read_text().strip())
    for pool in pools:
        found += _of_pool(open_ledger(site, pool), pool, box)
    return found


def of_record(stream: StreamRow, row: PlaceRow, state: TenderState) -> Iterator[Known]:
    """What one place keeps secret; `state` is that of the tender when all is over."""
    header = open_envelope(row.envelope).header
    owner = _home(header.author, state)
    name = f"{header.type} {row.seq} of {stream.keeper}'s {stream.kind} stream"
    seen = (stream.kind, header.type, header.author)
    yield Known(Secret("record", name, (), (row.record,)), owner, (*seen, Level.HEADER))
    assert row.body is not None, f"the regulator sees all: {name}"
    body = decode_body(header.type, row.body)
    salt = str(json.loads(row.body)["salt"])
    yield Known(Secret("body", name, (), (salt,)), owner, (*seen, Level.ALL))
    match body:
        case BidOpened():
            yield from _of_bid(body, state)
        case SheetOpened():
            yield from _of_sheet(body, state)
        case ShareReleased():
            yield from _of_shares(body, owner, state)


def _home(author: str, state: TenderState) -> str:
    """Whose own record it is: a seat's is its centre's, which lodges it first."""
    role, _, name = author.partition(":")
    return f"centre:{state.seats[name].centre}" if role == "expert" else author


def _of_bid(body: BidOpened, state: TenderState) -> Iterator[Known]:
    package = body.package
    owner = f"bidder:{state.in_force[body.bid].bidder}"
    fragment = encode({"bidder": package.bidder})[1:-1]
    needles = [fragment, package.name.encode()]
    needles += [price_as(package.price)] if package.price else []
    digests = (body.key, *_key_digests(package.certificate.key))
    secret = Secret("price", f"bid of {package.bidder}", tuple(needles), digests)
    yield Known(secret, owner)


def _key_digests(key: str) -> tuple[str, ...]:
    """The 32 bytes of a public key that are its x coordinate or all of it."""
    return (key[-64:],)


def price_as(price: str) -> bytes:
    """A price as it would stand as a number: what follows the point is left out if it is zero."""
    whole, _, rest = price.partition(".")
    return (price if rest.strip("0") else whole).encode()


def _of_sheet(body: SheetOpened, state: TenderState) -> Iterator[Known]:
    seat = next(s for s, sheet in state.review.sheets.items() if sheet.id == body.sheet)
    needles = tuple(encode(score) for score in body.package.scores)
    secret = Secret("marks", f"sheet of seat {seat}", needles, (body.key,))
    yield Known(secret, f"experts:{state.seats[seat].centre}")


def _of_shares(body: ShareReleased, owner: str, state: TenderState) -> Iterator[Known]:
    for share in body.shares:
        kind = "share" if share.box in state.bids else "sheet share"
        digests = (share.share, share.salt)
        yield Known(Secret(kind, f"{owner} of {share.box[:8]}", (), digests))


def _of_pool(ledger: Ledger, pool: str, box: bytes) -> Iterator[Known]:
    state = ledger.tender()
    persons = {one.pseudonym: one for one in Roster(ledger.store).persons(state.draw.id)}
    assert persons, f"{pool} has listed nobody"
    seated = {seat.person for seat in state.seats.values()}
    entries = [
        decode(text.encode(), PoolEntry) for text in ledger.store.facts("pool/entry/").values()
    ]
    ledger.store.close()
    for number, entry in enumerate(entries):
        person = persons.get(entry.facts.pseudonym)
        sat = person is not None and person.person in seated
        if number < NAMES_SEARCHED or sat:
            yield from _of_entry(entry, (person, sat), pool, box)


def _of_entry(
    entry: PoolEntry, drawn: tuple[NamedPerson | None, bool], pool: str, box: bytes
) -> Iterator[Known]:
    facts, (person, sat) = entry.facts, drawn
    told = (facts.pseudonym, facts.entry.key, *((person.salt,) if person else ()))
    kind = "seated expert" if sat else "listed expert"
    name = f"{facts.pseudonym[:8]} of {pool}"
    yield Known(Secret(kind, name, (), told), f"pool:{pool}")
    clear = open_name(bytes.fromhex(facts.name), facts.pseudonym, box)
    yield Known(Secret("name", name, (clear.encode(),)))
