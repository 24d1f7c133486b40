"""The Merkle tree of a log: RFC 6962 section 2.1 over SHA-256.

A `Tree` keeps only hashes: one bytearray a level, each holding the hashes of the complete subtrees
of that height in order, so a hash tile is a slice of it and any root or proof of any earlier size
costs O(log n). It is memory built from the log's committed entries; whoever can change it can only
make the node's own next checkpoint wrong, which witnesses refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from node.core.errors import LogError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 section 2.1: the hash of the empty string)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash one log entry into a leaf: SHA-256(0x00 || entry), RFC 6962 section 2.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent: SHA-256(0x01 || left || right), RFC 6962 section 2.1."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Give the Merkle tree hash of these leaf hashes, in order (RFC 6962 section 2.1).

    Raises LogError if a leaf hash is not 32 bytes.
    """
    tree = Tree()
    tree.extend(leaf_hashes)
    return tree.root()


class Tree:
    """Append-only Merkle tree; every size up to `size` can still be proven.

    Not safe for writers in several threads: one sequencer appends. A reader that keeps to a size
    it was given before may go on while the sequencer appends, because bytes never change.
    """

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaf_hashes)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add one leaf hash and give its index. Raises LogError if it is not 32 bytes."""
        index = self.size
        self.extend((leaf,))
        return index

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaf hashes in order. Raises LogError, and adds none, if one is not 32 bytes."""
        added = self._added(leaf_hashes)
        while len(self._levels) < len(added):
            self._levels.append(bytearray())
        # The leaves last: whoever reads `size` meanwhile finds all that belongs to it.
        for height in reversed(range(len(added))):
            self._levels[height] += added[height]

    def _added(self, leaf_hashes: Iterable[bytes]) -> list[bytes]:
        """What these leaf hashes add to each level, from the lowest: whole rows at once."""
        added = [b"".join(map(_leaf, leaf_hashes))]
        while True:
            height = len(added) - 1
            row, level = added[-1], self._level(height)
            if len(level) // HASH_BYTES & 1:  # its last one has waited for its right neighbour
                row = bytes(level[-HASH_BYTES:]) + row
            whole = len(row) // (2 * HASH_BYTES) * 2 * HASH_BYTES
            if not whole:
                return added
            pairs = (row[at : at + 2 * HASH_BYTES] for at in range(0, whole, 2 * HASH_BYTES))
            added.append(b"".join([sha256(b"\x01" + pair).digest() for pair in pairs]))

    def _level(self, height: int) -> bytearray:
        return self._levels[height] if height < len(self._levels) else bytearray()

    def leaf(self, index: int) -> bytes:
        """Give the leaf hash at an index. Raises LogError if there is none."""
        return self.hashes(0, index, index + 1)

    def hashes(self, height: int, start: int, stop: int) -> bytes:
        """Give the joined hashes of complete subtrees start … stop-1 of 2**height leaves each.

        Raises LogError if one of them is not complete yet.
        """
        if not (0 <= start <= stop and height >= 0 and stop << height <= self.size):
            raise LogError(f"no complete subtrees {start}…{stop} of height {height}")
        if height >= len(self._levels):
            return b""
        return bytes(self._levels[height][start * HASH_BYTES : stop * HASH_BYTES])

    def root(self, size: int | None = None) -> bytes:
        """Give the root at a size (default: now). Raises LogError if the tree is smaller."""
        size = self.size if size is None else size
        self._need(0, size)
        return self._range(0, size) if size else EMPTY_ROOT

    def root_with(self, leaf_hashes: Iterable[bytes]) -> bytes:
        """Give the root the tree would have with these leaf hashes added; it stays as it is.

        So a root can be signed, or compared with a signed one, before anything is stored. Raises
        LogError at the first that is not 32 bytes.
        """
        added, total = self._added(leaf_hashes), b""
        for height in range(max(len(added), len(self._levels))):
            new, level = added[height] if height < len(added) else b"", self._level(height)
            if (len(level) + len(new)) // HASH_BYTES & 1:  # a largest complete subtree
                peak = bytes((new or level)[-HASH_BYTES:])
                total = node_hash(peak, total) if total else peak
        return total or EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that leaf `index` is in the tree of `size`: PATH of RFC 6962 section 2.1.1.

        The leaf's sibling comes first. Raises LogError if index or size is out of range.
        """
        self._need(index + 1, size)
        if index < 0:
            raise LogError(f"no leaf {index}")
        low, high = 0, size
        path: list[bytes] = []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return tuple(reversed(path))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `old` leaves is a prefix of that of `new`: RFC 6962 section 2.1.2.

        Empty if old is 0 (tlog-witness, add-checkpoint) or equal to new. Raises LogError if a size
        is out of range.
        """
        self._need(old, new)
        if old in (0, new):
            return ()
        low, high, whole = 0, new, True
        path: list[bytes] = []
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low, whole = middle, False
        if not whole:  # the verifier knows the old root itself, but not this part of it
            path.append(self._range(low, high))
        return tuple(reversed(path))

    def _need(self, old: int, new: int) -> None:
        if not 0 <= old <= new <= self.size:
            raise LogError(f"sizes {old} and {new} do not fit a tree of {self.size}")

    def _range(self, low: int, high: int) -> bytes:
        """Hash of leaves low … high-1, where low is a multiple of the largest power of two used."""
        parts: list[bytes] = []
        while low < high:
            height = (high - low).bit_length() - 1
            at = (low >> height) * HASH_BYTES
            parts.append(bytes(self._levels[height][at : at + HASH_BYTES]))
            low += 1 << height
        total = parts.pop()
        while parts:
            total = node_hash(parts.pop(), total)
        return total


def _leaf(leaf: bytes) -> bytes:
    if len(leaf) != HASH_BYTES:
        raise LogError(f"a leaf hash has 32 bytes, not {len(leaf)}")
    return leaf


def _split(count: int) -> int:
    """The largest power of two smaller than count (k of RFC 6962 section 2.1); count > 1."""
    return 1 << ((count - 1).bit_length() - 1)
