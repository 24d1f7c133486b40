"""Fixtures of the demo's suites: a folder whose sockets have a path that every system takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a folder with a short name: a socket's path may have about 100 bytes."""
    with TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)
