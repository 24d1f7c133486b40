"""What holds for every key, signature and envelope."""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.errors import InvalidError, LimitError, NodeError, SignatureError
from node.core.records.canonical import encode
from node.core.records.envelope import (
    Header,
    Opened,
    check_signature,
    open_envelope,
    record_id,
    seal,
)
from node.core.records.keys import (
    PublicKey,
    Signer,
    Suite,
    check_public,
    key_id,
    signer_from_seed,
    verify,
)

SUITES: st.SearchStrategy[Suite] = st.sampled_from(("ed25519", "es256"))
SEEDS = st.binary(min_size=32, max_size=32).filter(lambda seed: 0 < seed[0] < 255)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
LOTS = st.none() | st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z")


def header(signer: Signer, body: str, lot: str | None) -> Header:
    key = key_id(signer.public)
    return Header("bid.sealed/v1", f"bidder:{key}", key, "2026-03-01T09:00:00Z", body, body, lot)


@cache
def sample(suite: Suite) -> tuple[bytes, PublicKey, Opened]:
    signer = signer_from_seed(suite, b"\x07" * 32)
    data = encode(seal(header(signer, "ab" * 32, "1"), signer))
    return data, signer.public, open_envelope(data)


@given(SUITES, SEEDS, HEX, LOTS)
def test_what_is_sealed_opens_and_verifies(
    suite: Suite, seed: bytes, body: str, lot: str | None
) -> None:
    signer = signer_from_seed(suite, seed)
    sent = header(signer, body, lot)
    opened = open_envelope(encode(seal(sent, signer)))
    check_signature(opened, signer.public)
    assert opened.header == sent
    assert opened.id == record_id(opened.header_bytes)
    assert opened == open_envelope(seal(sent, signer))


@given(st.binary(max_size=300))
def test_any_bytes_are_no_envelope(data: bytes) -> None:
    with pytest.raises((InvalidError, LimitError)):
        open_envelope(data)


@pytest.mark.parametrize("suite", ["ed25519", "es256"])
def test_every_single_bit_flip_of_an_envelope_is_refused(suite: Suite) -> None:
    data, public, _ = sample(suite)
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NodeError):
            check_signature(open_envelope(bytes(changed)), public)


@given(SUITES, st.binary(min_size=64, max_size=64) | st.binary(max_size=70))
def test_no_other_bytes_are_a_signature(suite: Suite, signature: bytes) -> None:
    _, public, opened = sample(suite)
    if signature != opened.signature:
        with pytest.raises(SignatureError):
            verify(public, opened.header_bytes, signature)


@given(st.sampled_from(get_args(Suite)), st.binary(max_size=40) | SEEDS)
def test_any_bytes_are_a_key_or_refused_with_our_error(suite: Suite, raw: bytes) -> None:
    public = PublicKey(raw.hex(), suite)
    try:
        check_public(public)
    except SignatureError:
        with pytest.raises(SignatureError):
            verify(public, b"", bytes(64))


@settings(max_examples=30)
@given(SUITES, SEEDS, SEEDS)
def test_ids_of_different_keys_differ(suite: Suite, one: bytes, two: bytes) -> None:
    keys = [signer_from_seed(suite, seed).public for seed in (one, two)]
    assert (key_id(keys[0]) == key_id(keys[1])) == (keys[0] == keys[1])
