"""A PostgreSQL of the tests' own: a cluster in a temporary folder, behind a Unix socket.

It runs with fsync on and ends with the process that started it, however that ends. A server refuses
to run as root: under root it runs as the user `postgres`, whom the package of Debian makes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROLE = "yuanping"
START_S = 60.0
OPTIONS = {
    "listen_addresses": "",
    "fsync": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
}
LEASH = '"$@" & read _; kill -QUIT $!; wait $!'
"""A shell that stops the server, at once, as soon as its own standard input ends."""


def programs() -> Path | None:
    """The folder of the newest PostgreSQL that is installed, or None."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found.sort(key=lambda path: int(path.parts[-3]) if path.parts[-3].isdecimal() else 0)
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def owner() -> dict[str, Any]:
    """As whom the server runs: arguments for `subprocess`. Skips where there is nobody for it."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@dataclass
class Postgres:
    """One running cluster."""

    folder: Path
    bin: Path
    runs_as: dict[str, Any]
    options: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    _numbers: count[int] = field(default_factory=count)

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return int((self.folder / "data" / "postmaster.pid").read_text("utf-8").split()[0])

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as `[store] database_url` takes it."""
        port = self.options.get("port", "5432")
        return f"postgresql://{ROLE}@/{database}?host={self.folder}&port={port}"

    def create(self, name: str | None = None) -> str:
        """Make an empty database; its address. It sorts by the rules of a language, as many do."""
        name = name or f"test_{next(self._numbers)}"
        self.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'zh'"
        )
        return self.url(name)

    def create_for(self, name: str, members: Sequence[str]) -> str:
        """An empty database for each member's node; what YUANPING_DEMO_DATABASE_URL then is."""
        for member in members:
            self.create(f"{name}_{member}")
        return self.url(f"{name}_{{centre}}")

    def drop_for(self, name: str, members: Sequence[str]) -> None:
        """Remove them; whoever is still connected is cut off."""
        for member in members:
            self.execute(f"DROP DATABASE {name}_{member} WITH (FORCE)")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement as the cluster's owner; the rows it gives."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def cut(self, database: str) -> None:
        """End all sessions on a database, as a cut line does."""
        found = self.execute("SELECT pid, datname FROM pg_stat_activity WHERE datname IS NOT NULL")
        for pid, name in found:
            if name == database:
                self.execute(f"SELECT pg_terminate_backend({pid}, 10000)")

    def start(self) -> None:
        """Start the server and wait until it answers.

        After a kill it is tried again until the last process of the server before has noticed.
        """
        end = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < end, (self.folder / "server.log").read_text("utf-8")
            if self.process is None or self.process.poll() is not None:
                self.process = self._started()
            time.sleep(0.05)

    def _started(self) -> subprocess.Popen[bytes]:
        words = [str(self.bin / "postgres"), "-D", str(self.folder / "data")]
        options = {**OPTIONS, **self.options, "unix_socket_directories": str(self.folder)}
        words += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as said:
            return subprocess.Popen(
                ["sh", "-c", LEASH, "leash", *words],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                cwd="/",
                **self.runs_as,
            )

    def kill(self) -> None:
        """SIGKILL the server, as the system does that has no memory left."""
        assert self.process is not None
        os.kill(self.pid, signal.SIGKILL)
        self.process.communicate(timeout=START_S)

    def stop(self) -> None:
        """Stop it and remove the cluster."""
        if self.process is not None and self.process.poll() is None:
            self.process.communicate(timeout=START_S)
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def start_postgres(**options: str) -> Postgres:
    """A new cluster, started with these settings; skips where no PostgreSQL is installed."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed (Debian: apt-get install postgresql)")
    runs_as = owner()
    folder = Path(tempfile.mkdtemp(prefix="yuanping-pg-", dir="/tmp"))
    if runs_as:
        os.chown(folder, runs_as["user"], runs_as["group"])
    subprocess.run(
        [found / "initdb", "-D", folder / "data", "-U", ROLE, "-A", "trust", "-E", "UTF8", "-N"],
        check=True,
        capture_output=True,
        cwd="/",
        **runs_as,
    )
    made = Postgres(folder, found, runs_as, options)
    made.start()
    return made
