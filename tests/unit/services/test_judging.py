"""Places of a partner: what does not fit together is refused before any rule is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest

from node.core.errors import NodeError, UnavailableError
from node.core.records.canonical import b64encode
from node.core.records.envelope import Envelope, SignatureLine
from node.core.records.place import entry_of
from node.services.judging import judge, read_place
from node.services.model import Book, Stream, begin, extend
from node.services.ports import Batch, PlaceRow
from tests.simulators.memory_store import MemoryStore
from tests.simulators.office import open_office
from tests.simulators.people import GUEST, HOST, planned

pytestmark = pytest.mark.anyio


async def shown() -> list[PlaceRow]:
    """A host's places as a follower gets them: two that found, the plan, the announcement."""
    host = open_office(HOST)
    stream = await host.open_tender()
    return host.store.places(stream)


def guest_book() -> Book:
    """A follower that knows nothing yet."""
    return open_office(GUEST).book


def advance(book: Book, name: str, rows: Sequence[PlaceRow]) -> Stream:
    """A stream with more places, judged one by one as a follower judges them."""
    stream, candidates = book.get(name), [read_place(name, row) for row in rows]
    if stream is None:
        stream = begin(book.laws, *candidates[:2], own=False)
        candidates = candidates[2:]
    for candidate in candidates:
        stream = extend(stream, judge(stream.state, candidate), candidate)
    return stream


async def test_follower_folds_to_the_same_state() -> None:
    rows = await shown()
    book = guest_book()
    stream = advance(book, rows[0].stream, rows[:3])
    book.put(stream)
    book.put(advance(book, rows[0].stream, rows[3:]))
    state = book.need(rows[0].stream).state
    assert state.entries == tuple(row.entry for row in rows)
    assert book.need(rows[0].stream).row.own is False
    assert book.find(rows[3].record) == (rows[0].stream, 3)
    assert book.answer(rows[3].record) is None, "places of others are not ours to answer for"


def what_with(row: PlaceRow, **changes: str) -> PlaceRow:
    return replace(row, what=msgspec.structs.replace(row.what, **changes))


def where_with(row: PlaceRow, **changes: str | int) -> PlaceRow:
    return replace(row, where=msgspec.structs.replace(row.where, **changes))


def forged(row: PlaceRow) -> PlaceRow:
    """The record under a signature that its author never made, at a place that fits it."""
    signature = b"\x01" * 64
    line = SignatureLine(b64encode(signature))
    envelope = Envelope(row.envelope.payload, row.envelope.payload_type, (line,))
    return replace(what_with(row, sig=sha256(signature).hexdigest()), envelope=envelope)


WRONG: dict[str, tuple[Callable[[PlaceRow], PlaceRow], str]] = {
    "forged-signature": (forged, "signature"),
    "signature-digest": (lambda row: what_with(row, sig="00" * 32), "log"),
    "other-id": (lambda row: what_with(row, id="00" * 32), "log"),
    "other-stream": (lambda row: what_with(row, stream="00" * 32), "log"),
    "other-prev": (lambda row: where_with(row, prev="11" * 32), "log"),
    "gap": (lambda row: where_with(row, seq=3), "rule"),
    "earlier-time": (lambda row: what_with(row, received="2020-01-01T00:00:00Z"), "rule"),
    "other-body": (lambda row: replace(row, body=b"{}"), "form"),
    "no-body": (lambda row: replace(row, body=None), "rule"),
    "other-record": (lambda row: replace(row, envelope=planned(row.stream, "X").envelope), "log"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_place_that_does_not_fit_is_refused(wrong: str) -> None:
    change, code = WRONG[wrong]
    rows = await shown()
    book = guest_book()
    book.put(advance(book, rows[0].stream, rows[:2]))
    with pytest.raises(NodeError) as caught:
        advance(book, rows[0].stream, [change(rows[2])])
    assert caught.value.code == code
    advance(book, rows[0].stream, rows[2:3])


async def test_stream_begins_with_two_places() -> None:
    rows = await shown()
    book = guest_book()
    for first in ([rows[0], rows[2]], rows[1:3]):
        with pytest.raises(NodeError):
            advance(book, rows[0].stream, first)
    assert book.streams() == []


async def test_stored_stream_of_one_place_is_not_believed() -> None:
    rows = await shown()
    store, row = MemoryStore(), advance(guest_book(), rows[0].stream, rows[:2]).row
    store.commit(Batch(streams=(row,), places=(rows[0],)))
    with pytest.raises(UnavailableError, match="begins with two places"):
        guest_book().load(store)


async def test_stored_place_that_nobody_signed_is_not_believed() -> None:
    rows = await shown()
    store, row = MemoryStore(), advance(guest_book(), rows[0].stream, rows[:2]).row
    bad = forged(rows[2])
    bad = replace(bad, entry=entry_of(bad.what, bad.where))
    store.commit(Batch(streams=(row,), places=(*rows[:2], bad)))
    with pytest.raises(UnavailableError, match="does not hold"):
        guest_book().load(store)


async def test_stream_is_known_by_its_first_records_id_only() -> None:
    rows = await shown()
    other = "44" * 32
    renamed = [what_with(row, stream=other) for row in rows[:2]]
    renamed[1] = where_with(renamed[1], prev=entry_of(renamed[0].what, renamed[0].where))
    with pytest.raises(NodeError, match="another stream"):
        advance(guest_book(), other, renamed)


async def test_stream_is_read_again_after_a_commit_in_doubt() -> None:
    rows = await shown()
    store, book = MemoryStore(), guest_book()
    stream = advance(book, rows[0].stream, rows)
    store.commit(Batch(streams=(stream.row,), places=tuple(rows)))
    book.reload(store, rows[0].stream)
    assert book.need(rows[0].stream) == stream
    book.reload(store, "00" * 32)
