"""Making a change of names in a folder durable, the other half of writing a file; and what a disk
that does not take it says.

What an attacker gains who can change what lies there stands with each store that uses it.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from node.core.errors import UnavailableError

PAGE: Final = 4096
FULL, READ_ONLY, OTHER = "disk-full", "disk-read-only", "store"
_SAYS: Final = {
    FULL: ": the disk is full",
    READ_ONLY: ": the disk is read-only",
    OTHER: "",
}
_CODES: Final = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY}


def sync_folder(folder: Path) -> None:
    """Return once the folder's own entries are on the disk (fsync). Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refused(what: str, code: str = OTHER) -> UnavailableError:
    """The error for what the disk did not do: `what` failed, and why as far as it is known."""
    return UnavailableError(f"{what}{_SAYS[code]}", code=code)


def code_of(error: OSError) -> str:
    """`disk-full`, `disk-read-only`, or `store` for any other reason."""
    return _CODES.get(error.errno or 0, OTHER)


def state_of(folder: Path) -> str:
    """What the disk of a folder says to a page that nobody will ever read.

    Asked where a library does not pass on why it failed.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(PAGE))
            os.fsync(probe.fileno())
    except OSError as error:
        return code_of(error)
    return OTHER
