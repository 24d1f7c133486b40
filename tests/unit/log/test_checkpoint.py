"""Checkpoints: three lines, one spelling, signed by their own log."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.checkpoint import (
    MAX_SIZE,
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    parse_decimal,
)
from node.core.log.note import ED25519, sign_note
from tests.vectors.log.keyring import LOG, ORIGIN, WITNESSES, cosigned, signed, signer, tree

CHECKPOINT = Checkpoint(ORIGIN, 13, tree(13).root())


def test_a_checkpoint_reads_back() -> None:
    assert parse_checkpoint(CHECKPOINT.encode()) == CHECKPOINT
    assert CHECKPOINT.encode().startswith("zhuzhou.example/log\n13\n")


def test_the_example_of_the_specification() -> None:
    """The note text printed in C2SP tlog-checkpoint."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert parse_checkpoint(text).size == 20852163
    assert parse_checkpoint(text).encode() == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n13\n", "\n013\n"),
        ("\n13\n", "\n+13\n"),
        ("\n13\n", "\n-13\n"),
        ("\n13\n", "\n1_3\n"),
        ("\n13\n", "\n١٣\n"),
        ("\n13\n", "\n13 \n"),
        ("\n13\n", "\n\n"),
        ("\n13\n", "\n9223372036854775808\n"),
        ("\n13\n", "\n13\n\n"),
        (ORIGIN, ""),
        (ORIGIN, "a b"),
        ("=\n", "\n"),
        ("=\n", "="),
        ("=\n", "=\nextension\n"),
        ("=\n", "=\n\n"),
    ],
)
def test_a_checkpoint_has_one_spelling_and_no_extension(old: str, new: str) -> None:
    text = CHECKPOINT.encode()
    assert old in text
    with pytest.raises(LogError):
        parse_checkpoint(text.replace(old, new))


def test_roots_have_32_bytes_and_sizes_fit_63_bits() -> None:
    for size, root in ((13, b"x" * 31), (-1, b"x" * 32), (MAX_SIZE + 1, b"x" * 32)):
        with pytest.raises(LogError):
            Checkpoint(ORIGIN, size, root)
    assert parse_decimal(str(MAX_SIZE), "size") == MAX_SIZE
    assert parse_decimal("0", "size") == 0


def test_opening_needs_the_logs_signature() -> None:
    note, checkpoint = open_checkpoint(signed(13).encode(), LOG.key)
    assert (note, checkpoint) == (signed(13), CHECKPOINT)
    with pytest.raises(LogError, match="no signature"):
        open_checkpoint(signed(13), signer("liling.example/log", ED25519).key)
    with pytest.raises(LogError, match="not a log"):
        open_checkpoint(cosigned(13, 1), WITNESSES[0].key)


def test_a_log_cannot_sign_for_another_origin() -> None:
    other = signer("liling.example/log", ED25519)
    note = sign_note(CHECKPOINT.encode(), other.key.name, other.sign, other.key.public)
    with pytest.raises(LogError, match="but of origin"):
        open_checkpoint(note, other.key)
