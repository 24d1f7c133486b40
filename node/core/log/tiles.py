"""Tiles and entry bundles: the static files under which a log is read (C2SP tlog-tiles).

A tile of level l holds up to 256 hashes of complete subtrees of 256**l leaves; a bundle holds the
entries themselves. Both are derived from committed entries, so a wrong one is caught by anybody who
hashes it up to a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.core.errors import LogError
from node.core.log.checkpoint import MAX_SIZE, parse_decimal
from node.core.log.merkle import HASH_BYTES, Tree

TILE_WIDTH: Final = 256
"""A tile of 256 is full; there is no partial of this width (tlog-tiles, Partial Tiles)."""
TILE_HEIGHT: Final = 8
MAX_LEVEL: Final = 63
ENTRIES: Final = -1
"""`Tile.level` of an entry bundle."""
ENTRY_BYTES: Final = 32
"""Every entry of our logs is one digest (protocol.md sections 3 and 10.5)."""
_PREFIX: Final = ENTRY_BYTES.to_bytes(2, "big")
_GROUP: Final = 1000


@dataclass(frozen=True, slots=True)
class Tile:
    """Name of one tile or bundle: level (or ENTRIES), index in the level, width 1 … 256.

    Raises LogError if there can be no such tile; an empty one is none (tlog-tiles).
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not ENTRIES <= self.level <= MAX_LEVEL:
            raise LogError(f"no tile level {self.level}")
        if not 1 <= self.width <= TILE_WIDTH:
            raise LogError(f"a tile has 1 to {TILE_WIDTH} hashes, not {self.width}")
        if not 0 <= self.index <= MAX_SIZE >> TILE_HEIGHT:
            raise LogError("tile index out of range")

    @property
    def start(self) -> int:
        """Index, within its level, of the first hash or entry."""
        return self.index * TILE_WIDTH

    def is_in(self, size: int) -> bool:
        """Whether a tree of `size` has this tile whole, or had it at an earlier size."""
        height = TILE_HEIGHT * max(self.level, 0)
        return (self.start + self.width) << height <= size

    def path(self) -> str:
        """Give `tile/<L>/<N>[.p/<W>]`, or `entries` for L (tlog-tiles, Merkle Tree)."""
        groups = [f"{self.index % _GROUP:03}"]
        rest = self.index // _GROUP
        while rest:
            groups.append(f"x{rest % _GROUP:03}")
            rest //= _GROUP
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def parse_tile_path(path: str) -> Tile:
    """Read a tile's path in its one spelling. Raises LogError on any other.

    A full tile is never spelled as partial of width 256, indices have no superfluous group.
    """
    head, *parts = path[:128].split("/")
    if head != "tile" or len(parts) < 2:
        raise LogError("not a tile path")
    level = ENTRIES if parts[0] == "entries" else parse_decimal(parts[0], "tile level")
    width = TILE_WIDTH
    if parts[-2].endswith(".p"):
        width = parse_decimal(parts.pop(), "tile width")
        parts[-1] = parts[-1].removesuffix(".p")
    groups = [group.removeprefix("x") for group in parts[1:]]
    if not all(len(g) == 3 and g.isascii() and g.isdigit() for g in groups):
        raise LogError("tile index: not groups of three digits")
    tile = Tile(level, int("".join(groups)), width)
    if tile.path() != path:
        raise LogError("a tile has only one path")
    return tile


def tiles_of(old: int, new: int) -> Iterator[Tile]:
    """Name every tile and bundle that is new, or longer, in a tree of `new` leaves after `old`.

    Partial ones are those of exactly size `new`: a log serves the partials of each size for which
    it published a checkpoint. Raises LogError unless 0 <= old <= new.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise LogError(f"a tree cannot grow from {old} to {new}")
    for level in range(ENTRIES, MAX_LEVEL + 1):
        height = TILE_HEIGHT * max(level, 0)
        before, after = old >> height, new >> height
        if before == after:
            break
        for index in range(before // TILE_WIDTH, after // TILE_WIDTH):
            yield Tile(level, index)
        if after % TILE_WIDTH:
            yield Tile(level, after // TILE_WIDTH, after % TILE_WIDTH)


def tile_bytes(tree: Tree, tile: Tile) -> bytes:
    """Give a hash tile's bytes from the tree. Raises LogError if it is not complete there."""
    if tile.level == ENTRIES:
        raise LogError("an entry bundle holds entries, which a tree of hashes does not have")
    return tree.hashes(TILE_HEIGHT * tile.level, tile.start, tile.start + tile.width)


def parse_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """Part a hash tile of `width` hashes. Raises LogError if its length is any other."""
    if not 1 <= width <= TILE_WIDTH or len(data) != width * HASH_BYTES:
        raise LogError(f"not a tile of {width} hashes: {len(data)} bytes")
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """Write an entry bundle: each entry after its uint16 length (tlog-tiles, Log entries).

    Raises LogError unless there are 1 … 256 entries of 32 bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH or any(len(e) != ENTRY_BYTES for e in entries):
        raise LogError(f"a bundle has 1 to {TILE_WIDTH} entries of {ENTRY_BYTES} bytes")
    return b"".join(_PREFIX + entry for entry in entries)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """Part an entry bundle of `width` entries of 32 bytes. Raises LogError on anything else."""
    step = len(_PREFIX) + ENTRY_BYTES
    if not 1 <= width <= TILE_WIDTH or len(data) != width * step:
        raise LogError(f"not a bundle of {width} entries: {len(data)} bytes")
    if any(not data.startswith(_PREFIX, at) for at in range(0, len(data), step)):
        raise LogError(f"an entry of another length than {ENTRY_BYTES} bytes")
    return tuple(data[at + len(_PREFIX) : at + step] for at in range(0, len(data), step))
