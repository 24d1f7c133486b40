"""A backup as one file: an uncompressed tar of the database's copy, the files, and a manifest.

    node.db          the database of one moment, as an SQLite file
    blobs/aa/bb…     every file, by its SHA-256
    config.toml      the configuration; descriptor.json, if it lies beside
    keys/…           only if asked for
    manifest.json    last: format, whose, when, and the SHA-256 and size of all the others

Any tool can look into it. It is written beside its place, then fsync, then its name: what bears the
name is whole. Mode 0600: it holds what the node must keep secret until its time. Who can change a
backup can make it useless, or old; he cannot make a node sign what it did not (`catching_up`).
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, Any, Final, cast

from node.adapters.durable import code_of, refused, sync_folder
from node.adapters.sql.copying import Told
from node.core.errors import ConfigError, InvalidError

FORMAT: Final = 1
DATABASE: Final = "node.db"
MANIFEST: Final = "manifest.json"
MAX_MANIFEST: Final = 256 * 1024 * 1024
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `files` are (SHA-256, bytes) by name."""

    member: str
    origin: str
    made: str
    size: int
    facts: dict[str, Any]
    files: dict[str, tuple[str, int]]

    def encode(self) -> bytes:
        """As it stands in the file."""
        files = {n: {"sha256": d, "size": s} for n, (d, s) in sorted(self.files.items())}
        document = {
            "format": FORMAT,
            "member": self.member,
            "origin": self.origin,
            "made": self.made,
            "log_size": self.size,
            **self.facts,
            "files": files,
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


@dataclass(slots=True)
class Writing:
    """A backup that is being written."""

    tar: tarfile.TarFile
    told: Told
    files: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, name: str, path: Path) -> None:
        """Take a file; its digest is that of the bytes that were written here."""
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            counted = _Counted(source)
            self.tar.addfile(_info(name, size), counted)
            self.files[name] = (counted.digest.hexdigest(), size)

    def end(self, manifest: Manifest) -> None:
        """Put the manifest last."""
        data = manifest.encode()
        self.tar.addfile(_info(MANIFEST, len(data)), io.BytesIO(data))


class _Counted(io.RawIOBase):
    """Reads a file on and makes its digest."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.digest = source, sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


@contextmanager
def writing(path: Path, told: Told) -> Iterator[Writing]:
    """Write a backup; it has its name once this ends well, and nothing is left if it does not.

    Raises UnavailableError (`store`, `disk-full`, `disk-read-only`) if the disk does not take it.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writing(tar, told)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise refused(f"{path} cannot be written", code_of(error)) from error
    finally:
        with suppress(OSError):
            aside.unlink()


class Reading:
    """A backup that was opened: its manifest was read, nothing was compared yet."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError (`unreadable`, `backup`) for what is no backup of ours."""
        self.path = path
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}", code="unreadable") from None
        except tarfile.TarError:
            raise ConfigError(f"{path}: this is no backup", code="backup") from None
        try:
            self.members = self._members()
            self.manifest = _manifest(self._data())
        except (tarfile.TarError, InvalidError, OSError) as error:
            self.close()
            raise ConfigError(f"{path}: {error}", code="backup") from None

    def close(self) -> None:
        """Let go of the file."""
        self._tar.close()

    def _members(self) -> dict[str, tarfile.TarInfo]:
        found: dict[str, tarfile.TarInfo] = {}
        for member in self._tar:
            if not member.isreg() or member.name in found or _is_odd(member.name):
                raise InvalidError(f"{member.name!r} does not belong in a backup")
            found[member.name] = member
        if not found or next(reversed(found)) != MANIFEST:
            raise InvalidError("it is cut off: the manifest at its end is missing")
        return found

    def _data(self) -> bytes:
        member = self.members.pop(MANIFEST)
        if member.size > MAX_MANIFEST:
            raise InvalidError("its manifest is too large")
        return self._file(member).read()

    def _file(self, member: tarfile.TarInfo) -> io.BufferedReader:
        file = cast("io.BufferedReader | None", self._tar.extractfile(member))
        if file is None:
            raise InvalidError(f"{member.name} cannot be read")
        return file

    def check(self, told: Told) -> None:
        """Compare every file with the manifest. Raises ConfigError (`backup`) at a difference."""
        named = self.manifest.files
        odd = sorted(named.keys() ^ self.members.keys())
        if odd or DATABASE not in named:
            raise self._bad(f"{odd[0] if odd else DATABASE} is not in both, file and manifest")
        whole, done = sum(size for _, size in named.values()), 0
        for name, (digest, size) in named.items():
            try:
                found = file_digest(self._file(self.members[name]), "sha256").hexdigest()
            except (OSError, tarfile.TarError) as error:
                raise self._bad(f"{name}: {error}") from None
            if (found, self.members[name].size) != (digest, size) or not _is_true(name, digest):
                raise self._bad(f"{name} is damaged: its SHA-256 is {found}")
            done += size
            told("check", done, whole)

    def _bad(self, why: str) -> ConfigError:
        return ConfigError(f"{self.path}: {why}", code="backup")

    def unpack(self, name: str, path: Path) -> None:
        """Write one file out, for our eyes only; durable. Raises UnavailableError."""
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                source = self._file(self.members[name])
                while piece := source.read(_PIECE):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise refused(f"{path} cannot be written", code_of(error)) from error

    def data(self, name: str) -> bytes:
        """One file's bytes."""
        return self._file(self.members[name]).read()


def blob_name(digest: str) -> str:
    """Where a file by its SHA-256 lies in a backup."""
    return f"blobs/{digest[:2]}/{digest[2:]}"


def _is_true(name: str, digest: str) -> bool:
    """A file that is named by its digest has that one."""
    return not name.startswith("blobs/") or name == blob_name(digest)


def _is_odd(name: str) -> bool:
    return name.startswith(("/", ".")) or any(part in ("", ".", "..") for part in name.split("/"))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def _manifest(data: bytes) -> Manifest:
    try:
        read = json.loads(data)
        if read.pop("format") != FORMAT:
            raise InvalidError("a format that this version does not know; use a newer one")
        files = {n: (str(f["sha256"]), int(f["size"])) for n, f in read.pop("files").items()}
        names = [read.pop(name) for name in ("member", "origin", "made", "log_size")]
        return Manifest(str(names[0]), str(names[1]), str(names[2]), int(names[3]), read, files)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidError("its manifest cannot be read") from None
