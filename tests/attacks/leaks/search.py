"""Searching what a party holds for secrets: in every layer of every file, and in file names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.leaks.decode import Layer, Limits, file_layers, layers


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that may not be found: its kind, whose it is, and the bytes that give it away."""

    kind: str
    name: str
    needles: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret that was found: where, and through which encodings."""

    secret: Secret
    place: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        way = " > ".join(self.path) or "in the clear"
        return f"{self.secret.kind} {self.secret.name} in {self.place} ({way})"


def needles_of(text: str) -> tuple[bytes, ...]:
    """A text as it may stand in a layer: UTF-8, and UTF-16 without a mark."""
    return (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))


def _widened(needle: bytes) -> tuple[bytes, ...]:
    """The needle, and if it is text as UTF-16, which no form tells from other bytes."""
    try:
        return needles_of(needle.decode())
    except UnicodeDecodeError:
        return (needle,)


class Searcher:
    """Looks for the same secrets in many things; each secret is told once a place."""

    def __init__(self, secrets: Iterable[Secret], limits: Limits | None = None) -> None:
        self._limits = limits
        self._needles = [
            (wide, secret)
            for secret in secrets
            for needle in secret.needles
            for wide in _widened(needle)
        ]
        self._shortest = min((len(needle) for needle, _ in self._needles), default=0)

    def data(self, data: bytes, place: str) -> Iterator[Hit]:
        """Search some bytes. Raises TooMuchError."""
        yield from self._in(layers(data, self._limits), place)

    def file(self, path: Path, place: str) -> Iterator[Hit]:
        """Search a file, an SQLite file with its -wal. Raises TooMuchError."""
        yield from self._in(file_layers(path, self._limits), place)

    def tree(self, root: Path) -> Iterator[Hit]:
        """Search every file below a folder, and the names of files and folders."""
        paths = sorted(root.rglob("*"))
        names = "\n".join(str(path.relative_to(root)) for path in paths)
        yield from self.data(names.encode(), "names of files")
        for path in paths:
            if path.is_file() and not path.is_symlink():
                yield from self.file(path, str(path.relative_to(root)))

    def _in(self, found: Iterable[Layer], place: str) -> Iterator[Hit]:
        told: set[Secret] = set()
        for layer in found:
            data = layer.data
            if len(data) < self._shortest:
                continue
            for secret in [secret for needle, secret in self._needles if needle in data]:
                if secret not in told:
                    told.add(secret)
                    yield Hit(secret, place, layer.path)


def search_tree(root: Path, secrets: Sequence[Secret]) -> list[Hit]:
    """All hits below a folder."""
    return list(Searcher(secrets).tree(root))


def search_data(data: bytes, secrets: Sequence[Secret], place: str = "data") -> list[Hit]:
    """All hits in some bytes."""
    return list(Searcher(secrets).data(data, place))
