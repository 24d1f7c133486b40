"""An actor's own drawer: keys and records, durable before anything of them leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from node.core.records.canonical import Hex32, decode, encode, prepare
from node.core.records.keys import Signer, Suite, signer_from_seed
from node.core.records.kinds.base import Part

if TYPE_CHECKING:
    from node.services.ports import Entropy

P = TypeVar("P", bound=Part)
P256_TRIES = 8
"""A random scalar is out of range once in 2^32 times; eight tries never run out."""


class Drawer(Protocol):
    """Small files of one actor that nobody else can read. What `write` returned from is durable."""

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put a whole file in its place at once."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def names(self, folder: str) -> list[str]:
        """The files of a folder inside, sorted; none if there is no such folder."""
        ...


class KeyKept(Part, frozen=True, kw_only=True):
    """A private key as its owner keeps it."""

    seed: Hex32
    suite: Suite


prepare(KeyKept)


def take_out(drawer: Drawer, name: str, kind: type[P]) -> P | None:
    """What a file holds, read strictly, or None. Raises InvalidError for a damaged file."""
    data = drawer.read(name)
    return None if data is None else decode(data, kind)


def put_in(drawer: Drawer, name: str, part: Part) -> None:
    """Keep a value durably."""
    drawer.write(name, encode(part))


def key_in(drawer: Drawer, name: str, suite: Suite, entropy: Entropy) -> Signer:
    """The key of this name; made, and on the disk, before it is used for the first time."""
    kept = take_out(drawer, name, KeyKept)
    if kept is None:
        kept = KeyKept(seed=fresh_seed(suite, entropy), suite=suite)
        put_in(drawer, name, kept)
    return signer_from_seed(kept.suite, bytes.fromhex(kept.seed))


def fresh_seed(suite: Suite, entropy: Entropy) -> str:
    """32 secret bytes that are a key of the suite, hex."""
    for _ in range(P256_TRIES):
        seed = entropy.bytes(32)
        if suite != "es256" or 0 < int.from_bytes(seed, "big") < 2**256 - 2**224:
            return seed.hex()
    raise AssertionError("the source of chance is broken")


@dataclass(frozen=True, slots=True)
class Inside:
    """A folder of a drawer, as a drawer."""

    drawer: Drawer
    folder: str

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None."""
        return self.drawer.read(f"{self.folder}/{name}")

    def write(self, name: str, data: bytes) -> None:
        """Put a whole file in its place at once."""
        self.drawer.write(f"{self.folder}/{name}", data)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        self.drawer.remove(f"{self.folder}/{name}")

    def names(self, folder: str) -> list[str]:
        """The files of a folder inside, sorted."""
        return self.drawer.names(f"{self.folder}/{folder}")
