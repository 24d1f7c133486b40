"""Boxes and sharing: what a maker is refused, and what the parts look like from outside."""

from __future__ import annotations

import random

import pytest

from node.core.errors import BoxError, InvalidError, LimitError, SignatureError
from node.core.records.box import (
    SEALED_NAME_SIZE,
    SEALED_SIZE,
    Box,
    BoxContext,
    Share,
    check_share,
    make_box,
    open_name,
    open_share,
    open_with_key,
    seal_name,
)
from node.core.records.canonical import decode, encode
from node.core.records.keys import PublicKey, public_of_seed, signer_from_seed
from node.core.records.shamir import PRIME, draw_element, is_element, split

CONTEXT = BoxContext("6b" * 32, "bid", "57" * 32, "1")
HOLDERS = [(f"h-{i}", public_of_seed("x25519", bytes([i]) * 32)) for i in (1, 2, 3)]


def draw(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_context_without_a_lot_has_no_such_member() -> None:
    assert encode(CONTEXT) == (
        b'{"key":"%b","lot":"1","purpose":"bid","stream":"%b"}' % (b"6b" * 32, b"57" * 32)
    )
    assert b"lot" not in encode(BoxContext("6b" * 32, "sheet", "57" * 32))


@pytest.mark.parametrize(
    ("holders", "t"),
    [
        ([], 0),
        (HOLDERS, 0),
        (HOLDERS, 1),
        (HOLDERS, 4),
        (HOLDERS[:1], 1),
        (HOLDERS[:1] * 2, 2),
        ([("Upper", HOLDERS[0][1]), HOLDERS[1]], 2),
        ([(f"h-{i}", HOLDERS[0][1]) for i in range(256)], 2),
    ],
)
def test_a_maker_cannot_make_what_others_refuse(
    holders: list[tuple[str, PublicKey]], t: int
) -> None:
    with pytest.raises(InvalidError):
        make_box(b"", CONTEXT, holders, t, draw)


def test_a_holder_needs_a_box_key() -> None:
    signing = signer_from_seed("ed25519", b"\x01" * 32).public
    weak = PublicKey("00" * 32, "x25519")
    for public in (signing, weak):
        with pytest.raises(SignatureError):
            make_box(b"", CONTEXT, [HOLDERS[0], ("h-9", public)], 2, draw)


def test_sizes_tell_nothing() -> None:
    sizes = set()
    for n in (0, 1, 19, 1000, 1023):
        made = make_box(b"x" * n, CONTEXT, HOLDERS, 2, draw)
        sizes.add((made.box.ciphertext.size, *map(len, made.sealed)))
    assert sizes == {(56 + 1024 + 16, SEALED_SIZE, SEALED_SIZE, SEALED_SIZE)}


def test_secrets_do_not_show() -> None:
    made = make_box(b"12345", CONTEXT, HOLDERS, 2, draw)
    assert "key=" not in repr(made)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, bytes(33)], ids=len)
def test_a_wrong_key_accuses_nobody(key: bytes) -> None:
    made = make_box(b"12345", CONTEXT, HOLDERS, 2, draw)
    with pytest.raises(BoxError) as caught:
        open_with_key(made.box, made.ciphertext, key, CONTEXT)
    assert caught.value.code == "box"


@pytest.mark.parametrize("index", [-3, 0, 4, 256])
def test_a_share_the_box_does_not_have_accuses_nobody(index: int) -> None:
    made = make_box(b"", CONTEXT, HOLDERS, 2, draw)
    share = Share(index, "00" * 32, "00" * 32)
    with pytest.raises(BoxError) as caught:
        check_share(made.box, share)
    assert caught.value.code == "box"


def test_a_box_has_one_hash_a_holder_and_enough_of_them() -> None:
    box = make_box(b"", CONTEXT, HOLDERS, 3, draw).box
    two = box.holders[:2], box.shares[:2]
    for holders, shares in ((two[0], box.shares), (box.holders, two[1]), two):
        members = {"ciphertext": box.ciphertext, "holders": holders, "shares": shares, "t": box.t}
        with pytest.raises(InvalidError):
            decode(encode(members), Box)


def test_a_holder_cannot_open_anothers_share() -> None:
    made = make_box(b"12345", CONTEXT, HOLDERS, 2, draw)
    with pytest.raises(BoxError):
        open_share(made.sealed[0], 1, CONTEXT, b"\x02" * 32)


def test_numbers_not_below_p_are_drawn_again() -> None:
    given = [b"\xff" * 32, PRIME.to_bytes(32, "big"), (PRIME - 1).to_bytes(32, "big")]
    drawn = iter(given)
    assert draw_element(lambda size: next(drawn)[:size]) == given[2]
    assert [is_element(value) for value in (*given, bytes(31), bytes(33))] == [
        *(False, False, True),
        *(False, False),
    ]


def test_a_secret_not_below_p_is_refused() -> None:
    for secret in (PRIME.to_bytes(32, "big"), b"", bytes(31)):
        with pytest.raises(InvalidError):
            split(secret, 2, 3, draw)


def test_sealed_names_have_one_length_and_open_for_the_regulator_and_their_entry_only() -> None:
    seed, other = b"\x11" * 32, b"\x12" * 32
    public = public_of_seed("x25519", seed)
    for name in ("", "李", "é" * 127 + "x"):
        sealed = seal_name(name, "aa" * 32, public)
        assert len(sealed) == SEALED_NAME_SIZE
        assert open_name(sealed, "aa" * 32, seed) == name
        for pseudonym, private in (("ab" * 32, seed), ("aa" * 32, other), ("aa" * 32, b"short")):
            with pytest.raises(BoxError):
                open_name(sealed, pseudonym, private)
        with pytest.raises(BoxError):
            open_name(sealed[:-1], "aa" * 32, seed)
    with pytest.raises(LimitError):
        seal_name("é" * 128, "aa" * 32, public)
    with pytest.raises(SignatureError):
        seal_name("x", "aa" * 32, signer_from_seed("ed25519", seed).public)
