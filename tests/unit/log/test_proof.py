"""Checks of proofs, and the tlog-proof file."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.merkle import EMPTY_ROOT, leaf_hash
from node.core.log.proof import TlogProof, check_consistency, check_inclusion, parse_proof
from tests.vectors.log.keyring import entry, signed, tree

TREE = tree(13)
ROOT = TREE.root()
PROOF = TlogProof(5, b'{"what":1}', TREE.inclusion(5, 13), signed(13).encode())


def test_a_single_leaf_is_its_own_root() -> None:
    leaf = leaf_hash(b"only")
    check_inclusion(leaf, 0, 1, (), leaf)
    with pytest.raises(LogError, match="too long"):
        check_inclusion(leaf, 0, 1, (leaf,), leaf)


@pytest.mark.parametrize(("index", "size"), [(-1, 13), (13, 13), (0, 0), (5, 1 << 63)])
def test_an_index_lies_in_the_tree(index: int, size: int) -> None:
    with pytest.raises(LogError, match="not in a tree"):
        check_inclusion(TREE.leaf(5), index, size, PROOF.proof, ROOT)


def test_inclusion_is_strict_on_length() -> None:
    for proof, word in ((PROOF.proof[:-1], "short"), ((*PROOF.proof, ROOT), "long")):
        with pytest.raises(LogError, match=word):
            check_inclusion(TREE.leaf(5), 5, 13, proof, ROOT)


def test_consistency_is_strict_on_length() -> None:
    proof = TREE.consistency(6, 13)
    for wrong, word in ((proof[:-1], "short"), ((*proof, ROOT), "long"), ((), "empty")):
        with pytest.raises(LogError, match=word):
            check_consistency(6, TREE.root(6), 13, ROOT, wrong)


def test_everything_continues_the_empty_tree_without_proof() -> None:
    check_consistency(0, EMPTY_ROOT, 13, ROOT, ())
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, ())
    with pytest.raises(LogError, match="hash of the empty string"):
        check_consistency(0, ROOT, 13, ROOT, ())
    with pytest.raises(LogError, match="must be empty"):
        check_consistency(0, EMPTY_ROOT, 13, ROOT, (ROOT,))


def test_one_size_has_one_root() -> None:
    check_consistency(13, ROOT, 13, ROOT, ())
    with pytest.raises(LogError, match="two different roots"):
        check_consistency(13, ROOT, 13, TREE.root(12), ())
    with pytest.raises(LogError, match="cannot grow"):
        check_consistency(13, ROOT, 12, TREE.root(12), ())


def test_hashes_have_32_bytes() -> None:
    with pytest.raises(LogError, match="32 bytes"):
        check_inclusion(TREE.leaf(5), 5, 13, (b"short", *PROOF.proof[1:]), ROOT)
    with pytest.raises(LogError, match="at most"):
        check_inclusion(TREE.leaf(5), 5, 13, (ROOT,) * 66, ROOT)


def test_a_proof_file_reads_back_and_proves_its_leaf() -> None:
    again = parse_proof(PROOF.encode())
    assert again == PROOF
    assert again.check(leaf_hash(entry(5))).size == 13
    with pytest.raises(LogError):
        again.check(leaf_hash(entry(6)))


def test_a_proof_file_without_extra_or_hashes() -> None:
    alone = TlogProof(0, None, (), signed(1).encode())
    assert alone.encode().startswith("c2sp.org/tlog-proof@v1\nindex 0\n\nzhuzhou.example/log\n1\n")
    assert parse_proof(alone.encode()) == alone
    alone.check(leaf_hash(entry(0)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 5", "index 05"),
        ("index 5", "index +5"),
        ("index 5", "index 13"),
        ("index 5", "index 9223372036854775808"),
        ("index 5\n", ""),
        ("extra ", "Extra "),
        ("extra eyJ3aGF0IjoxfQ==", "extra "),
        ("extra eyJ3aGF0IjoxfQ==", "extra eyJ3aGF0IjoxfR=="),
        ("extra eyJ3aGF0IjoxfQ==", "extra eyJ3aGF0IjoxfQ"),
        ("\n\n", "\n"),
        ("\nindex", "\r\nindex"),
        ("\nindex", " \nindex"),
        ("\n13\n", "\n013\n"),
    ],
)
def test_a_proof_file_has_one_spelling(old: str, new: str) -> None:
    text = PROOF.encode()
    assert old in text
    with pytest.raises(LogError):
        parse_proof(text.replace(old, new, 1))


def test_extra_is_absent_rather_than_empty_and_bounded() -> None:
    for extra in (b"", b"x" * 65537):
        with pytest.raises(LogError):
            TlogProof(5, extra, PROOF.proof, PROOF.checkpoint)
