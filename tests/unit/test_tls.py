"""Certificates: what stands in them, and that no bytes but a certificate pass for one."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from node.adapters.tls import (
    DAYS,
    der_of,
    fingerprint,
    fingerprint_of_pem,
    make_certificate,
    pem_of,
)
from node.core.errors import InvalidError
from tests.simulators.sources import NOON, SeededEntropy


def test_certificate_is_self_signed_for_its_member_and_signs_no_other() -> None:
    key_pem, pem = make_certificate("zhuzhou", SeededEntropy(), NOON)
    certificate = x509.load_pem_x509_certificate(pem)
    key = load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["zhuzhou"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    now = datetime.fromtimestamp(NOON, UTC)
    assert certificate.not_valid_before_utc == now - timedelta(days=1)
    assert certificate.not_valid_after_utc == now + timedelta(days=DAYS)
    assert 0 < certificate.serial_number < 2**159  # RFC 5280, 4.1.2.2


def test_keys_differ_with_the_chance() -> None:
    made = {make_certificate("zhuzhou", SeededEntropy(str(n)), NOON)[0] for n in range(4)}
    assert len(made) == 4


def test_fingerprint_is_over_the_der() -> None:
    _, pem = make_certificate("zhuzhou", SeededEntropy(), NOON)
    der = der_of(pem)
    assert fingerprint(der) == sha256(der).hexdigest() == fingerprint_of_pem(pem)
    assert pem_of(der) == pem


@given(st.binary(max_size=400))
def test_other_bytes_are_no_certificate(data: bytes) -> None:
    for read in (der_of, pem_of, fingerprint_of_pem):
        with pytest.raises(InvalidError):
            read(data)
