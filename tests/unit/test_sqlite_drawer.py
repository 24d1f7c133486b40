"""The crowd's drawer: as `FileDrawer`, in one file that one program has open."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.adapters.sqlite_drawer import FILE, SqliteDrawer
from node.core.errors import ConfigError, UnavailableError
from node.core.records.keys import key_id
from node.services.actors.drawer import Inside, key_in
from tests.simulators.sources import SeededEntropy


@pytest.fixture
def drawer(tmp_path: Path) -> Iterator[SqliteDrawer]:
    """One that is closed in the end."""
    made = SqliteDrawer(tmp_path / "crowd")
    yield made
    made.close()


def test_everything_written_is_there_for_the_next_start(
    tmp_path: Path, drawer: SqliteDrawer
) -> None:
    drawer.write("seats/1/seat.json", b"one")
    drawer.write("seats/1/seat.json", b"two")
    drawer.write("seats/2/seat.json", b"gone")
    drawer.remove("seats/2/seat.json")
    drawer.remove("seats/2/seat.json")
    drawer.close()
    again = SqliteDrawer(tmp_path / "crowd")
    assert again.read("seats/1/seat.json") == b"two"
    assert again.read("seats/2/seat.json") is None
    again.close()


def test_all_of_its_files_are_the_owners_alone(tmp_path: Path, drawer: SqliteDrawer) -> None:
    drawer.write("bid.key", b"secret")
    folder = tmp_path / "crowd"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes == dict.fromkeys((FILE, f"{FILE}-wal"), 0o600)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path, drawer: SqliteDrawer) -> None:
    drawer.close()
    (tmp_path / "crowd" / FILE).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        SqliteDrawer(tmp_path / "crowd")


def test_two_programs_cannot_act_for_the_same_people(tmp_path: Path, drawer: SqliteDrawer) -> None:
    drawer.write("bid.key", b"secret")
    with pytest.raises(ConfigError) as caught:
        SqliteDrawer(tmp_path / "crowd")
    assert caught.value.code == "in-use"


def test_what_is_no_database_is_refused(tmp_path: Path, drawer: SqliteDrawer) -> None:
    drawer.close()
    (tmp_path / "crowd" / FILE).write_bytes(b"x" * 4096)
    with pytest.raises(ConfigError) as caught:
        SqliteDrawer(tmp_path / "crowd")
    assert caught.value.code == "unreadable"
    (tmp_path / "a file").write_bytes(b"")
    with pytest.raises(ConfigError):
        SqliteDrawer(tmp_path / "a file")


def test_a_closed_drawer_takes_and_gives_nothing(drawer: SqliteDrawer) -> None:
    drawer.write("bid.key", b"secret")
    drawer.close()
    with pytest.raises(UnavailableError) as caught:
        drawer.write("bid.key", b"other")
    assert caught.value.code == "store"
    with pytest.raises(ConfigError):
        drawer.read("bid.key")


def test_names_are_those_directly_in_a_folder(drawer: SqliteDrawer) -> None:
    for name in ("seats/b/2.json", "seats/b/10.json", "seats/b/10/records/x.json", "seats/bb/3"):
        drawer.write(name, b"x")
    assert drawer.names("seats/b") == ["10.json", "2.json"]
    assert drawer.names("seats") == drawer.names("none") == []


def test_a_key_is_made_once_for_each_owner(drawer: SqliteDrawer) -> None:
    first, second, entropy = Inside(drawer, "a"), Inside(drawer, "b"), SeededEntropy()
    keys = [key_id(key_in(one, "k", "es256", entropy).public) for one in (first, first, second)]
    assert keys[0] == keys[1] != keys[2]
