"""Backups of both engines, restored on both: whole or not at all, and marked as old copies."""

from __future__ import annotations

import errno
import io
import json
import os
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from node.adapters.backup import MANIFEST
from node.adapters.sql.copying import beside, snapshot
from node.adapters.sql.store import SqlStore
from node.cli import main as program
from node.core.errors import ConfigError
from node.services.ports import Batch, LogNote, Submission
from node.services.standing import DONE, MARK, mark_of
from tests.postgres import Postgres
from tests.simulators.centre import make_centre
from tests.simulators.office import open_office
from tests.simulators.people import HOST
from tests.simulators.sources import NOON

ORIGIN = "zhuzhou.example/log"
Made = Callable[..., Path]


@pytest.fixture
def centre(tmp_path: Path) -> Made:
    """A centre's folder with its configuration, on a database."""

    def make(url: str, name: str = "centre", member: str = HOST) -> Path:
        return make_centre(tmp_path / name, url, member)

    return make


async def filled(url: str, folder: Path) -> dict[str, object]:
    """Put a tender, a tick, a fact and a file into a node; what is then in it."""
    from node.adapters.blobs import FileBlobs

    store, blobs = SqlStore(url), FileBlobs(folder / "data" / "blobs")
    office = open_office(HOST, store, blobs)
    stream = await office.open_tender()
    office.log.quorum = LogNote(ORIGIN, 4, "00" * 32, NOON, "a note", "a quorum")
    bid: Submission = await office.bid(stream, "a")
    await office.take(bid)
    await office.publisher.publish_tick()
    store.put_fact("pool/entry/x", "a name 名")
    held = contents(store)
    store.close()
    return held


def contents(store: SqlStore) -> dict[str, object]:
    """All that a node would read."""
    rows = store.streams()
    return {
        "streams": rows,
        "places": [store.places(row.id) for row in rows],
        "entries": store.entries(ORIGIN),
        "notes": store.notes(ORIGIN, quorum=False),
        "facts": {k: v for k, v in store.facts("").items() if not k.startswith("restored/")},
        "sealed": [store.sealed(p.record, 1) for row in rows for p in store.places(row.id)],
    }


def run(*words: str | Path) -> int:
    return program.main(list(map(str, words)))


def back_up(folder: Path, to: Path, *more: str) -> int:
    return run("node", "backup", "--config", folder / "config.toml", "--to", to, *more)


def restore(folder: Path, backup: Path) -> int:
    return run("node", "restore", "--config", folder / "config.toml", "--from", backup)


def other_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/other/data/node.db"
    url: str = request.getfixturevalue("postgres").create()
    return url


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
async def test_backup_comes_back_whole_on_either_engine_and_marked(
    database_url: str, target: str, tmp_path: Path, centre: Made, request: pytest.FixtureRequest
) -> None:
    folder = centre(database_url)
    held = await filled(database_url, folder)
    path = tmp_path / "a.tar"
    assert back_up(folder, path) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    url = other_url(target, request, tmp_path)
    again = centre(url, "other")
    assert restore(again, path) == 0
    store = SqlStore(url)
    try:
        assert contents(store) == held
        mark = mark_of(store)
        assert mark is not None
        assert mark.how == "restored"
        assert mark.size == len(store.entries(ORIGIN)) > 0
    finally:
        store.close()
    files = sorted(p.name for p in (again / "data" / "blobs").glob("??/*"))
    assert files == sorted(p.name for p in (folder / "data" / "blobs").glob("??/*"))
    assert len(files) == 1


async def backed_up(url: str, folder: Path, aside: Path, request: pytest.FixtureRequest) -> str:
    """Back a filled store up to `a.tar`; gives the address of an empty database of its engine."""
    await filled(url, folder)
    assert back_up(folder, aside / "a.tar") == 0
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    return other_url(kind, request, aside)


@pytest.mark.anyio
async def test_rows_are_counted_on_after_a_restore(
    database_url: str, tmp_path: Path, centre: Made, request: pytest.FixtureRequest
) -> None:
    """PostgreSQL's own counters know nothing of rows that came with a number."""
    folder = centre(database_url)
    url = await backed_up(database_url, folder, tmp_path, request)
    assert restore(centre(url, "other"), tmp_path / "a.tar") == 0
    store = SqlStore(url)
    try:
        office = open_office(HOST, store)
        await office.open_tender(2)
        assert len(store.streams()) == 2
        await office.publisher.publish_tick()
    finally:
        store.close()


def test_copy_is_of_one_moment_while_the_node_writes(database_url: str, tmp_path: Path) -> None:
    store = SqlStore(database_url)
    for number in range(3000):
        store.put_fact(f"pair/{number}", "x" * 2000)
    store.put_fact("left", "0")
    store.put_fact("right", "0")
    writes = 0

    def write(*_: object) -> None:
        nonlocal writes
        writes += 1
        store.commit(Batch(facts={"left": str(writes), "right": str(writes)}))

    copy = tmp_path / "copy.db"
    stop = threading.Event()

    def storm() -> None:
        while not stop.is_set():
            write()

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        snapshot(database_url, copy, write)
    finally:
        stop.set()
        thread.join()
    assert writes > 1
    store.close()
    with closing(sqlite3.connect(copy)) as base:
        found = dict(base.execute("SELECT key, value FROM facts WHERE key IN ('left', 'right')"))
        assert found["left"] == found["right"]
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        whole = base.execute("SELECT count(*) FROM facts WHERE key LIKE 'pair/%'").fetchone()
        assert whole == (3000,)


def test_nothing_there_is_said_and_leaves_nothing(tmp_path: Path, centre: Made) -> None:
    folder = centre(f"sqlite:///{tmp_path}/none/node.db")
    assert back_up(folder, tmp_path / "a.tar") == 2
    with pytest.raises(ConfigError):
        snapshot(f"sqlite:///{tmp_path}/none/node.db", tmp_path / "c.db", lambda *_: None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["centre"]


@pytest.mark.anyio
async def test_files_are_not_overwritten_folders_get_names_and_are_pruned(
    tmp_path: Path, centre: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/centre/data/node.db"
    folder = centre(url)
    await filled(url, folder)
    path, nightly = tmp_path / "a.tar", tmp_path / "nightly"
    assert back_up(folder, path) == 0
    before = path.read_bytes()
    assert back_up(folder, path) == 2
    assert path.read_bytes() == before
    assert back_up(folder, path, "--replace") == 0
    nightly.mkdir()
    other = nightly / "yuanping-zhuzhou-2-20200101T000000Z.tar"
    other.touch()
    for second in range(3):
        at = NOON + second
        monkeypatch.setattr("node.adapters.clock.SystemClock.now", lambda _, at=at: at)
        assert back_up(folder, nightly, "--keep", "2") == 0
    names = sorted(p.name for p in nightly.iterdir())
    assert names.pop(0) == other.name, "another node's stays"
    assert len(names) == 2
    assert all(name.startswith("yuanping-zhuzhou-20") for name in names)


@pytest.mark.anyio
async def test_keys_are_in_it_only_if_asked_for(tmp_path: Path, centre: Made) -> None:
    url = f"sqlite:///{tmp_path}/centre/data/node.db"
    folder = centre(url)
    await filled(url, folder)
    assert back_up(folder, tmp_path / "a.tar") == 0
    assert back_up(folder, tmp_path / "b.tar", "--with-keys") == 0
    assert b"ab" * 32 not in (tmp_path / "a.tar").read_bytes()
    again = centre(f"sqlite:///{tmp_path}/other/data/node.db", "other")
    (again / "keys" / "log.key").write_text("cd" * 32)
    assert restore(again, tmp_path / "b.tar") == 0
    assert (again / "keys" / "log.key").read_text() == "cd" * 32, "keys are never overwritten"
    third = centre(f"sqlite:///{tmp_path}/third/data/node.db", "third")
    (third / "keys" / "log.key").unlink()
    assert restore(third, tmp_path / "b.tar") == 0
    assert (third / "keys" / "log.key").read_text() == "ab" * 32


@pytest.mark.anyio
async def test_restore_refuses_a_store_that_is_not_empty_and_one_in_use(
    database_url: str, tmp_path: Path, centre: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = centre(database_url)
    held = await filled(database_url, folder)
    assert back_up(folder, tmp_path / "a.tar") == 0
    assert restore(folder, tmp_path / "a.tar") == 2
    assert "not-empty" in capsys.readouterr().err
    store = SqlStore(database_url)
    assert contents(store) == held
    assert mark_of(store) is None
    assert store.elect()
    assert restore(folder, tmp_path / "a.tar") != 0
    assert "in-use" in capsys.readouterr().err
    store.close()


@pytest.mark.anyio
async def test_leftover_journal_of_another_database_is_refused(
    tmp_path: Path, centre: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite would replay it into the restored file."""
    url = f"sqlite:///{tmp_path}/centre/data/node.db"
    folder = centre(url)
    await filled(url, folder)
    assert back_up(folder, tmp_path / "a.tar") == 0
    again = centre(f"sqlite:///{tmp_path}/other/data/node.db", "other")
    (again / "data").mkdir()
    (again / "data" / "node.db-wal").write_bytes(b"frames")
    assert restore(again, tmp_path / "a.tar") == 2
    assert "node.db-wal" in capsys.readouterr().err


def changed(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The same backup with other contents."""
    with tarfile.open(path) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    change(files)
    bad = path.with_name("bad.tar")
    with tarfile.open(bad, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return bad


def flip(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        found = next(one for one in files if one.startswith(name))
        files[found] = files[found][:-1] + bytes([files[found][-1] ^ 1])

    return change


def drop(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        del files[next(one for one in files if one.startswith(name))]

    return change


def rename_blob(files: dict[str, bytes]) -> None:
    """Another file under a blob's name, and a manifest that agrees."""
    manifest = json.loads(files.pop(MANIFEST))
    name = next(one for one in files if one.startswith("blobs/"))
    files["blobs/00/" + "0" * 62] = files.pop(name)
    manifest["files"]["blobs/00/" + "0" * 62] = manifest["files"].pop(name)
    files[MANIFEST] = json.dumps(manifest).encode()


def escape(files: dict[str, bytes]) -> None:
    manifest = files.pop(MANIFEST)
    files["../evil"] = b"x"
    files[MANIFEST] = manifest


def of_next_format(files: dict[str, bytes]) -> None:
    files[MANIFEST] = files[MANIFEST].replace(b'"format": 1', b'"format": 2')


@pytest.mark.anyio
@pytest.mark.parametrize(
    "change",
    [
        flip("node.db"),
        flip("blobs/"),
        flip("config"),
        flip(MANIFEST),
        drop("node.db"),
        drop("blobs/"),
        drop(MANIFEST),
        rename_blob,
        escape,
        of_next_format,
    ],
)
async def test_damaged_backup_changes_nothing(
    change: Callable[[dict[str, bytes]], None],
    tmp_path: Path,
    centre: Made,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"sqlite:///{tmp_path}/centre/data/node.db"
    folder = centre(url)
    await filled(url, folder)
    assert back_up(folder, tmp_path / "a.tar") == 0
    again = centre(f"sqlite:///{tmp_path}/other/data/node.db", "other")
    assert restore(again, changed(tmp_path / "a.tar", change)) == 2
    assert "backup" in capsys.readouterr().err
    assert not (again / "data").exists()


@pytest.mark.anyio
async def test_cut_off_or_foreign_backup_changes_nothing(tmp_path: Path, centre: Made) -> None:
    url = f"sqlite:///{tmp_path}/centre/data/node.db"
    folder = centre(url)
    await filled(url, folder)
    path = tmp_path / "a.tar"
    assert back_up(folder, path) == 0
    again = centre(f"sqlite:///{tmp_path}/other/data/node.db", "other")
    whole = path.read_bytes()
    end = len(whole.rstrip(b"\0"))  # what follows fills the last record of the tar
    for size in (0, 100, len(whole) // 2, end - 1):
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        assert restore(again, tmp_path / "cut.tar") == 2
    stranger = centre(f"sqlite:///{tmp_path}/stranger/data/node.db", "stranger", "xian")
    assert restore(stranger, path) == 2
    assert restore(again, tmp_path / "none.tar") == 2
    assert not (again / "data").exists()


@pytest.mark.anyio
async def test_restore_that_was_cut_off_after_its_end_is_recognised(
    database_url: str, tmp_path: Path, centre: Made, request: pytest.FixtureRequest
) -> None:
    """Nobody is told to move aside what is whole; another backup, or a node's work, stays safe."""
    folder = centre(database_url)
    url = await backed_up(database_url, folder, tmp_path, request)
    again = centre(url, "other")
    assert restore(again, tmp_path / "a.tar") == 0
    leftover = beside(url, again / "data")
    leftover.touch()
    assert restore(again, tmp_path / "a.tar") == 0
    assert not leftover.exists()
    store = SqlStore(database_url)
    store.put_fact("another", "state")
    store.close()
    assert back_up(folder, tmp_path / "b.tar") == 0
    assert restore(again, tmp_path / "b.tar") == 2
    store = SqlStore(url)
    store.put_fact(MARK, DONE)
    store.close()
    assert restore(again, tmp_path / "a.tar") == 2, "a node has gone on from it"


def test_empty_store_is_no_store_to_back_up(
    database_url: str, tmp_path: Path, centre: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such backups would push good ones out."""
    store = SqlStore(database_url)
    store.elect()
    store.close()
    nightly = tmp_path / "nightly"
    nightly.mkdir()
    assert back_up(centre(database_url), nightly, "--keep", "1") == 2
    assert "empty" in capsys.readouterr().err
    assert list(nightly.iterdir()) == []


@pytest.mark.anyio
async def test_disk_that_takes_no_backup_is_named(
    tmp_path: Path,
    centre: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"sqlite:///{tmp_path}/centre/data/node.db"
    folder = centre(url)
    await filled(url, folder)
    for number, code in ((errno.EROFS, "disk-read-only"), (errno.ENOSPC, "disk-full")):

        def fail(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("node.cli.node_backup.TemporaryDirectory", fail)
        assert back_up(folder, tmp_path / "a.tar") == 1
        assert f"error: {code}:" in capsys.readouterr().err


def test_server_that_lets_nobody_in_says_why(
    postgres: Postgres, tmp_path: Path, centre: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    url = make_url(postgres.create())
    missing = url.set(database="nobodys").render_as_string(hide_password=False)
    down = url.set(query={"host": str(tmp_path)}).render_as_string(hide_password=False)
    for number, (address, why) in enumerate(((missing, "does not exist"), (down, "No such file"))):
        assert back_up(centre(address, f"c{number}"), tmp_path / "a.tar") == 1
        assert why in capsys.readouterr().err
