"""A database of an older version is brought up to date and says what it said before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, insert

from node.adapters.sql.engine import opened
from node.adapters.sql.migrations import upgrade
from node.adapters.sql.store import SqlStore
from node.core.records.canonical import encode
from node.services.ports import PlaceRow, StreamRow
from tests.ports.test_store import ORIGIN, OTHER, chain, note, stream
from tests.simulators.people import GUEST

OURS, THEIRS = stream("a"), stream("b", GUEST, own=False)
MINE, FOREIGN = chain(OURS, 2), chain(THEIRS, 2)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").create())
    return f"sqlite:///{tmp_path}/node.db"


def place_of_0001(row: PlaceRow, leaf: int | None) -> dict[str, Any]:
    return {
        "stream": row.stream,
        "seq": row.seq,
        "record": row.record,
        "received": row.what.received,
        "what_salt": row.what.salt,
        "sig": row.what.sig,
        "prev": row.where.prev,
        "where_salt": row.where.salt,
        "entry": row.entry,
        "envelope": encode(row.envelope),
        "body": row.body,
        "own": row.stream == OURS.id,
        "leaf": leaf,
    }


def stream_of_0001(row: StreamRow) -> dict[str, Any]:
    return {"id": row.id, "kind": row.kind, "keeper": row.keeper, "own": row.own}


def entry_of_0001(origin: str, leaf: int, row: PlaceRow) -> dict[str, Any]:
    return {"origin": origin, "leaf": leaf, "entry": bytes.fromhex(row.entry)}


def fill_0001(db: Connection) -> None:
    """The second of our places and the first of theirs stand in their keepers' logs."""
    upgrade(db, "0001")
    tables = MetaData()
    tables.reflect(db)
    rows = {
        "streams": [stream_of_0001(OURS), stream_of_0001(THEIRS)],
        "logs": [{"origin": OTHER, "keeper": GUEST}],
        "entries": [entry_of_0001(ORIGIN, 0, MINE[1]), entry_of_0001(OTHER, 0, FOREIGN[0])],
        "places": [
            place_of_0001(MINE[0], None),
            place_of_0001(FOREIGN[0], 0),
            place_of_0001(MINE[1], 0),
            place_of_0001(FOREIGN[1], None),
        ],
    }
    for name, values in rows.items():
        db.execute(insert(tables.tables[name]), values)


def test_0002_keeps_what_every_log_proves_and_who_waits(url: str) -> None:
    engine = opened(url)
    with engine.connect() as db, db.begin():
        fill_0001(db)
    engine.dispose()
    store = SqlStore(url)
    assert [place.index for place in store.places(OURS.id)] == [None, 0]
    assert [place.index for place in store.places(THEIRS.id)] == [0, None]
    assert store.find(MINE[0].record) == MINE[0]
    assert store.unpublished() == [MINE[0].entry]
    assert [store.uncovered(ORIGIN, size) for size in (0, 1)] == [2, 1]
    store.publish(1, [bytes.fromhex(MINE[0].entry)], note(ORIGIN, 2))
    store.mirror(GUEST, 1, [bytes.fromhex(FOREIGN[1].entry)], note(OTHER, 2))
    assert [place.index for place in store.places(OURS.id)] == [1, 0]
    assert [place.index for place in store.places(THEIRS.id)] == [0, 1]
    assert store.unpublished() == []
    store.close()
