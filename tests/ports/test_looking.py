"""A database that is only looked at: of one moment, nothing is made, and what is loose is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from node.adapters.sql.engine import opened, version_of
from node.adapters.sql.looking import LookedAt
from node.adapters.sql.store import SqlStore
from node.cli import main as program
from node.core.errors import ConfigError, UnavailableError
from node.services.fsck import Fsck
from node.services.judging import Laws
from node.services.standing import MARK, Mark
from tests.simulators.centre import make_centre
from tests.simulators.memory_store import MemoryBlobs
from tests.simulators.office import Office, open_office, quorum_made
from tests.simulators.people import HOST, NETWORK
from tests.simulators.sources import NOON

pytestmark = pytest.mark.anyio
ORIGIN = "zhuzhou.example/log"
LOOKING = (["fsck"], ["losses"], ["evidence", "--all", "--out", "evidence"])


async def filled(url: str) -> Office:
    """A node's database with a tender; its last place waits for a tick."""
    office = open_office(HOST, SqlStore(url), MemoryBlobs())
    stream = await office.open_tender()
    await office.publisher.publish_tick()
    office.log.quorum = quorum_made(ORIGIN, NOON)
    await office.take(await office.bid(stream, "a"))
    return office


def close(office: Office) -> None:
    assert isinstance(office.store, SqlStore)
    office.store.close()


def looked(url: str) -> SqlStore:
    return SqlStore(LookedAt(url, at_once=True))


def change(url: str, *statements: str) -> None:
    store = SqlStore(url)
    for one in statements:
        store._database.write(lambda db, one=one: db.execute(text(one)))  # type: ignore[misc]
    store.close()


async def test_place_that_is_published_between_two_reads_is_no_alarm(database_url: str) -> None:
    office = await filled(database_url)
    store = looked(database_url)
    fsck = Fsck(HOST, ORIGIN, store, office.blobs, Laws(NETWORK), None, None, lambda *_: None)
    found = []
    for one in fsck.run():
        found.append(one)
        await office.open_tender(len(found))
        await office.publisher.publish_tick()
    assert [one for one in found if one.status == "failed"] == []
    size = len(store.entries(ORIGIN))
    store.close()
    assert size < len(office.store.entries(ORIGIN)), "the node went on meanwhile"
    close(office)


async def test_nothing_is_written_by_who_only_looks(database_url: str) -> None:
    office = await filled(database_url)
    store = looked(database_url)
    assert store.streams() == office.store.streams()
    assert store.elect() is False
    with pytest.raises(UnavailableError, match="only looked at"):
        store.put_fact("a", "b")
    with pytest.raises(UnavailableError, match="only looked at"):
        store.hold()
    store.close()
    assert office.store.fact("a") is None
    close(office)


def test_database_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_centre(tmp_path / "centre", f"sqlite:///{tmp_path}/centre/data/node.db")
    for words in LOOKING:
        assert program.main(["node", *words, "--config", str(folder / "config.toml")]) == 2
        assert "no node's database" in capsys.readouterr().err
    assert not (folder / "data").exists()


def test_empty_file_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    path.touch()
    with pytest.raises(ConfigError, match="no node's database"):
        looked(f"sqlite:///{path}")
    assert path.stat().st_size == 0
    assert [one.name for one in tmp_path.iterdir()] == ["node.db"]


async def test_older_schema_is_refused_and_left_as_it_is(database_url: str) -> None:
    close(await filled(database_url))
    change(database_url, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(UnavailableError, match="start the node"):
        looked(database_url)
    engine = opened(database_url)
    assert version_of(engine) == "0001", "nobody who looks migrates"
    engine.dispose()


async def test_file_where_nobody_can_write_is_read_and_nothing_made_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/data/node.db"
    office = await filled(url)
    streams = office.store.streams()
    close(office)
    before = sorted(one.name for one in (tmp_path / "data").iterdir())
    assert "node.db-shm" not in before
    monkeypatch.setattr(os, "access", lambda *_: False)
    store = looked(url)
    assert store.streams() == streams
    assert sorted(one.name for one in (tmp_path / "data").iterdir()) == before
    store.close()


HARMS = {
    "stream row lost": ("DELETE FROM streams", "its stream is not here"),
    "no longer waits": ("DELETE FROM waiting", "neither stands in a log nor waits"),
    "no longer proven": ("UPDATE entries SET place = NULL", "neither stands in a log nor waits"),
    "waits again": (
        "INSERT INTO waiting SELECT n, NULL, x.entry FROM places, "
        "(SELECT entry FROM waiting LIMIT 1) AS x WHERE seq = 0",
        "stands in a log and waits",
    ),
    "place lost that waits": ("DELETE FROM places WHERE seq = 5", "waiting row"),
    "place lost that is proven": ("DELETE FROM places WHERE seq = 3", "leaf"),
    "waits in another log": ("UPDATE waiting SET keeper = 'xian'", "not as its place says"),
    "log of nobody": ("UPDATE entries SET origin = 'x.example/log'", "nobody's log"),
    "notes of nobody": ("UPDATE notes SET origin = 'x.example/log'", "nobody's log"),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
async def test_row_that_belongs_to_nothing_is_named(
    harm: tuple[str, str], database_url: str
) -> None:
    office = await filled(database_url)
    assert office.store.loose(ORIGIN) == []
    close(office)
    change(database_url, harm[0])
    store = looked(database_url)
    assert any(harm[1] in one for one in store.loose(ORIGIN)), store.loose(ORIGIN)
    store.close()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_difference_is_told_with_what_to_do_in_the_readers_language(
    language: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = make_centre(tmp_path / "centre", f"sqlite:///{tmp_path}/centre/data/node.db")
    url = f"sqlite:///{folder}/data/node.db"
    close(await filled(url))
    change(url, "DELETE FROM places", "DELETE FROM waiting")
    monkeypatch.setenv("YUANPING_LANG", language)
    words = ["node", "fsck", "--config", str(folder / "config.toml")]
    monkeypatch.setattr("node.cli.checking._network", lambda *_: NETWORK)
    assert program.main(words) == 1
    told = capsys.readouterr().out
    assert ("请先停止节点" if language == "zh" else "Stop the node") in told
    assert ("链没有应答" if language == "zh" else "the chain does not answer") in told
    store = SqlStore(url)
    store.put_fact(MARK, Mark("restored", NOON, 4).text())
    store.close()
    assert program.main(words) == 1
    told = capsys.readouterr().out
    assert ("差异属正常" if language == "zh" else "a difference is normal") in told
