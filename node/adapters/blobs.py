"""`FileBlobs`: ciphertexts and documents as files, named by their SHA-256.

Who writes: this node alone; the files are readable by its user alone. What an attacker gains who
can write here: he can delete a ciphertext that a receipt was given for (its bidder can prove the
receipt); he cannot change one, because its name is its digest and every read checks it.

Commit order: write beside, fsync the file, rename, fsync the folder. So a name never stands for a
part of a file, and when `put` returns, the bytes survive a loss of power.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from node.adapters.durable import code_of, refused, sync_folder
from node.core.errors import InvalidError, LimitError, UnavailableError

MAX_BLOB: Final = 64 * 1024 * 1024
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_UNFINISHED: Final = ".part"


class FileBlobs:
    """Blobs below one folder, spread over 256 folders by their first byte. Safe for threads."""

    def __init__(self, folder: Path, *, looking: bool = False) -> None:
        """Make the folder, and remove what an interrupted `put` left behind.

        `looking`: neither; a node that runs may be putting. Raises UnavailableError (`store`,
        `disk-full`, `disk-read-only`), as everything here.
        """
        self._folder = folder
        if looking:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in folder.glob(f"*{_UNFINISHED}"):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise _failed("prepared", error) from error

    def put(self, data: bytes) -> str:
        """Store; returns the SHA-256 in hex. Durable when it returns; putting again is harmless.

        Raises LimitError above 64 MiB, UnavailableError (`store`) if the disk does not take it.
        """
        if len(data) > MAX_BLOB:
            raise LimitError(f"a file has at most {MAX_BLOB} bytes, not {len(data)}")
        name = sha256(data).hexdigest()
        try:
            self._write(self._path(name), data)
        except OSError as error:
            raise _failed("written", error) from error
        return name

    def size(self, sha256: str) -> int | None:
        """How many bytes are stored under this name, or None; they are not read.

        A name is given to whole files only, and after their digest was computed. Raises
        InvalidError and UnavailableError as `get`.
        """
        _check_named(sha256)
        try:
            return os.stat(
                f"{self._folder}/{sha256[:2]}/{sha256[2:]}"
            ).st_size  # in the accept path
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", error) from error

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None. Raises InvalidError if the name is no SHA-256 in hex.

        Raises UnavailableError (`store`) if the disk fails or gives other bytes than were put.
        """
        _check_named(sha256)
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", error) from error
        if _digest(data) != sha256:
            raise UnavailableError(f"file {sha256[:16]}… is damaged on disk", code="store")
        return data

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name[2:]

    def _write(self, path: Path, data: bytes) -> None:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
        # A whole file may stand there although the folder was not yet synced when its writer died.
        if not (path.is_file() and path.stat().st_size == len(data)):
            self._replace(path, data)
        sync_folder(path.parent)

    def _replace(self, path: Path, data: bytes) -> None:
        handle, beside = tempfile.mkstemp(suffix=_UNFINISHED, dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise


def _check_named(name: str) -> None:
    if not _DIGEST.fullmatch(name):
        raise InvalidError("a file is named by its SHA-256 in lower-case hex")


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _failed(doing: str, error: OSError) -> UnavailableError:
    return refused(f"the folder of files cannot be {doing} now", code_of(error))
