"""`node run` around the node: what it does when something is not as it would like it."""

from __future__ import annotations

import os
from pathlib import Path

from api.run import note_pid


def test_who_serves_is_noted_and_a_folder_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    note_pid(tmp_path / "pid")
    assert (tmp_path / "pid").read_text("ascii") == f"{os.getpid()}\n"
    # A service's configuration may lie on a read-only file system; here the folder is a file.
    note_pid(tmp_path / "pid" / "pid")
