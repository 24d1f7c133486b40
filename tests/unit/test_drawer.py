"""The drawer of an actor: nobody else reads it, and a name never stands for a part of a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from node.adapters.drawer import FileDrawer
from node.core.errors import ConfigError, UnavailableError
from node.core.records.keys import key_id
from node.services.actors.drawer import Inside, key_in
from tests.simulators.sources import SeededEntropy


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders_are_the_owners_alone(tmp_path: Path) -> None:
    drawer = FileDrawer(tmp_path / "drawer")
    drawer.write("seats/1/seat.json", b"one")
    assert mode(tmp_path / "drawer") == 0o700
    assert mode(tmp_path / "drawer/seats") == mode(tmp_path / "drawer/seats/1") == 0o700
    assert mode(tmp_path / "drawer/seats/1/seat.json") == 0o600
    assert drawer.read("seats/1/seat.json") == b"one"
    drawer.write("seats/1/seat.json", b"two")
    assert FileDrawer(tmp_path / "drawer").read("seats/1/seat.json") == b"two"
    assert [p.name for p in (tmp_path / "drawer/seats/1").iterdir()] == ["seat.json"]
    drawer.remove("seats/1/seat.json")
    drawer.remove("seats/1/seat.json")
    assert drawer.read("seats/1/seat.json") is None


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    drawer = FileDrawer(tmp_path)
    drawer.write("bid.key", b"secret")
    (tmp_path / "bid.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        drawer.read("bid.key")


def test_what_a_killed_write_left_behind_is_no_file(tmp_path: Path) -> None:
    drawer = FileDrawer(tmp_path)
    (tmp_path / "bid.key.new").write_bytes(b"half")
    assert drawer.read("bid.key") is None
    drawer.write("bid.key", b"whole")
    assert drawer.read("bid.key") == b"whole"


def test_a_disk_that_takes_nothing_is_said_to_be_the_store(tmp_path: Path) -> None:
    drawer = FileDrawer(tmp_path)
    (tmp_path / "seats").write_bytes(b"a file where a folder should be")
    with pytest.raises(UnavailableError) as caught:
        drawer.write("seats/1.json", b"x")
    assert caught.value.code == "store"
    with pytest.raises(ConfigError):
        drawer.read("seats/1.json")
    with pytest.raises(ConfigError):
        FileDrawer(tmp_path / "seats" / "deeper")


def test_a_key_is_made_once_and_is_the_same_afterwards(tmp_path: Path) -> None:
    drawer, entropy = Inside(FileDrawer(tmp_path), "bidder"), SeededEntropy()
    made = key_in(drawer, "bid.key", "es256", entropy)
    again = key_in(drawer, "bid.key", "ed25519", SeededEntropy("other"))
    assert key_id(again.public) == key_id(made.public)
    assert again.public.suite == "es256"
    drawer.remove("bid.key")
    assert drawer.read("bid.key") is None
