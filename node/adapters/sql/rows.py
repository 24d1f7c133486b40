"""Many rows into one table: SQLAlchemy writes the statement once, the driver takes the values.

For each row SQLAlchemy would make a dictionary and turn it into a tuple again, which took longer
than the database took to write it. Here rows are tuples from the start, of what both drivers know
by themselves: str, int, bool, bytes, None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

Value = str | int | bool | bytes | None
_BY_POSITION: Mapping[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(paramstyle="qmark"),
    "postgresql": cast("Any", PGDialect_psycopg)(paramstyle="format"),  # it has no types
}


def put_rows(
    db: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Value, ...]]
) -> None:
    """Insert rows; `columns` are in the table's order, values in theirs.

    One that stands already is an error.
    """
    if rows:
        db.exec_driver_sql(_statement(db.dialect.name, table, columns), list(rows))


@cache
def _statement(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    """The insert in the driver's own words, with its parameters by position."""
    # Inline: nobody asks which number a row got.
    inline = insert(table).inline()
    return inline.compile(dialect=_BY_POSITION[dialect], column_keys=list(columns)).string
