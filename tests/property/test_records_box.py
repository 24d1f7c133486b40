"""What holds for every sharing and every box."""

from __future__ import annotations

import random
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.errors import BoxError, InvalidError, NodeError
from node.core.records.box import (
    BLOCK,
    BoxContext,
    MadeBox,
    Share,
    check_share,
    make_box,
    open_box,
    open_share,
    open_with_key,
    pad,
    unpad,
)
from node.core.records.keys import public_of_seed
from node.core.records.shamir import PRIME, combine, split

CONTEXT = BoxContext("6b" * 32, "bid", "57" * 32, "1")
PRIVATE = [bytes([i]) * 32 for i in (1, 2, 3)]
HOLDERS = [(f"holder-{i}", public_of_seed("x25519", p)) for i, p in enumerate(PRIVATE)]
SECRETS = st.integers(0, PRIME - 1).map(lambda n: n.to_bytes(32, "big"))
SHARINGS = st.integers(1, 9).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n)))


def made(plaintext: bytes = b"x", seed: int = 1) -> MadeBox:
    return make_box(plaintext, CONTEXT, HOLDERS, 2, random.Random(seed).randbytes)


@cache
def sample() -> tuple[MadeBox, tuple[Share, ...]]:
    box = made()
    return box, opened_shares(box)


def opened_shares(box: MadeBox) -> tuple[Share, ...]:
    pairs = enumerate(zip(box.sealed, PRIVATE, strict=True), start=1)
    return tuple(open_share(sealed, i, CONTEXT, private) for i, (sealed, private) in pairs)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


@given(SECRETS, SHARINGS, st.data(), st.integers(0, 2**32))
def test_any_t_shares_and_no_fewer_give_the_secret(
    secret: bytes, sharing: tuple[int, int], data: st.DataObject, seed: int
) -> None:
    t, n = sharing
    ys = dict(enumerate(split(secret, t, n, random.Random(seed).randbytes), start=1))
    some = data.draw(st.sets(st.sampled_from(sorted(ys)), min_size=t))
    assert combine({x: ys[x] for x in some}, t) == secret
    fewer = sorted(some)[: t - 1]
    with pytest.raises(InvalidError):
        combine({x: ys[x] for x in fewer}, t)
    if fewer:
        assert combine({x: ys[x] for x in fewer}, t - 1) != secret


@given(SECRETS, SECRETS, st.integers(2, 5), st.integers(0, 2**32))
def test_one_wrong_share_among_more_than_t_is_seen(
    secret: bytes, wrong: bytes, t: int, seed: int
) -> None:
    ys = dict(enumerate(split(secret, t, t + 1, random.Random(seed).randbytes), start=1))
    for x in ys:
        if ys[x] != wrong:
            with pytest.raises(InvalidError):
                combine({**ys, x: wrong}, t)


@given(st.dictionaries(st.integers(-2, 300), st.binary(max_size=40), max_size=4), st.integers(0, 4))
def test_any_shares_combine_or_are_refused_with_our_error(shares: dict[int, bytes], t: int) -> None:
    try:
        assert len(combine(shares, t)) == 32
    except NodeError:
        return


@given(st.binary(max_size=3 * BLOCK), st.sampled_from((16, BLOCK)))
def test_padding_round_trip_and_hidden_size(plaintext: bytes, block: int) -> None:
    padded = pad(plaintext, block)
    assert unpad(padded, block) == plaintext
    assert len(padded) % block == 0
    assert 1 <= len(padded) - len(plaintext) <= block


@given(
    st.binary(max_size=40) | st.binary(max_size=15).map(lambda b: (b + b"\x80").ljust(16, b"\0"))
)
def test_padding_has_one_form(padded: bytes) -> None:
    try:
        plaintext = unpad(padded, 16)
    except InvalidError:
        return
    assert pad(plaintext, 16) == padded


@settings(max_examples=40)
@given(st.binary(max_size=5000), st.integers(0, 2**32), st.sampled_from(((0, 1), (0, 2), (1, 2))))
def test_any_two_holders_open_what_was_boxed(
    plaintext: bytes, seed: int, who: tuple[int, int]
) -> None:
    box = made(plaintext, seed)
    shares = opened_shares(box)
    opened = open_box(box.box, box.ciphertext, [shares[i] for i in who], CONTEXT)
    assert (opened.plaintext, opened.key) == (plaintext, box.key)
    assert open_with_key(box.box, box.ciphertext, box.key, CONTEXT) == plaintext


def test_every_single_bit_flip_of_a_sealed_share_is_refused() -> None:
    box, _ = sample()
    for bit in range(len(box.sealed[0]) * 8):
        with pytest.raises(BoxError):
            open_share(flipped(box.sealed[0], bit), 1, CONTEXT, PRIVATE[0])


@given(st.integers(0, 2**13 - 1))
def test_a_single_bit_flip_of_the_ciphertext_is_refused(bit: int) -> None:
    box, shares = sample()
    with pytest.raises(BoxError) as caught:
        open_box(box.box, flipped(box.ciphertext, bit), shares, CONTEXT)
    assert caught.value.code == "box"


@pytest.mark.parametrize("member", ["salt", "share"])
def test_every_single_bit_flip_of_a_share_is_its_holders_fault(member: str) -> None:
    box, shares = sample()
    value = bytes.fromhex(getattr(shares[0], member))
    for bit in range(256):
        changed = msgspec.structs.replace(shares[0], **{member: flipped(value, bit).hex()})
        with pytest.raises(BoxError, match="holder-0") as caught:
            check_share(box.box, changed)
        assert caught.value.code == "box-holder"


@given(st.binary(max_size=150), st.integers(-1, 300), st.binary(max_size=33))
def test_any_sealed_bytes_are_refused_with_our_error(
    sealed: bytes, index: int, private: bytes
) -> None:
    with pytest.raises(BoxError):
        open_share(sealed, index, CONTEXT, private)
