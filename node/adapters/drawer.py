"""`FileDrawer`: an actor's keys and records as files of mode 0600 in a folder of mode 0700.

Who writes: the actor's own program alone; no centre's process ever opens this folder. What an
attacker gains who can read it: the actor's private keys, so everything he can sign. A file that
others may read is refused.

Commit order of a write: a file beside, fsync, rename, fsync of the folder. So a name never stands
for a part of a file, and what `write` returned from survives a loss of power.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from node.adapters.durable import code_of, refused, sync_folder
from node.core.errors import ConfigError

_ASIDE: Final = ".new"


class FileDrawer:
    """Small files below one folder."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises ConfigError if it cannot be made."""
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{folder}: {error.strerror}") from None

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None. Raises ConfigError if others may read it."""
        path = self._folder / name
        try:
            with path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise ConfigError(f"{path}: others may read it; run chmod 600")
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}", code="unreadable") from None

    def write(self, name: str, data: bytes) -> None:
        """Put a whole file in its place at once.

        Raises UnavailableError (`store`, `disk-full`, `disk-read-only`): the old file stands.
        """
        path = self._folder / name
        aside = path.with_name(path.name + _ASIDE)
        try:
            self._make_folder(path.parent)
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o600)  # what a killed write left may have another mode
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            detail = f"{path.name} could not be written: {error.strerror}"
            raise refused(detail, code_of(error)) from None

    def _make_folder(self, folder: Path) -> None:
        """Make it one by one: `mkdir` gives its mode to the last folder only, not to parents."""
        inside = folder.relative_to(self._folder).parts
        for depth in range(len(inside) + 1):
            one = self._folder.joinpath(*inside[:depth])
            one.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, folder: str) -> list[str]:
        """The files of a folder inside, sorted; what a killed write left is none."""
        try:
            found = [one.name for one in os.scandir(self._folder / folder) if one.is_file()]
        except FileNotFoundError:
            return []
        return sorted(name for name in found if not name.endswith(_ASIDE))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._folder / name).unlink(missing_ok=True)
