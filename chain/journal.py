"""The development chain's memory: what was asked and at which block time, one line each.

Trust: the operator writes it; whoever can change it can make another chain of it, as the operator
can anyway. That is why evidence from this chain says "one operator".

Durability: `append` MUST return only when the line is on the disk, and is called before the chain
is told; so a line that was torn by a crash was never acted upon and is dropped. The file is locked
while it is open: two processes cannot lead one chain.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.errors import ChainError, JournalRefused


@dataclass(frozen=True, slots=True)
class Genesis:
    """First line: what the chain was begun with. `clock` is "system" or "test"."""

    chain_id: int
    time: int
    clock: str


@dataclass(frozen=True, slots=True)
class Step:
    """One block: its time in seconds since 1970 and its raw transactions in hex; none: a jump."""

    time: int
    transactions: tuple[str, ...]


class Journal:
    """An append-only file of one Genesis and then Steps."""

    def __init__(self, path: Path) -> None:
        """Open or create, lock, and cut off a torn last line. Raises ChainError if locked."""
        is_new = not path.exists()
        self._file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ChainError(f"another process runs the chain of {path.parent}") from None
        self._drop_torn_line()
        if is_new:
            _sync_folder(path.parent)

    def begin(self, genesis: Genesis) -> Genesis:
        """The genesis that stands, writing the given one if the journal is empty."""
        if lines := self._lines():
            return _genesis_of(json.loads(lines[0]))
        self._write({"chain_id": genesis.chain_id, "clock": genesis.clock, "genesis": genesis.time})
        return genesis

    def steps(self) -> Iterator[Step]:
        """Every step so far, in order."""
        for line in self._lines()[1:]:
            entry = json.loads(line)
            yield Step(entry["time"], tuple(entry.get("transactions", ())))

    def append(self, step: Step) -> None:
        """Make one step durable.

        Raises JournalRefused if the disk refuses: no part of it is left, and nothing may be done.
        Raises OSError if what the disk holds is not known: then only a new start may go on.
        """
        entry: dict[str, Any] = {"time": step.time}
        if step.transactions:
            entry["transactions"] = list(step.transactions)
        self._write(entry)

    def close(self) -> None:
        """Close the file and so give up the lock."""
        self._file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        start = self._file.seek(0, os.SEEK_END)
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        done = 0
        try:
            while done < len(line):
                done += self._file.write(line[done:])
            os.fsync(self._file.fileno())
        except OSError as error:
            if done:
                # What was not acted upon must not be replayed: leave no half or unsure line behind.
                self._file.truncate(start)
                os.fsync(self._file.fileno())
            raise JournalRefused(f"the journal cannot be written: {error.strerror}") from None

    def _lines(self) -> list[bytes]:
        self._file.seek(0)
        return self._file.read().splitlines()

    def _drop_torn_line(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            self._file.truncate(whole)
            os.fsync(self._file.fileno())


def _genesis_of(line: dict[str, Any]) -> Genesis:
    return Genesis(line["chain_id"], line["genesis"], line["clock"])


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
