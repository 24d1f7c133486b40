"""A follower whose commit fails goes on from what stands, whether it was written or not."""

from __future__ import annotations

from typing import Any, cast

import pytest

from node.core.errors import UnavailableError
from node.services.guest import Guest
from node.services.ports import Followed, Store, StreamRow
from tests.simulators.faults import How, faulty
from tests.simulators.memory_store import MemoryStore
from tests.simulators.office import open_office
from tests.simulators.people import GUEST, HOST

pytestmark = pytest.mark.anyio


class NoChecks:
    """A guest that compares nothing beyond the fold."""

    def check(self, *_: object) -> None:
        """Nothing is disputed."""


def guest_on(store: Store) -> Guest:
    """A follower on a store, its book read from there."""
    office = open_office(GUEST, store)
    checks = cast("Any", NoChecks())
    return Guest(GUEST, office.book, store, office.clock, office.bell, checks)


@pytest.mark.parametrize("at", [2, 3])
@pytest.mark.parametrize("how", ["lost", "kept"])
async def test_follower_goes_on_after_a_commit_in_doubt(at: int, how: How) -> None:
    host = open_office(HOST)
    rows = host.store.places(await host.open_tender())
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    row = StreamRow(rows[0].stream, "tender", HOST, own=False)
    disk = MemoryStore()
    guest = guest_on(faulty(disk, at, how)[0])
    failures = 0
    while (held := guest.held(row.id)) < len(shown):
        try:
            await guest.take(row, shown[held : held + 2])
        except UnavailableError:
            failures += 1
            assert failures == 1, "the same commit failed again and again"
    assert failures == 1
    assert [place.record for place in disk.places(row.id)] == [r.record for r in rows]
    assert guest_on(disk).book.streams() == guest.book.streams()
