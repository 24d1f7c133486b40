"""Public keys by suite, their ids, and the only functions that sign or verify for a record.

Source: protocol.md 2 (suites), 10.2 (raw forms). The suite stands in the key, never in the
message. Keys and signatures that two libraries judge differently are refused here: small-order
and non-canonical Ed25519 keys, high s of ECDSA. Hostile input raises SignatureError only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Final, Literal, Protocol

import msgspec
import nacl.bindings as sodium
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.core.errors import SignatureError
from node.core.records.canonical import END, digest_of

Suite = Literal["ed25519", "es256", "x25519", "x509-sha256", "secp256k1-address"]
SIGNATURE_SIZE: Final = 64
VERIFIED: Final = 16_384
"""So many good signatures are remembered, with what they sign."""
_SIZES: Final[dict[str, int]] = {
    "ed25519": 32,
    "es256": 33,
    "x25519": 32,
    "x509-sha256": 32,
    "secp256k1-address": 20,
}
_P25519: Final = 2**255 - 19
# y of the eight points of small order, RFC 7748 curve; the sign bit does not matter.
_Y8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P25519 - 1, _Y8, _P25519 - _Y8})
_IDENTITY: Final = (1).to_bytes(32, "little")
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA: Final = ec.ECDSA(SHA256())
# RFC 6979: the same record signed again has the same bytes, and no nonce can leak the key.
_ECDSA_RFC6979: Final = ec.ECDSA(SHA256(), deterministic_signing=True)
_PROBE: Final = X25519PrivateKey.from_private_bytes(b"\x40" * 32)


class PublicKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public key as the registry and bodies name it: raw bytes in lower-case hex, and suite.

    `x509-sha256` (SHA-256 of a TLS certificate's DER) and `secp256k1-address` (20 bytes on the
    chain) are data: they name a key that another protocol verifies.
    """

    key: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{2}){20,33}" + END)]
    suite: Suite


class Signer(Protocol):
    """Whoever holds a private key: a file, a token, a test."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign `message` itself (no prior hash); 64 raw bytes."""
        ...


@lru_cache(maxsize=4096)
def key_id(public: PublicKey) -> str:
    """H("key", {"key","suite"}): the name of a key in headers, registry and notes."""
    return digest_of("key", public)


def check_public(public: PublicKey) -> None:
    """Accept only a key of a known suite that every library reads alike.

    Ed25519: canonical, on the curve, not of small order (libsodium's rule). ES256: compressed
    point of P-256. X25519: canonical, not of low order. Raises SignatureError.
    """
    _check(public.suite, public.key)


def verify(public: PublicKey, message: bytes, signature: bytes) -> None:
    """Return only if `signature` (64 raw bytes) over `message` was made with `public`'s key.

    ES256 signs SHA-256 of the message and must have s <= n/2, so that one record has one
    signature for each nonce. Raises SignatureError.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise SignatureError(f"a signature has {SIGNATURE_SIZE} bytes, not {len(signature)}")
    _verify(public, message, signature)


@lru_cache(maxsize=VERIFIED)
def _verify(public: PublicKey, message: bytes, signature: bytes) -> None:
    """One that verified lately is not verified again: a record is lodged, followed and read."""
    if public.suite == "ed25519":
        # libsodium itself refuses keys that are not canonical, of small order or off the curve.
        _verify_ed25519(_raw(public.suite, public.key), message, signature)
    elif public.suite == "es256":
        check_public(public)
        _verify_es256(public.key, message, signature)
    else:
        raise SignatureError(f"a key of suite {public.suite} cannot sign records")


def public_of_seed(suite: Suite, seed: bytes) -> PublicKey:
    """The public key of 32 secret bytes; raises SignatureError if they are no key of `suite`."""
    if suite == "x25519":
        raw = X25519PrivateKey.from_private_bytes(_seed(seed)).public_key().public_bytes_raw()
        return PublicKey(raw.hex(), suite)
    return signer_from_seed(suite, seed).public


def signer_from_seed(suite: Suite, seed: bytes) -> Signer:
    """A signer from 32 secret bytes: the RFC 8032 seed, or the P-256 scalar big-endian.

    Deterministic: the same seed and message give the same signature. Raises SignatureError if
    the suite cannot sign or the scalar is out of range.
    """
    if suite == "ed25519":
        public, secret = sodium.crypto_sign_seed_keypair(_seed(seed))
        return _Ed25519Signer(PublicKey(public.hex(), suite), secret)
    if suite == "es256":
        scalar = int.from_bytes(_seed(seed), "big")
        if not 0 < scalar < _P256_ORDER:
            raise SignatureError("these 32 bytes are no P-256 scalar; draw others")
        private = ec.derive_private_key(scalar, ec.SECP256R1())
        raw = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return _Es256Signer(PublicKey(raw.hex(), suite), private)
    raise SignatureError(f"a key of suite {suite} cannot sign records")


@dataclass(frozen=True, slots=True)
class _Ed25519Signer:
    public: PublicKey
    secret: bytes = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        return sodium.crypto_sign(message, self.secret)[:SIGNATURE_SIZE]


@dataclass(frozen=True, slots=True)
class _Es256Signer:
    public: PublicKey
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.private.sign(message, _ECDSA_RFC6979))
        return r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")


def _seed(seed: bytes) -> bytes:
    if len(seed) != 32:
        raise SignatureError("a private key is made from 32 bytes")
    return seed


@lru_cache(maxsize=4096)
def _check(suite: str, key: str) -> None:
    raw = _raw(suite, key)
    if suite == "ed25519":
        _check_edwards(raw)
    elif suite == "es256":
        _p256(key)
    elif suite == "x25519":
        _check_montgomery(raw)


def _raw(suite: str, key: str) -> bytes:
    """The key's bytes, if it is written as it must be."""
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raise SignatureError("a key is written in hex") from None
    if key != raw.hex() or len(raw) != _SIZES.get(suite):
        raise SignatureError(f"no key of suite {suite}: {len(raw)} bytes")
    return raw


def _check_edwards(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P25519:
        raise SignatureError("Ed25519 key is not canonical")
    if y in _SMALL_ORDER_Y:
        raise SignatureError("Ed25519 key has small order: anybody could sign for it")
    try:
        sodium.crypto_core_ed25519_add(raw, _IDENTITY)
    except (nacl.exceptions.CryptoError, ValueError):
        raise SignatureError("Ed25519 key is not on the curve") from None


def _check_montgomery(raw: bytes) -> None:
    if int.from_bytes(raw, "little") >= _P25519:
        raise SignatureError("X25519 key is not canonical")
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        raise SignatureError("X25519 key has low order: all could open its boxes") from None


@lru_cache(maxsize=1024)
def _p256(key: str) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(key))
    except ValueError:
        raise SignatureError("no compressed point of P-256") from None


def _verify_ed25519(key: bytes, message: bytes, signature: bytes) -> None:
    try:
        sodium.crypto_sign_open(signature + message, key)
    except nacl.exceptions.BadSignatureError:
        raise SignatureError("signature does not verify") from None


def _verify_es256(key: str, message: bytes, signature: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not 0 < s <= _P256_ORDER // 2:
        raise SignatureError("ES256 signature must have low s")
    try:
        _p256(key).verify(encode_dss_signature(r, s), message, _ECDSA)
    except (InvalidSignature, ValueError):
        raise SignatureError("signature does not verify") from None
