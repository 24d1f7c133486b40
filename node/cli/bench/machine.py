"""On what was measured: machine, cores, versions, and how fast its disk takes a small write."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from node import __version__
from node.adapters.clock import SystemClock

PACKAGES = ("grpcio", "pynacl", "cryptography", "msgspec", "sqlalchemy")
SYNCS = 20


def machine_of(folder: Path) -> dict[str, Any]:
    """Members of the `end` event: `machine`, `cores`, `versions`."""
    return {
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": _processor(),
            "fsync_ms": round(1000 * _sync_s(folder / "fsync"), 2),
        },
        "cores": cores(),
        "versions": {
            "yuanping": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{package: version(package) for package in PACKAGES},
        },
    }


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _sync_s(path: Path) -> float:
    """Seconds until 4 KiB more of a file are on the disk, median."""
    clock, taken = SystemClock(), []
    with path.open("wb") as file:
        for _ in range(SYNCS):
            began = clock.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(clock.monotonic() - began)
    return median(taken)
