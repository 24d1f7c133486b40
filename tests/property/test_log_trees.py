"""What must hold for every tree: all proofs of all sizes hold, and no mutation of one does."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.errors import LogError
from node.core.log.merkle import Tree, leaf_hash, root_of
from node.core.log.proof import check_consistency, check_inclusion
from node.core.log.tiles import Tile, parse_tile_path, tile_bytes, tiles_of

LARGEST = 70
LEAVES = [leaf_hash(bytes([i])) for i in range(LARGEST)]
TREE = Tree(LEAVES)
ROOTS = [TREE.root(n) for n in range(LARGEST + 1)]
FLIP = st.integers(0, 255)


def flipped(value: bytes, bit: int) -> bytes:
    """Turn one bit of 32 bytes."""
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(32, "big")


def test_every_inclusion_proof_of_every_size_holds_at_its_index_only() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = TREE.inclusion(index, size)
            check_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
            for other in {0, index ^ 1, size - 1 - index, size - 1} - {index}:
                with pytest.raises(LogError):
                    check_inclusion(LEAVES[index], other, size, proof, ROOTS[size])


def test_every_consistency_proof_of_every_size_holds_between_its_sizes_only() -> None:
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            proof = TREE.consistency(old, new)
            check_consistency(old, ROOTS[old], new, ROOTS[new], proof)
            for other in {old - 1, old + 1} & set(range(1, new)):
                with pytest.raises(LogError):
                    check_consistency(other, ROOTS[old], new, ROOTS[new], proof)
                with pytest.raises(LogError):
                    check_consistency(other, ROOTS[other], new, ROOTS[new], (*proof, ROOTS[new]))


@given(st.integers(1, LARGEST), st.data())
def test_a_mutated_inclusion_proof_never_holds(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = list(TREE.inclusion(index, size))
    leaf, root = LEAVES[index], ROOTS[size]
    kind = data.draw(st.sampled_from(["leaf", "root", "drop", "add", "hash"]))
    if kind == "leaf":
        leaf = flipped(leaf, data.draw(FLIP))
    elif kind == "root":
        root = flipped(root, data.draw(FLIP))
    elif kind == "add" or not proof:
        proof.insert(data.draw(st.integers(0, len(proof))), data.draw(st.sampled_from(ROOTS)))
    else:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at : at + 1] = [] if kind == "drop" else [flipped(proof[at], data.draw(FLIP))]
    with pytest.raises(LogError):
        check_inclusion(leaf, index, size, proof, root)


@given(st.integers(2, LARGEST), st.data())
def test_a_mutated_consistency_proof_never_holds(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    proof = list(TREE.consistency(old, new))
    before, after = ROOTS[old], ROOTS[new]
    kind = data.draw(st.sampled_from(["old", "new", "drop", "add", "hash"]))
    at = data.draw(st.integers(0, len(proof) - 1))
    if kind == "old":
        before = flipped(before, data.draw(FLIP))
    elif kind == "new":
        after = flipped(after, data.draw(FLIP))
    elif kind == "add":
        proof.insert(at, data.draw(st.sampled_from(ROOTS)))
    else:
        proof[at : at + 1] = [] if kind == "drop" else [flipped(proof[at], data.draw(FLIP))]
    with pytest.raises(LogError):
        check_consistency(old, before, new, after, proof)


@given(st.lists(st.binary(max_size=8), max_size=40), st.data())
def test_one_tree_has_one_root_however_it_grew(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(e) for e in entries]
    cut = data.draw(st.integers(0, len(leaves)))
    grown = Tree(leaves[:cut])
    early = grown.root()
    grown.extend(leaves[cut:])
    assert grown.root() == root_of(leaves)
    assert grown.root(cut) == early
    check_consistency(cut, early, len(leaves), grown.root(), grown.consistency(cut, len(leaves)))


@given(st.sets(st.integers(0, 1200), min_size=1, max_size=6))
def test_tiles_of_all_steps_rebuild_each_published_size(sizes: set[int]) -> None:
    whole = WIDE
    shelf: dict[str, bytes] = {}
    before = 0
    for size in sorted(sizes):
        for tile in tiles_of(before, size):
            if tile.level >= 0:
                shelf[tile.path()] = tile_bytes(whole, tile)
        before = size
        full = b"".join(shelf[Tile(0, i).path()] for i in range(size // 256))
        rest = shelf[Tile(0, size // 256, size % 256).path()] if size % 256 else b""
        hashes = full + rest
        leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
        assert root_of(leaves) == whole.root(size)
    for path in shelf:
        assert parse_tile_path(path).path() == path


WIDE = Tree(leaf_hash(sha256(b"%d" % i).digest()) for i in range(1200))


@given(st.lists(st.binary(max_size=8), max_size=70), st.lists(st.binary(max_size=8), max_size=70))
def test_root_with_more_leaves_is_the_root_after_they_were_added(
    entries: list[bytes], more: list[bytes]
) -> None:
    tree = Tree(leaf_hash(entry) for entry in entries)
    before = (tree.size, tree.root())
    foretold = tree.root_with(leaf_hash(entry) for entry in more)
    assert (tree.size, tree.root()) == before
    tree.extend(leaf_hash(entry) for entry in more)
    assert tree.root() == foretold
