"""What only PostgreSQL can do wrong: its settings, its sessions, its passwords, its TLS."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from chain.ports import free_port
from node.adapters.sql import election
from node.adapters.sql.engine import Database
from node.adapters.sql.store import SqlStore
from node.adapters.sql.tables import FACTS, METADATA
from node.core.errors import ConfigError, NodeError, UnavailableError
from tests.postgres import ROLE, Postgres, start_postgres

SECRET = "pa55-w0rd"


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.create()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = SqlStore(url)
    yield opened
    opened.close()


def writer_pid(store: SqlStore) -> int:
    """The server's process behind the session that writes."""
    asked = text("SELECT pg_backend_pid()")
    return store._database.write(lambda db: int(db.execute(asked).scalar_one()))


def end_session(postgres: Postgres, pid: int) -> None:
    """End a session as a cut line does, and wait until it is gone."""
    ((ended,),) = postgres.execute(f"SELECT pg_terminate_backend({pid}, 10000)")
    assert ended


def database_of(url: str) -> str:
    return url.rpartition("?")[0].rpartition("/")[2]


def test_migrations_make_exactly_the_tables_of_the_code(store: SqlStore) -> None:
    with store._database.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), METADATA) == []


@pytest.mark.parametrize(("default", "kept"), [("off", "on"), ("remote_apply", "remote_apply")])
def test_commit_waits_for_the_disk_whatever_the_default_says(
    postgres: Postgres, url: str, default: str, kept: str
) -> None:
    postgres.execute(f"ALTER DATABASE {database_of(url)} SET synchronous_commit = '{default}'")
    store = SqlStore(url)
    shown = store._database.write(lambda db: db.execute(text("SHOW synchronous_commit")).scalar())
    assert shown == kept
    store.close()


def test_server_that_can_lose_what_it_confirmed_is_refused() -> None:
    server = start_postgres(full_page_writes="off")
    with pytest.raises(ConfigError, match="full_page_writes"):
        SqlStore(server.create())
    server.stop()


def test_database_that_cannot_hold_every_text_is_refused(postgres: Postgres) -> None:
    postgres.execute("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(ConfigError, match="UTF8"):
        SqlStore(postgres.url("ascii"))


def test_pooler_that_lends_a_session_to_others_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pooler hands out a process id of its own: the one the client got is not the session's.
    other = str(election._SERVER).replace("pg_backend_pid()", "pg_backend_pid() + 1")
    monkeypatch.setattr(election, "_SERVER", text(other))
    with pytest.raises(ConfigError, match="pooler"):
        SqlStore(url)


def test_many_that_start_at_once_on_an_empty_database_make_it_once(url: str) -> None:
    opened: list[SqlStore] = []
    threads = [threading.Thread(target=lambda: opened.append(SqlStore(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.elect() for store in opened].count(True) == 1
    for store in opened:
        store.close()


def test_who_lost_his_session_writes_no_more_though_the_server_answers(
    postgres: Postgres, url: str, store: SqlStore
) -> None:
    store.put_fact("by", "first")
    end_session(postgres, writer_pid(store))
    for _ in range(2):
        with pytest.raises(UnavailableError) as caught:
            store.put_fact("by", "lost")
        assert caught.value.code == "store"
    with pytest.raises(UnavailableError):
        store.hold()
    assert store.fact("by") == "first", "he may still read"
    second = SqlStore(url)
    assert second.elect()
    second.put_fact("by", "second")
    assert store.fact("by") == "second"
    second.close()


def test_idle_process_notices_that_its_session_is_gone(postgres: Postgres, store: SqlStore) -> None:
    pid = writer_pid(store)
    store.hold()
    end_session(postgres, pid)
    with pytest.raises(UnavailableError) as caught:
        store.hold()
    assert caught.value.code == "store"


def test_nobody_is_elected_while_a_commit_is_undecided(url: str, store: SqlStore) -> None:
    second = SqlStore(url)

    def work(db: Connection) -> None:
        db.execute(insert(FACTS), [{"key": "by", "value": "first"}])
        assert not second.elect()

    store._database.write(work)
    store.close()
    assert second.elect()
    assert second.fact("by") == "first"
    second.close()


def test_transaction_of_a_lost_session_is_undone_before_the_next_is_elected(
    postgres: Postgres, url: str, store: SqlStore
) -> None:
    pid, second = writer_pid(store), SqlStore(url)

    def work(db: Connection) -> None:
        db.execute(insert(FACTS), [{"key": "by", "value": "first"}])
        end_session(postgres, pid)
        assert second.elect()
        second.put_fact("by", "second")

    with pytest.raises(UnavailableError):
        store._database.write(work)
    assert second.facts("") == {"by": "second"}
    second.close()


def test_readers_see_one_moment(store: SqlStore) -> None:
    store.put_fact("a", "1")
    with store._database.read() as db:
        before = db.execute(text("SELECT count(*) FROM facts")).scalar_one()
        store.put_fact("b", "1")
        assert db.execute(text("SELECT count(*) FROM facts")).scalar_one() == before
    assert set(store.facts("")) == {"a", "b"}


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://{ROLE}:{SECRET}@/none?host=FOLDER",
        f"postgresql+psycopg://{ROLE}:{SECRET}@/none?host=/nowhere",
        f"postgresql://{ROLE}@/none?host=/nowhere&password={SECRET}",
        f"postgresql://{ROLE}:{SECRET}@127.0.0.1:1/none?connect_timeout=1",
        f"postgresql://{ROLE}:a@{SECRET}@127.0.0.1:1/none",
        f"postgresql://{ROLE}:{SECRET}@/none?host=FOLDER&nonsense=1",
    ],
)
def test_password_is_in_no_error(postgres: Postgres, address: str) -> None:
    with pytest.raises(NodeError) as caught:
        SqlStore(address.replace("FOLDER", str(postgres.folder)))
    assert caught.value.code in ("store", "config")
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told + repr(caught.value)


def test_operator_is_told_why_it_cannot_be_opened(postgres: Postgres) -> None:
    with pytest.raises(UnavailableError, match='database "none" does not exist'):
        SqlStore(postgres.url("none"))


def test_value_that_is_not_taken_is_in_no_error(store: SqlStore) -> None:
    with pytest.raises(UnavailableError) as caught:
        store.put_fact("a", f"{SECRET}\0")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_tls_parameters_of_the_address_are_heeded(tmp_path: Path) -> None:
    good, other = trustme.CA(), trustme.CA()
    for name, ca in (("good", good), ("other", other)):
        ca.cert_pem.write_to_path(tmp_path / f"{name}.pem")
    port = free_port(())
    server = start_postgres(listen_addresses="127.0.0.1", port=str(port))
    issued = good.issue_cert("localhost", "127.0.0.1")
    files = {"server.key": issued.private_key_pem, "server.crt": issued.cert_chain_pems[0]}
    for file, blob in files.items():
        path = server.folder / "data" / file
        path.write_bytes(blob.bytes())
        path.chmod(0o600)
        if server.runs_as:
            os.chown(path, server.runs_as["user"], server.runs_as["group"])
    server.execute("ALTER SYSTEM SET ssl = on")
    server.execute("SELECT pg_reload_conf()")
    server.create("over_tls")

    def address(ca: str) -> str:
        given = f"sslmode=verify-full&sslrootcert={tmp_path}/{ca}.pem"
        return f"postgresql://{ROLE}@127.0.0.1:{port}/over_tls?{given}"

    with pytest.raises(UnavailableError, match="certificate verify failed"):
        Database(address("other"))
    database = Database(address("good"))
    mine = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert database.write(lambda db: db.execute(text(mine)).scalar()) is True
    with database.read() as reader:
        assert reader.execute(text(mine)).scalar() is True
    database.close()
    server.stop()
