"""Attacks on records and boxes, each named by what the attacker wants."""

from __future__ import annotations

import random
from hashlib import sha256

import msgspec
import pytest

from node.core.errors import BoxError, InvalidError, SignatureError
from node.core.records import box as boxes
from node.core.records.canonical import b64encode, decode, encode
from node.core.records.envelope import (
    PAYLOAD_TYPE,
    Envelope,
    Header,
    SignatureLine,
    check_signature,
    open_envelope,
    pae,
    seal,
)
from node.core.records.keys import (
    PublicKey,
    check_public,
    key_id,
    public_of_seed,
    signer_from_seed,
    verify,
)
from node.core.records.shamir import split

ALICE, MALLORY = (signer_from_seed("es256", bytes([i]) * 32) for i in (3, 4))
PRIVATE = [bytes([i]) * 32 for i in (11, 12, 13)]
HOLDERS = [(f"centre-{i}", public_of_seed("x25519", p)) for i, p in enumerate(PRIVATE)]
CONTEXT = boxes.BoxContext(key_id(ALICE.public), "bid", "57" * 32, "1")
DRAW = random.Random(7).randbytes


def bid(lot: str = "1") -> Header:
    key = key_id(ALICE.public)
    return Header(
        "bid.sealed/v1", f"bidder:{key}", key, "2026-03-01T09:00:00Z", "00" * 32, "57" * 32, lot
    )


def shares_of(made: boxes.MadeBox, context: boxes.BoxContext = CONTEXT) -> list[boxes.Share]:
    pairs = enumerate(zip(made.sealed, PRIVATE, strict=True), start=1)
    return [boxes.open_share(sealed, i, context, private) for i, (sealed, private) in pairs]


def test_bidding_in_another_bidders_name() -> None:
    """Mallory signs a header that names Alice's bid key, and one that names only Alice."""
    payload = encode(bid())
    signature = SignatureLine(b64encode(MALLORY.sign(pae(PAYLOAD_TYPE, payload))))
    stolen = open_envelope(Envelope(b64encode(payload), PAYLOAD_TYPE, (signature,)))
    for public in (ALICE.public, MALLORY.public):
        with pytest.raises(SignatureError):
            check_signature(stolen, public)
    renamed = payload.replace(
        b'"key":"%b"' % key_id(ALICE.public).encode(),
        b'"key":"%b"' % key_id(MALLORY.public).encode(),
    )
    assert renamed != payload
    with pytest.raises(InvalidError):
        open_envelope(Envelope(b64encode(renamed), PAYLOAD_TYPE, (signature,)))


def test_making_one_bid_count_twice_by_a_second_signature() -> None:
    """(r, n-s) also solves the equation; it is refused, and could only be the same record."""
    opened = open_envelope(seal(bid(), ALICE))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    s = order - int.from_bytes(opened.signature[32:], "big")
    twin = SignatureLine(b64encode(opened.signature[:32] + s.to_bytes(32, "big")))
    again = open_envelope(Envelope(b64encode(opened.header_bytes), PAYLOAD_TYPE, (twin,)))
    assert again.id == opened.id
    with pytest.raises(SignatureError):
        check_signature(again, ALICE.public)


def test_passing_a_signature_of_another_protocol_as_a_record() -> None:
    payload = encode(bid())
    signature = ALICE.sign(pae("application/vnd.in-toto+json", payload))
    line = SignatureLine(b64encode(signature))
    with pytest.raises(SignatureError):
        check_signature(
            open_envelope(Envelope(b64encode(payload), PAYLOAD_TYPE, (line,))), ALICE.public
        )


def test_two_readers_reading_two_bids_from_one_signature() -> None:
    """A doubled member: one JSON reader takes the first lot, another the last."""
    doubled = encode(bid()).replace(b'"lot":"1"', b'"lot":"1","lot":"2"')
    line = SignatureLine(b64encode(ALICE.sign(pae(PAYLOAD_TYPE, doubled))))
    with pytest.raises(InvalidError):
        open_envelope(Envelope(b64encode(doubled), PAYLOAD_TYPE, (line,)))


def test_registering_a_key_for_which_everybody_can_sign() -> None:
    identity = PublicKey((1).to_bytes(32, "little").hex(), "ed25519")
    with pytest.raises(SignatureError):
        check_public(identity)
    with pytest.raises(SignatureError):
        verify(identity, b"anything", (1).to_bytes(32, "little") + bytes(32))


def test_using_one_key_id_for_two_suites() -> None:
    raw = "ab" * 32
    assert key_id(PublicKey(raw, "ed25519")) != key_id(PublicKey(raw, "x25519"))


@pytest.mark.parametrize(
    "change", [{"lot": "2"}, {"lot": None}, {"stream": "58" * 32}, {"key": "00" * 32}], ids=str
)
def test_copying_a_rivals_box_into_ones_own_bid(change: dict[str, str | None]) -> None:
    """Mallory cannot read Alice's box, but could bid it as his own, or in another lot."""
    made = boxes.make_box(b'{"price":"100"}', CONTEXT, HOLDERS, 2, DRAW)
    copied = msgspec.structs.replace(CONTEXT, **change)
    with pytest.raises(BoxError):
        boxes.open_share(made.sealed[0], 1, copied, PRIVATE[0])
    with pytest.raises(BoxError) as caught:
        boxes.open_box(made.box, made.ciphertext, shares_of(made), copied)
    assert caught.value.code == "box-maker"


def test_a_maker_who_lets_the_choice_of_holders_choose_the_price() -> None:
    """Two keys, two prices: shares 1 and 2 give one key, shares 2 and 3 another."""
    made = boxes.make_box(b'{"price":"100"}', CONTEXT, HOLDERS, 2, DRAW)
    shares = shares_of(made)
    third = split(b"\x01" * 32, 2, 3, DRAW)[2]
    forked = [*shares[:2], msgspec.structs.replace(shares[2], share=third.hex())]
    hashes = tuple(boxes.share_hash(share) for share in forked)
    box = msgspec.structs.replace(made.box, shares=hashes)
    for chosen in (forked, forked[1:]):
        with pytest.raises(BoxError) as caught:
            boxes.open_box(box, made.ciphertext, chosen, CONTEXT)
        assert caught.value.code == "box-maker"


def test_a_holder_who_spoils_a_bid_and_blames_its_maker() -> None:
    made = boxes.make_box(b'{"price":"100"}', CONTEXT, HOLDERS, 2, DRAW)
    shares = shares_of(made)
    lie = msgspec.structs.replace(shares[1], share="01" * 32)
    with pytest.raises(BoxError, match="centre-1") as caught:
        boxes.open_box(made.box, made.ciphertext, [shares[0], lie, shares[2]], CONTEXT)
    assert caught.value.code == "box-holder"


def test_a_host_who_swaps_the_ciphertext_after_the_deadline() -> None:
    made = boxes.make_box(b'{"price":"100"}', CONTEXT, HOLDERS, 2, DRAW)
    other = boxes.make_box(b'{"price":"999"}', CONTEXT, HOLDERS, 2, DRAW)
    with pytest.raises(BoxError) as caught:
        boxes.open_box(made.box, other.ciphertext, shares_of(made), CONTEXT)
    assert caught.value.code == "box"
    key = boxes.open_box(made.box, made.ciphertext, shares_of(made), CONTEXT).key
    with pytest.raises(BoxError):
        boxes.open_with_key(made.box, other.ciphertext, key, CONTEXT)


def test_a_single_holder_who_reads_before_the_opening() -> None:
    made = boxes.make_box(b'{"price":"100"}', CONTEXT, HOLDERS, 2, DRAW)
    mine = shares_of(made)[0]
    for claim in ([mine], [mine, mine], [mine, msgspec.structs.replace(mine, index=2)]):
        with pytest.raises(BoxError):
            boxes.open_box(made.box, made.ciphertext, claim, CONTEXT)
    with pytest.raises(BoxError):
        boxes.open_with_key(made.box, made.ciphertext, bytes.fromhex(mine.share), CONTEXT)


def test_a_box_that_one_holder_can_open_alone() -> None:
    made = boxes.make_box(b"", CONTEXT, HOLDERS, 2, DRAW)
    alone = encode(made.box).replace(b'"t":2', b'"t":1')
    twice = encode(made.box).replace(b"centre-1", b"centre-0")
    for data in (alone, twice):
        with pytest.raises(InvalidError):
            decode(data, boxes.Box)


def test_guessing_a_price_from_its_public_hash() -> None:
    """The share's hash is salted, the ciphertext's key is fresh: equal bids look different."""
    made = [boxes.make_box(b'{"price":"100"}', CONTEXT, HOLDERS, 2, DRAW) for _ in range(2)]
    assert not {*made[0].box.shares} & {*made[1].box.shares}
    assert made[0].box.ciphertext.sha256 != made[1].box.ciphertext.sha256
    assert sha256(b'{"price":"100"}').hexdigest() != made[0].box.ciphertext.sha256
