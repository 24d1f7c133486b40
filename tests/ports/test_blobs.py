"""One suite for `ports.Blobs`: the simulator and the real files."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from node.adapters import blobs as blobs_module
from node.adapters.blobs import FileBlobs
from node.core.errors import InvalidError, LimitError, UnavailableError
from node.services.ports import Blobs
from tests.simulators.memory_store import MemoryBlobs


@pytest.fixture(params=["memory", "files"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    if request.param == "memory":
        return MemoryBlobs(limit=1000)
    monkeypatch.setattr(blobs_module, "MAX_BLOB", 1000)
    return FileBlobs(tmp_path / "blobs")


def test_blob_is_found_by_its_digest(blobs: Blobs) -> None:
    for data in (b"", b"x", b"y" * 1000):
        name = blobs.put(data)
        assert name == sha256(data).hexdigest()
        assert blobs.put(data) == name
        assert blobs.get(name) == data
    assert blobs.get("00" * 32) is None


def test_blob_above_the_limit_is_refused(blobs: Blobs) -> None:
    with pytest.raises(LimitError):
        blobs.put(b"y" * 1001)
    assert blobs.get(sha256(b"y" * 1001).hexdigest()) is None


def test_limit_of_files_is_64_mib() -> None:
    assert blobs_module.MAX_BLOB == 64 * 1024 * 1024


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "..", "0/" * 32],
)
def test_path_is_never_the_callers(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidError):
        FileBlobs(tmp_path / "blobs").get(name)


def test_files_are_whole_private_and_leave_no_rest(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    name = FileBlobs(folder).put(b"data")
    (folder / "abc.part").write_bytes(b"half a file")
    FileBlobs(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files == [folder / name[:2] / name[2:]]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_who_only_looks_makes_and_removes_nothing(tmp_path: Path) -> None:
    """A node that runs beside it is about to give that file its name."""
    folder = tmp_path / "blobs"
    assert FileBlobs(folder, looking=True).get("ab" * 32) is None
    assert not folder.exists()
    folder.mkdir()
    (folder / "abc.part").write_bytes(b"half a file")
    FileBlobs(folder, looking=True)
    assert (folder / "abc.part").exists()


def test_damaged_file_is_not_given_out(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path)
    name = store.put(b"data")
    (tmp_path / name[:2] / name[2:]).write_bytes(b"dat")
    with pytest.raises(UnavailableError) as caught:
        store.get(name)
    assert caught.value.code == "store"
    assert store.put(b"data") == name, "a file of another length is written again"
    assert store.get(name) == b"data"


def test_put_syncs_file_before_its_name_and_folder_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace_ = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        done.append("folder" if folder else "file")
        fsync(handle)

    def watched_replace(source: str, target: Path) -> None:
        done.append("name")
        replace_(source, target)

    store = FileBlobs(tmp_path)
    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    store.put(b"data")
    assert done == ["folder", "file", "name", "folder"]
    done.clear()
    store.put(b"data")
    assert done == ["folder"], "its first writer may have died before this"


def test_disk_that_takes_nothing_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileBlobs(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UnavailableError) as caught:
            store.put(b"data")
    assert caught.value.code == "disk-full"
    assert store.get(sha256(b"data").hexdigest()) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
