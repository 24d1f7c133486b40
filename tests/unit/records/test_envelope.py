"""Envelopes and keys: what sealing refuses, limits, and what never shows."""

from __future__ import annotations

import msgspec
import pytest

from node.core.errors import InvalidError, LimitError, SignatureError
from node.core.records.canonical import encode
from node.core.records.envelope import (
    MAX_BODY,
    MAX_ENVELOPE,
    MAX_HEADER,
    Header,
    body_digest,
    open_envelope,
    pae,
    seal,
)
from node.core.records.keys import PublicKey, key_id, public_of_seed, signer_from_seed, verify

SIGNER = signer_from_seed("ed25519", b"\x01" * 32)
HEADER = Header(
    "stream.opened/v1", "centre:zhuzhou", key_id(SIGNER.public), "2026-03-01T09:00:00Z", "00" * 32
)


def test_pae_counts_bytes_not_characters() -> None:
    assert pae("招标", "标".encode()) == "DSSEv1 6 招标 3 标".encode()


def test_seal_refuses_a_header_of_another_key() -> None:
    with pytest.raises(SignatureError):
        seal(HEADER, signer_from_seed("ed25519", b"\x02" * 32))


@pytest.mark.parametrize(
    "change",
    [{"at": "2026-02-30T00:00:00Z"}, {"author": "centre:X"}, {"type": "x"}, {"lot": "a b"}],
    ids=str,
)
def test_seal_refuses_what_others_would(change: dict[str, str]) -> None:
    with pytest.raises(InvalidError):
        seal(msgspec.structs.replace(HEADER, **change), SIGNER)


def test_a_bidder_cannot_even_write_another_bidders_name() -> None:
    with pytest.raises(ValueError, match="bidder"):
        msgspec.structs.replace(HEADER, author="bidder:" + "00" * 32)


def test_limits() -> None:
    assert len(body_digest(bytes(MAX_BODY))) == 64
    with pytest.raises(LimitError):
        body_digest(bytes(MAX_BODY + 1))
    with pytest.raises(LimitError):
        open_envelope(bytes(MAX_ENVELOPE + 1))
    with pytest.raises(InvalidError):
        open_envelope(bytes(MAX_ENVELOPE))
    with pytest.raises(LimitError):
        seal(msgspec.structs.replace(HEADER, lot="a" * MAX_HEADER), SIGNER)


def test_the_largest_header_fits_into_the_largest_envelope() -> None:
    envelope = encode(seal(HEADER, SIGNER))
    rest = len(envelope) - len(open_envelope(envelope).header_bytes) * 4 // 3
    assert MAX_HEADER * 4 // 3 + rest < MAX_ENVELOPE


@pytest.mark.parametrize("suite", ["ed25519", "es256"])
def test_a_signer_does_not_show_its_secret(suite: str) -> None:
    seed = b"\x05" * 32
    signer = signer_from_seed("es256" if suite == "es256" else "ed25519", seed)
    assert "secret" not in repr(signer)
    assert "private" not in repr(signer)
    assert seed.hex() not in repr(signer)
    assert repr(seed)[2:-1] not in repr(signer)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)], ids=len)
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    for suite in ("ed25519", "es256", "x25519"):
        with pytest.raises(SignatureError):
            public_of_seed(PublicKey("00", suite).suite, seed)


def test_verify_takes_a_key_only_as_it_is_written() -> None:
    signature = SIGNER.sign(b"m")
    verify(SIGNER.public, b"m", signature)
    for key in (SIGNER.public.key.upper(), f" {SIGNER.public.key}"):
        with pytest.raises(SignatureError):
            verify(PublicKey(key, "ed25519"), b"m", signature)


def test_p256_scalar_out_of_range() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for scalar in (0, order, 2**256 - 1):
        with pytest.raises(SignatureError):
            signer_from_seed("es256", scalar.to_bytes(32, "big"))
    signer_from_seed("es256", (order - 1).to_bytes(32, "big"))


def test_box_and_data_keys_have_no_signer() -> None:
    for suite in ("x25519", "x509-sha256", "secp256k1-address"):
        with pytest.raises(SignatureError):
            signer_from_seed(PublicKey("00", suite).suite, b"\x01" * 32)
    assert public_of_seed("ed25519", b"\x01" * 32) == SIGNER.public
