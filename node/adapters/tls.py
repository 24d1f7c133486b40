"""A member's TLS certificate: made for itself, known to others by its fingerprint.

There is no authority: the registry holds each member's certificate (protocol.md 7), and partners
trust exactly these. So the names in it matter little and its time not much: a member is out when
the registry says so. Chance and time are handed in.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from node.core.errors import InvalidError
from node.services.ports import Entropy

DAYS: Final = 730
"""How long a certificate is valid; the operator's metrics warn before it ends."""
_SKEW: Final = timedelta(days=1)
_SERIAL_BYTES: Final = 16
# FIPS 186-5 A.2.1: 64 bits more than the order, so that the remainder is not biased.
_SCALAR_BYTES: Final = 40
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def make_certificate(member: str, entropy: Entropy, now: int) -> tuple[bytes, bytes]:
    """A new P-256 key and its self-signed certificate for a member, both PEM.

    Names: the member's id, and 127.0.0.1. Valid from a day before `now` (epoch seconds), for
    `DAYS` days; it may sign no other certificate (RFC 5280, 4.2.1.9).
    """
    scalar = int.from_bytes(entropy.bytes(_SCALAR_BYTES), "big") % (_P256_ORDER - 1) + 1
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, member)])
    names = [x509.DNSName(member), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    start = datetime.fromtimestamp(now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(entropy.bytes(_SERIAL_BYTES), "big") >> 1 | 1)
        .not_valid_before(start - _SKEW)
        .not_valid_after(start + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret, certificate.public_bytes(Encoding.PEM)


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate's DER, hex: how the registry and people compare it."""
    return sha256(der).hexdigest()


def der_of(pem: bytes) -> bytes:
    """The DER of a PEM certificate. Raises InvalidError."""
    try:
        return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except ValueError:
        raise InvalidError("this is no X.509 certificate") from None


def pem_of(der: bytes) -> bytes:
    """The PEM of a DER certificate. Raises InvalidError."""
    try:
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    except ValueError:
        raise InvalidError("this is no X.509 certificate") from None


@lru_cache(maxsize=256)
def fingerprint_of_pem(pem: bytes) -> str:
    """The fingerprint of a PEM certificate; kept, because every call asks. Raises InvalidError."""
    return fingerprint(der_of(pem))
