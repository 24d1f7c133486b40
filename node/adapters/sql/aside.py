"""What stands beside the streams: sealed shares, refusals, the outbox, private facts.

The caller owns the transaction. Who writes: the sequencer with the records these belong to, and
the loops that finish tasks. What an attacker gains: by deleting tasks, work left undone that
partners see is missing; by reading facts, a beacon secret before it is revealed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from sqlalchemy import Connection, Insert, Table, bindparam, delete, select

from node.adapters.sql.engine import upsert
from node.adapters.sql.rows import put_rows
from node.adapters.sql.tables import FACTS, REFUSALS, SEALED, TASKS
from node.services.ports import Task

LAST: Final = "\U0010ffff"
"""Sorts behind every text; a range, unlike LIKE, heeds capitals and the index on both engines."""
_SEALED_COLUMNS = tuple(column.name for column in SEALED.c)
_SEALED = select(SEALED.c.share).where(
    SEALED.c.record == bindparam("record"), SEALED.c.number == bindparam("number")
)
_TASKS = select(TASKS).order_by(TASKS.c.n)
_TASKS_OF = _TASKS.where(TASKS.c.kind == bindparam("kind"))
_FINISH = delete(TASKS).where(TASKS.c.kind == bindparam("of"), TASKS.c.key == bindparam("done"))
_FACT = select(FACTS.c.value).where(FACTS.c.key == bindparam("key"))


def put_sealed(
    db: Connection, sealed: Mapping[str, tuple[bytes, ...]], *, again: bool = False
) -> None:
    """Store the sealed shares of boxes, numbered from 1; `again`: some may stand already."""
    rows = [
        (record, number, share)
        for record, shares in sealed.items()
        for number, share in enumerate(shares, 1)
    ]
    if not again:
        put_rows(db, SEALED, _SEALED_COLUMNS, rows)
    elif rows:
        values = [dict(zip(_SEALED_COLUMNS, row, strict=True)) for row in rows]
        db.execute(_put_once(db.dialect.name, SEALED), values)


def sealed_share(db: Connection, record: str, number: int) -> bytes | None:
    """One sealed share of a box."""
    share = db.execute(_SEALED, {"record": record, "number": number}).scalar()
    return None if share is None else bytes(share)


def put_refusals(db: Connection, refusals: Mapping[str, tuple[str, str]]) -> None:
    """Remember refusals; the first one stands."""
    rows = [{"record": r, "code": code, "article": art} for r, (code, art) in refusals.items()]
    if rows:
        db.execute(_put_once(db.dialect.name, REFUSALS), rows)


def all_refusals(db: Connection) -> dict[str, tuple[str, str]]:
    """Record -> (code, article) of all that were refused for good."""
    return {row.record: (row.code, row.article) for row in db.execute(select(REFUSALS))}


def put_tasks(db: Connection, tasks: Iterable[Task]) -> None:
    """Add tasks to the outbox; one that waits already stays as it is."""
    rows = [
        {
            "kind": task.kind,
            "key": task.key,
            "payload": json.dumps(dict(task.payload), sort_keys=True),
            "since": task.since,
        }
        for task in tasks
    ]
    if rows:
        db.execute(_put_once(db.dialect.name, TASKS), rows)


def open_tasks(db: Connection, kind: str | None) -> list[Task]:
    """Open tasks, oldest first."""
    found = db.execute(_TASKS) if kind is None else db.execute(_TASKS_OF, {"kind": kind})
    return [Task(row.kind, row.key, json.loads(row.payload), row.since) for row in found]


def finish(db: Connection, kind: str, keys: Iterable[str]) -> None:
    """Remove finished tasks; one that is gone already is no error."""
    rows = [{"of": kind, "done": key} for key in keys]
    if rows:
        db.execute(_FINISH, rows)


def put_facts(db: Connection, facts: Mapping[str, str]) -> None:
    """Set facts, old or new."""
    rows = [{"key": key, "value": value} for key, value in facts.items()]
    if rows:
        db.execute(_put_facts(db.dialect.name), rows)


@cache
def _put_facts(dialect: str) -> Insert:
    put = upsert(dialect, FACTS)
    return put.on_conflict_do_update(index_elements=["key"], set_={"value": put.excluded.value})


@cache
def _put_once(dialect: str, table: Table) -> Insert:
    """Insert what does not stand yet; what does stays."""
    return upsert(dialect, table).on_conflict_do_nothing()


def fact(db: Connection, key: str) -> str | None:
    """One fact, or None."""
    value: str | None = db.execute(_FACT, {"key": key}).scalar()
    return value


def facts(db: Connection, prefix: str) -> dict[str, str]:
    """All facts whose key begins with `prefix`, in the order of their keys."""
    found = select(FACTS).where(FACTS.c.key >= prefix, FACTS.c.key < prefix + LAST)
    return {row.key: row.value for row in db.execute(found.order_by(FACTS.c.key))}
