"""Searching what a party holds for secrets: in every layer of every file, and in file names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from ahocorasick_rs import BytesAhoCorasick

from tests.attacks.leaks.decode import Limits, layers
from tests.attacks.leaks.pieces import pieces
from tests.attacks.leaks.seen import Seen


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


def _forms(secret: Secret) -> Iterator[bytes]:
    """All bytes that give a secret away."""
    for needle in secret.needles:
        yield needle
        yield from _wide(needle)
    for digest in secret.digests:
        yield digest.encode()
        yield bytes.fromhex(digest)


def _wide(needle: bytes) -> tuple[bytes, ...]:
    """The needle in UTF-16 if it is text that is not all ASCII: runs of that are a layer anyhow."""
    try:
        text = needle.decode()
    except UnicodeDecodeError:
        return ()
    if text.isascii():
        return ()
    return (text.encode("utf-16-le"), text.encode("utf-16-be"))


class Searcher:
    """Looks for the same secrets in many things; each secret is told once a place.

    `share` (number, of how many) takes every so many-th piece only: the rest is another's.
    """

    def __init__(
        self,
        secrets: Iterable[Secret],
        limits: Limits | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._limits, self._share = limits, share
        self._needles = [(n, secret) for secret in secrets for n in _forms(secret)]
        self._alone = [_alone(needle) for needle, _ in self._needles]
        self._automaton = BytesAhoCorasick([needle for needle, _ in self._needles])

    def data(self, data: bytes, place: str, seen: Seen | None = None) -> Iterator[Hit]:
        """Search some bytes. Raises TooMuchError."""
        yield from self._in([("", data)], place, seen or Seen())

    def file(self, path: Path, place: str, seen: Seen | None = None) -> Iterator[Hit]:
        """Search a file, an SQLite file with its -wal. Raises TooMuchError."""
        yield from self._in(pieces(path), place, seen or Seen())

    def tree(self, root: Path, seen: Seen | None = None) -> Iterator[Hit]:
        """Search every file below a folder, and the names of files and folders."""
        paths, seen = sorted(root.rglob("*")), seen or Seen()
        names = "\n".join(str(path.relative_to(root)) for path in paths)
        yield from self.data(names.encode(), "names of files", seen)
        for path in paths:
            if path.is_file() and not path.is_symlink():
                yield from self.file(path, str(path.relative_to(root)), seen)

    def _in(self, found: Iterable[tuple[str, bytes]], place: str, seen: Seen) -> Iterator[Hit]:
        told: set[Secret] = set()
        number, shares = self._share
        for how, piece in found:
            if crc32(piece) % shares != number:
                continue
            hits = list(self._piece(how, piece, place, seen))
            seen.end(found=bool(hits))
            for hit in hits:
                if hit.secret not in told:
                    told.add(hit.secret)
                    yield hit

    def _piece(self, how: str, piece: bytes, place: str, seen: Seen) -> Iterator[Hit]:
        for layer in layers(piece, self._limits, seen):
            path = (how, *layer.path) if how else layer.path
            yield from (Hit(secret, place, path) for secret in self._hits(layer.data))

    def _hits(self, data: bytes) -> Iterator[Secret]:
        """Every needle anywhere, in one pass over the data."""
        found = self._automaton.find_matches_as_indexes(data, overlapping=True)
        for number in {number for number, *_ in found}:
            pattern = self._alone[number]
            if pattern is None or pattern.search(data):
                yield self._needles[number][1]


def search_tree(root: Path, secrets: Sequence[Secret]) -> list[Hit]:
    """All hits below a folder."""
    return list(Searcher(secrets).tree(root))


def search_data(data: bytes, secrets: Sequence[Secret], place: str = "data") -> list[Hit]:
    """All hits in some bytes."""
    return list(Searcher(secrets).data(data, place))
