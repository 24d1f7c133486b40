"""What only the real database can do wrong: its file, its migrations, its disk."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, text

from node.adapters.sql.engine import SCHEMA
from node.adapters.sql.migrations import config
from node.adapters.sql.store import SqlStore
from node.adapters.sql.tables import METADATA
from node.core.errors import ConfigError, UnavailableError


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[tuple[SqlStore, Path]]:
    path = tmp_path / "data" / "node.db"
    store = SqlStore(f"sqlite:///{path}")
    yield store, path
    store.close()


def test_database_is_for_its_owner_alone_and_syncs_every_commit(
    sqlite: tuple[SqlStore, Path],
) -> None:
    store, path = sqlite
    store.put_fact("a", "1")
    files = sorted(path.parent.iterdir())
    names = ["node.db", "node.db-shm", "node.db-wal", "node.db.lock"]
    assert [file.name for file in files] == names
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    with store._database.engine.connect() as db:
        assert db.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert db.execute(text("PRAGMA synchronous")).scalar() == 2


def test_migrations_make_exactly_the_tables_of_the_code(sqlite: tuple[SqlStore, Path]) -> None:
    store, _ = sqlite
    assert ScriptDirectory.from_config(config()).get_heads() == [SCHEMA]
    with store._database.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), METADATA) == []
        found = {row[0] for row in db.execute(text("SELECT name FROM sqlite_master"))}
    wanted = {index.name for table in METADATA.tables.values() for index in table.indexes}
    assert wanted <= found


def test_database_of_a_newer_version_is_refused(sqlite: tuple[SqlStore, Path]) -> None:
    store, path = sqlite
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    store._database.write(lambda db: db.execute(newer))
    with pytest.raises(ConfigError, match="newer"):
        SqlStore(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["mysql://host/db", "no address", "oracle://x"])
def test_address_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="database_url"):
        SqlStore(url)


def test_file_that_is_no_database_is_unavailable_not_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(UnavailableError) as caught:
        SqlStore(f"sqlite:///{path}")
    assert caught.value.code == "store"
    assert str(tmp_path) not in str(caught.value)


def test_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError) as caught:
        SqlStore(f"sqlite:///{tmp_path}/file/node.db")
    assert caught.value.code == "store"


def test_full_disk_is_unavailable_and_the_next_commit_works(
    sqlite: tuple[SqlStore, Path],
) -> None:
    store, path = sqlite
    store.put_fact("a", "1")
    # SQLite's own limit of pages gives the very error of a full disk (SQLITE_FULL).
    engine = store._database.engine
    with engine.connect() as db:
        pages = db.execute(text("PRAGMA page_count")).scalar()
    engine.dispose()

    def limit(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    event.listen(engine, "connect", limit)
    with pytest.raises(UnavailableError) as caught:
        store.put_fact("big", "x" * 200_000)
    assert caught.value.code == "disk-full"
    event.remove(engine, "connect", limit)
    store.close()
    again = SqlStore(f"sqlite:///{path}")
    assert again.fact("big") is None
    again.put_fact("big", "x" * 200_000)
    again.close()


def test_lock_held_by_another_process_is_unavailable(
    sqlite: tuple[SqlStore, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = sqlite
    monkeypatch.setattr("node.adapters.sql.engine._PRAGMAS", ("busy_timeout = 50",))
    store._database.engine.dispose()
    other = create_engine(f"sqlite:///{path}")
    with other.connect() as db:
        db.execute(text("CREATE TABLE IF NOT EXISTS x (a INTEGER)"))
        db.execute(text("INSERT INTO x VALUES (1)"))
        with pytest.raises(UnavailableError) as caught:
            store.put_fact("a", "1")
    other.dispose()
    assert caught.value.code == "store"
    store.put_fact("a", "1")
