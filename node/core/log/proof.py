"""Inclusion and consistency proofs (RFC 6962 section 2.1) and the C2SP tlog-proof file.

The checks are written from RFC 9162 sections 2.1.3.2 and 2.1.4.2, not from the code that makes the
proofs (`merkle`), so that one mistake cannot hide in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.core.errors import LogError
from node.core.log.checkpoint import (
    MAX_SIZE,
    Checkpoint,
    parse_checkpoint,
    parse_decimal,
    parse_hashes,
)
from node.core.log.merkle import EMPTY_ROOT, HASH_BYTES, node_hash
from node.core.log.note import (
    MAX_NOTE_BYTES,
    Note,
    decode_base64,
    decode_text,
    encode_base64,
    parse_note,
)

MAX_PROOF: Final = 63
"""No proof in a tree of fewer than 2**63 leaves is longer."""
MAX_EXTRA_BYTES: Final = 1 << 16
_HEADER: Final = "c2sp.org/tlog-proof@v1"


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Accept only if `leaf` (a leaf hash) stands at `index` in the tree of `size` and `root`.

    Source: RFC 9162 section 2.1.3.2; the proof's length must be exactly what index and size
    require. Raises LogError.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise LogError(f"index {index} is not in a tree of {size}")
    _check_hashes((leaf, root, *proof))
    place, last, total = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise LogError("the inclusion proof is too long")
        if place & 1 or place == last:
            total = node_hash(sibling, total)
            while place and not place & 1:  # no sibling on these levels: the node moves up as is
                place, last = place >> 1, last >> 1
        else:
            total = node_hash(total, sibling)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise LogError("the inclusion proof is too short")
    if total != root:
        raise LogError(f"the inclusion proof of index {index} does not lead to the root")


def check_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Accept only if the tree of `old_size` and `old_root` is a prefix of the new one.

    Source: RFC 9162 section 2.1.4.2. From an empty tree, or between equal sizes, the proof must be
    empty and the roots what they must be. Raises LogError.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise LogError(f"a tree cannot grow from {old_size} to {new_size}")
    _check_hashes((old_root, new_root, *proof))
    if old_size in (0, new_size):
        _check_trivial(old_size, old_root, new_size, new_root)
        if proof:
            raise LogError("the consistency proof must be empty here")
        return
    if not proof:
        raise LogError("the consistency proof is empty")
    whole = old_size & (old_size - 1) == 0  # the old tree is one complete subtree of the new one
    path = (old_root, *proof) if whole else tuple(proof)
    if _climb(old_size, new_size, path) != (old_root, new_root):
        raise LogError(f"the tree of {new_size} does not continue that of {old_size}")


def _check_trivial(old_size: int, old_root: bytes, new_size: int, new_root: bytes) -> None:
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise LogError("an empty tree has the hash of the empty string as root")
    if old_size == new_size and old_root != new_root:
        raise LogError(f"two different roots at size {old_size}")


def _climb(old_size: int, new_size: int, path: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """Compute both roots from a consistency proof, RFC 9162 section 2.1.4.2 steps 4 to 6."""
    old, new = old_size - 1, new_size - 1
    while old & 1:
        old, new = old >> 1, new >> 1
    old_total = new_total = path[0]
    for sibling in path[1:]:
        if new == 0:
            raise LogError("the consistency proof is too long")
        if old & 1 or old == new:
            old_total = node_hash(sibling, old_total)
            new_total = node_hash(sibling, new_total)
            while old and not old & 1:
                old, new = old >> 1, new >> 1
        else:
            new_total = node_hash(new_total, sibling)
        old, new = old >> 1, new >> 1
    if new != 0:
        raise LogError("the consistency proof is too short")
    return old_total, new_total


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > MAX_PROOF + 2:
        raise LogError(f"a proof has at most {MAX_PROOF} hashes")
    if set(map(len, hashes)) - {HASH_BYTES}:
        raise LogError("a hash of a proof has 32 bytes")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An offline-verifiable proof file (C2SP tlog-proof v1); made and parsed, not yet verified.

    `checkpoint` is the signed note, verbatim. `extra` is authenticated by nothing: whoever reads it
    must hash it into the entry (as receipts do). Raises LogError if the parts do not fit together.
    """

    index: int
    extra: bytes | None
    proof: tuple[bytes, ...]
    checkpoint: str

    def __post_init__(self) -> None:
        if self.extra is not None and not 0 < len(self.extra) <= MAX_EXTRA_BYTES:
            raise LogError(f"extra has 1 to {MAX_EXTRA_BYTES} bytes, or is absent")
        _check_hashes(self.proof)
        size = self.head().size
        if not 0 <= self.index < size:
            raise LogError(f"index {self.index} is not in a tree of {size}")

    def note(self) -> Note:
        """Give the checkpoint's note, unverified. Raises LogError."""
        return parse_note(self.checkpoint)

    def head(self) -> Checkpoint:
        """Give the checkpoint that the note states, unverified. Raises LogError."""
        return parse_checkpoint(self.note().text)

    def encode(self) -> str:
        """Give the file's text (tlog-proof, Format); `parse_proof` reads back the same proof."""
        extra = "" if self.extra is None else f"extra {encode_base64(self.extra)}\n"
        hashes = "".join(f"{encode_base64(h)}\n" for h in self.proof)
        return f"{_HEADER}\n{extra}index {self.index}\n{hashes}\n{self.checkpoint}"

    def check(self, leaf: bytes) -> Checkpoint:
        """Accept only if `leaf` is included in the stated checkpoint, and give that.

        The signatures of the checkpoint are NOT checked here: use `cosignature.check_quorum` or
        `checkpoint.open_checkpoint` on `note()`. Raises LogError.
        """
        head = self.head()
        check_inclusion(leaf, self.index, head.size, self.proof, head.root)
        return head


def parse_proof(data: str | bytes) -> TlogProof:
    """Read a tlog-proof file strictly; nothing in it is verified yet.

    Source: C2SP tlog-proof, Format. Raises LogError on any bytes that `encode` would not write.
    """
    text = decode_text(data, MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES)
    top, blank, checkpoint = text.partition("\n\n")
    lines = top.split("\n")
    if not blank or lines.pop(0) != _HEADER:
        raise LogError(f"a proof begins with {_HEADER} and has an empty line before its checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "), "extra")
    if not lines or not lines[0].startswith("index "):
        raise LogError("a proof has an index line")
    index = parse_decimal(lines.pop(0).removeprefix("index "), "index")
    return TlogProof(index, extra, parse_hashes(lines, MAX_PROOF), checkpoint)
