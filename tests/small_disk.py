"""A real file system of a few megabytes that a test can fill, break and mend.

An ext4 image on a loop device. `fail` is its own emergency stop (mount option `abort`), which makes
it read-only under programs that hold files open, as a failing disk does. Needs root and mount.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import FORBIDDEN

LET_GO_S = 20.0
TOOLS = ("mkfs.ext4", "e2fsck", "mount", "umount")


@dataclass(frozen=True)
class SmallDisk:
    """The mounted folder and the image behind it."""

    folder: Path
    image: Path

    def fill(self) -> None:
        """Leave not a byte: what is appended to now does not fit."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (2**20, 2**12, 1):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError:
                    continue

    def make_room(self) -> None:
        """Undo that."""
        (self.folder / "filler").unlink()

    def fail(self) -> None:
        """Turn read-only at once, under whoever writes."""
        _run("mount", "-o", "remount,abort", str(self.folder))

    def mend(self) -> None:
        """Check and repair it, as an operator would, once nobody has a file open there."""
        end = time.monotonic() + LET_GO_S
        while subprocess.run(
            ["umount", str(self.folder)], capture_output=True, check=False
        ).returncode:
            assert time.monotonic() < end, "somebody still works on the disk"
            time.sleep(0.1)
        done = subprocess.run(["e2fsck", "-fy", str(self.image)], capture_output=True, check=False)
        assert done.returncode in (0, 1), done.stdout
        self.mount()

    def mount(self) -> None:
        """Mount it where it belongs."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder))


@contextmanager
def small_disk(folder: Path, image: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a new file system at `folder`; skip where that is not allowed."""
    disk = SmallDisk(folder, image)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"a small file system needs root and {', '.join(missing) or 'its tools'}")
    with image.open("wb") as file:
        file.truncate(megabytes * 2**20)
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{FORBIDDEN} mount: {error.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*words: str) -> None:
    subprocess.run(words, capture_output=True, check=True)
