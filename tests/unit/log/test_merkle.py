"""The tree against RFC 6962: its own definition, and the roots the CT project publishes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from node.core.errors import LogError
from node.core.log.merkle import EMPTY_ROOT, Tree, leaf_hash, node_hash, root_of

# The reference tree of the certificate-transparency project (its C++ and Go merkle tests use the
# same inputs and roots); RFC 6962 section 2.1 fixes the rule they follow.
INPUTS = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = tuple(leaf_hash(bytes.fromhex(text)) for text in INPUTS)


def defined(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = max(1 << i for i in range(len(leaves).bit_length()) if 1 << i < len(leaves))
    return node_hash(defined(leaves[:k]), defined(leaves[k:]))


def test_empty_root_is_the_hash_of_nothing() -> None:
    want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert EMPTY_ROOT.hex() == want
    assert Tree().root() == root_of([]) == EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    assert Tree(LEAVES).root(size).hex() == ROOTS[size - 1]
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_every_earlier_root_stays() -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(130)]
    tree = Tree()
    for index, leaf in enumerate(leaves):
        assert tree.append(leaf) == index
    assert [tree.root(n) for n in range(131)] == [defined(leaves[:n]) for n in range(131)]
    assert [tree.leaf(i) for i in range(130)] == leaves
    assert tree.size == 130


def test_complete_subtrees_are_slices() -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(37)]
    tree = Tree(leaves)
    for height in range(6):
        wide = 1 << height
        count = 37 >> height
        parts = [defined(leaves[i * wide : (i + 1) * wide]) for i in range(count)]
        assert tree.hashes(height, 0, count) == b"".join(parts)
        with pytest.raises(LogError):
            tree.hashes(height, 0, count + 1)
    assert tree.hashes(9, 0, 0) == b""


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 9), (5, 2)])
def test_no_inclusion_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(LogError):
        Tree(LEAVES).inclusion(index, size)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, 9)])
def test_no_consistency_proof_outside_the_tree(old: int, new: int) -> None:
    with pytest.raises(LogError):
        Tree(LEAVES).consistency(old, new)


@pytest.mark.parametrize("size", [-1, 9])
def test_no_root_outside_the_tree(size: int) -> None:
    with pytest.raises(LogError):
        Tree(LEAVES).root(size)


@pytest.mark.parametrize("leaf", [b"", b"x" * 31, b"x" * 33])
def test_a_leaf_hash_has_32_bytes(leaf: bytes) -> None:
    with pytest.raises(LogError):
        Tree([leaf])
