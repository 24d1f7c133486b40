"""Our witness: the exact answers of C2SP tlog-witness, and no way back."""

from __future__ import annotations

import asyncio

import pytest

from node.core.errors import UnavailableError
from node.core.log.cosignature import cosignatures
from node.core.log.note import Note, parse_note
from node.core.log.witness import SIZE_TYPE, TEXT_TYPE, add_checkpoint, parse_cosignatures
from node.services.ports import LogNote
from node.services.reads import WitnessAnswer
from tests.simulators.faults import faulty
from tests.simulators.memory_store import MemoryStore
from tests.simulators.office import Office, open_office
from tests.simulators.people import GUEST, HOST, witness_vkey
from tests.simulators.sources import NOON

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]


async def host_with(ticks: int) -> tuple[Office, list[LogNote]]:
    """A host and its first checkpoints."""
    host = open_office(HOST)
    return host, [await host.publisher.publish_tick() for _ in range(ticks)]


def request(host: Office, old: int, note: LogNote) -> bytes:
    """A well-formed request from `old` to a checkpoint."""
    proof = host.log.tree.consistency(old, note.size)
    return add_checkpoint(old, proof, parse_note(note.note)).encode()


async def test_cosignature_verifies_and_state_was_stored_before() -> None:
    host, (first, second) = await host_with(2)
    guest = open_office(GUEST)
    answer = await guest.witness.add_checkpoint(request(host, 0, first))
    assert (answer.status, answer.content_type) == (200, TEXT_TYPE)
    note = Note(parse_note(first.note).text, parse_cosignatures(answer.body))
    (found,) = cosignatures(note, [witness_vkey(GUEST)])
    assert found.time == NOON
    assert guest.store.witnessed(host.log.origin) == (4, first.root)
    assert (await guest.witness.add_checkpoint(request(host, 4, second))).status == 200
    again = await guest.witness.add_checkpoint(request(host, 8, second))
    assert again.status == 200, "the same checkpoint again vouches for a later time"


async def test_exact_codes_for_what_is_refused() -> None:
    host, (first, second) = await host_with(2)
    guest = open_office(GUEST)
    ask = guest.witness.add_checkpoint
    assert (await ask(b"old 0")).status == 400
    assert (await ask(b"\xff")).status == 400
    own = open_office(GUEST)
    note = await own.publisher.publish_tick()
    assert (await ask(request(own, 0, note))).status == 404, "nobody witnesses himself"
    unsigned = request(host, 0, first).replace(b" zhuzhou", b" zhuzhox")
    assert (await ask(unsigned)).status == 403
    assert (await ask(request(host, 0, first))).status == 200
    conflict = await ask(request(host, 0, second))
    assert conflict == WitnessAnswer(409, b"4\n", SIZE_TYPE)
    broken = add_checkpoint(4, (bytes(32),), parse_note(second.note)).encode()
    assert (await ask(broken)).status == 422
    assert guest.store.witnessed(host.log.origin) == (4, first.root)


class Overtaken(MemoryStore):
    """Another request of the same log is stored between judging and storing, `times` times."""

    def __init__(self, sizes: list[tuple[int, str]]) -> None:
        super().__init__()
        self.sizes = sizes

    def set_witnessed(self, origin: str, old: int, size: int, root: str) -> bool:
        if self.sizes:
            self._witnessed[origin] = self.sizes.pop(0)
        return super().set_witnessed(origin, old, size, root)


async def test_request_that_lost_the_race_is_judged_again() -> None:
    host, notes = await host_with(3)
    store = Overtaken([(notes[1].size, notes[1].root)])
    guest = open_office(GUEST, store)
    late = await guest.witness.add_checkpoint(request(host, 0, notes[0]))
    assert late == WitnessAnswer(409, b"8\n", SIZE_TYPE), "cosigned would be a step back"
    assert store.witnessed(host.log.origin) == (8, notes[1].root)


async def test_store_that_fails_means_no_cosignature() -> None:
    host, (first,) = await host_with(1)

    store, _ = faulty(MemoryStore(), 2, "lost")  # write 1 is the log's padding secret
    guest = open_office(GUEST, store)
    with pytest.raises(UnavailableError):
        await guest.witness.add_checkpoint(request(host, 0, first))


async def test_requests_at_once_never_roll_back() -> None:
    host, notes = await host_with(6)
    guest = open_office(GUEST)
    sizes = [0, *(note.size for note in notes)]
    bodies = [request(host, old, n) for n in notes for old in sizes if old <= n.size]
    answers = await asyncio.gather(*(guest.witness.add_checkpoint(body) for body in bodies))
    assert {answer.status for answer in answers} <= {200, 409}
    known = guest.store.witnessed(host.log.origin)
    assert known is not None
    assert known[1] == host.log.tree.root(known[0]).hex()
