"""Searching what a party holds for secrets: in every layer of every file, and in file names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.leaks.decode import Layer, Limits, file_layers, layers

DIGEST = 32
SMALL = 2048
"""Up to so many bytes or hex digits in a row digests are looked for at every offset: no record's
id lies in the middle of something larger but in a field of its own, which is a layer."""
_HEXES = re.compile(rb"[0-9a-f]{64,}")


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that may not be found: its kind, whose it is, and the bytes that give it away.

    `digests` are 32-byte values, in hex; they give it away raw and in hex. A needle of digits only
    counts where it is not part of a longer run of hex digits: there it is chance.
    """

    kind: str
    name: str
    needles: tuple[bytes, ...]
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret that was found: where, and through which encodings."""

    secret: Secret
    place: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        way = " > ".join(self.path) or "in the clear"
        return f"{self.secret.kind} {self.secret.name} in {self.place} ({way})"


def _alone(needle: bytes) -> re.Pattern[bytes] | None:
    """How a number must stand to count: not inside of a run of hex digits."""
    if not needle.replace(b".", b"").isdigit():
        return None
    return re.compile(rb"(?<![0-9a-fA-F])" + re.escape(needle) + rb"(?![0-9a-fA-F])")


def _wide(needle: bytes) -> tuple[bytes, ...]:
    """The needle in UTF-16 if it is text that is not all ASCII: runs of that are a layer anyhow."""
    try:
        text = needle.decode()
    except UnicodeDecodeError:
        return ()
    if text.isascii():
        return ()
    return (text.encode("utf-16-le"), text.encode("utf-16-be"))


Needle = tuple[bytes, "re.Pattern[bytes] | None", Secret]


class Searcher:
    """Looks for the same secrets in many things; each secret is told once a place.

    With `seen`, a set of the caller's, what was searched with the same set is not searched again.
    """

    def __init__(self, secrets: Iterable[Secret], limits: Limits | None = None) -> None:
        self._limits = limits
        found = tuple(secrets)
        pairs = [(needle, secret) for secret in found for needle in secret.needles]
        self._needles: list[Needle] = [(n, _alone(n), secret) for n, secret in pairs]
        self._shortest = min((len(needle) for needle, *_ in self._needles), default=1 << 62)
        self._needles += [(w, None, secret) for n, secret in pairs for w in _wide(n)]
        self._hex = {d.encode(): secret for secret in found for d in secret.digests}
        self._raw = {bytes.fromhex(d): secret for secret in found for d in secret.digests}

    def data(self, data: bytes, place: str, seen: set[bytes] | None = None) -> Iterator[Hit]:
        """Search some bytes. Raises TooMuchError."""
        yield from self._in(layers(data, self._limits, seen), place)

    def file(self, path: Path, place: str, seen: set[bytes] | None = None) -> Iterator[Hit]:
        """Search a file, an SQLite file with its -wal. Raises TooMuchError."""
        yield from self._in(file_layers(path, self._limits, seen), place)

    def tree(self, root: Path, seen: set[bytes] | None = None) -> Iterator[Hit]:
        """Search every file below a folder, and the names of files and folders."""
        paths = sorted(root.rglob("*"))
        names = "\n".join(str(path.relative_to(root)) for path in paths)
        yield from self.data(names.encode(), "names of files", seen)
        for path in paths:
            if path.is_file() and not path.is_symlink():
                yield from self.file(path, str(path.relative_to(root)), seen)

    def _in(self, found: Iterable[Layer], place: str) -> Iterator[Hit]:
        told: set[Secret] = set()
        for layer in found:
            for secret in self._hits(layer.data):
                if secret not in told:
                    told.add(secret)
                    yield Hit(secret, place, layer.path)

    def _hits(self, data: bytes) -> Iterator[Secret]:
        if len(data) >= self._shortest:
            for one in [one for one in self._needles if one[0] in data]:
                if one[1] is None or one[1].search(data):
                    yield one[2]
        if self._hex and len(data) >= DIGEST:
            yield from self._digests(data)

    def _digests(self, data: bytes) -> Iterator[Secret]:
        """Digests in hex at any offset; raw ones in layers of the size that holds some."""
        for match in _HEXES.finditer(data):
            run = match.group()
            for at in range(len(run) - 2 * DIGEST + 1 if len(run) <= SMALL else 0):
                if secret := self._hex.get(run[at : at + 2 * DIGEST]):
                    yield secret
        if len(data) <= SMALL and not data.isascii():
            for at in range(len(data) - DIGEST + 1):
                if secret := self._raw.get(data[at : at + DIGEST]):
                    yield secret


def search_tree(root: Path, secrets: Sequence[Secret]) -> list[Hit]:
    """All hits below a folder."""
    return list(Searcher(secrets).tree(root))


def search_data(data: bytes, secrets: Sequence[Secret], place: str = "data") -> list[Hit]:
    """All hits in some bytes."""
    return list(Searcher(secrets).data(data, place))
