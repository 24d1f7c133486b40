"""Keccak-256 against published digests and the library that signs for us."""

from __future__ import annotations

from hashlib import shake_256

import pytest
from eth_utils.crypto import keccak

from node.core.evidence.keccak import RATE_BYTES, WIDTH, keccak256, keccak256_each

KNOWN = {
    # Ethereum yellow paper: KEC(()), and the digest of an empty string in every client.
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    # ERC-20: the first topic of every transfer.
    b"Transfer(address,address,uint256)": (
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    ),
}


@pytest.mark.parametrize("message", list(KNOWN))
def test_known_digests(message: bytes) -> None:
    assert keccak256(message).hex() == KNOWN[message]


def test_every_length_around_the_block_edges_agrees_with_the_library() -> None:
    stream = shake_256(b"keccak").digest(4 * RATE_BYTES)
    for length in [*range(70), *range(RATE_BYTES - 3, RATE_BYTES + 4), 2 * RATE_BYTES - 1]:
        assert keccak256(stream[:length]) == keccak(stream[:length]), length
    for length in (2 * RATE_BYTES, 3 * RATE_BYTES + 1, 4 * RATE_BYTES):
        assert keccak256(stream[:length]) == keccak(stream[:length]), length


@pytest.mark.parametrize("count", [0, 1, 2, WIDTH, WIDTH + 1])
def test_many_at_once_are_each_the_librarys(count: int) -> None:
    """Lanes lie side by side in one integer: no bit may cross from one message to the next."""
    stream = shake_256(b"many").digest(2 * RATE_BYTES)
    for start in (0, RATE_BYTES):
        messages = [stream[n : start + 64 + n % 64] for n in range(count)]
        assert keccak256_each(messages) == [keccak(message) for message in messages]


def test_messages_of_unlike_many_blocks_are_not_hashed_at_once() -> None:
    with pytest.raises(ValueError, match="equally many blocks"):
        keccak256_each([bytes(RATE_BYTES - 1), bytes(RATE_BYTES)])
