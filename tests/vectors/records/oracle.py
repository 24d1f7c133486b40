"""A second way to make every byte of the vectors, written from the specifications alone.

Nothing here imports the node: JSON by the standard library, hashes by hashlib, signatures and
primitives by `cryptography`, the curve by school arithmetic. Slow and not constant-time.
Sources: protocol.md 10; RFC 8032; RFC 6979; RFC 9180; C2SP chunked-encryption.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Point = tuple[int, int]
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SHAMIR_P = 2**256 - 189
TYPE = "application/vnd.yuanping.record+json"


def jcs(value: object) -> bytes:
    """RFC 8785 for what records hold: ASCII member names, no floats."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def h(tag: str, data: bytes) -> bytes:
    return hashlib.sha256(b"yuanping/" + tag.encode() + b"/v1\n" + data).digest()


def h_of(tag: str, value: object) -> str:
    return h(tag, jcs(value)).hex()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pae(payload: bytes, kind: str = TYPE) -> bytes:
    head = f"DSSEv1 {len(kind)} {kind} {len(payload)} "
    return head.encode() + payload


def public(suite: str, seed: bytes) -> dict[str, str]:
    if suite == "ed25519":
        raw = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    elif suite == "x25519":
        raw = X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    else:
        private = ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1())
        raw = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return {"key": raw.hex(), "suite": suite}


def sign(suite: str, seed: bytes, message: bytes, *, high: bool = False) -> bytes:
    if suite == "ed25519":
        return Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    private = ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1())
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256(), True)))
    s = max(s, N - s) if high else min(s, N - s)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def envelope(header: object, suite: str, seed: bytes) -> dict[str, object]:
    payload = jcs(header)
    sig = sign(suite, seed, pae(payload))
    return {"payload": b64(payload), "payloadType": TYPE, "signatures": [{"sig": b64(sig)}]}


def add(a: Point, b: Point) -> Point:
    k = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P


def multiply(n: int, point: Point) -> Point:
    total = (0, 1)
    while n:
        if n & 1:
            total = add(total, point)
        point, n = add(point, point), n >> 1
    return total


def on_curve(y: int) -> Point | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for x in (root, root * pow(2, (P - 1) // 4, P) % P):
        if (x * x - square) % P == 0:
            return min(x, P - x), y
    return None


def compress(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def base() -> Point:
    point = on_curve(4 * pow(5, -1, P) % P)
    assert point is not None
    return point if point[0] % 2 == 0 else (P - point[0], point[1])


def torsion() -> Point:
    """A point of order 8, the same each time."""
    for y in range(2, 100):
        point = on_curve(y)
        if point is not None and multiply(4, small := multiply(L, point)) != (0, 1):
            return small
    raise AssertionError


def schnorr(key: bytes, commitment: bytes, r: int, a: int, message: bytes) -> bytes:
    """RFC 8032's equation with whatever encodings of A and R one likes."""
    digest = hashlib.sha512(commitment + key + message).digest()
    s = (r + int.from_bytes(digest, "little") % L * a) % L
    return commitment + s.to_bytes(32, "little")


def challenge(key: bytes, commitment: bytes, message: bytes) -> int:
    digest = hashlib.sha512(commitment + key + message).digest()
    return int.from_bytes(digest, "little") % L


def expand(prk: bytes, info: bytes, size: int, name: str = "sha256") -> bytes:
    """HKDF-Expand of RFC 5869."""
    out, block, n = b"", b"", 1
    while len(out) < size:
        block = hmac.digest(prk, block + info + bytes([n]), name)
        out, n = out + block, n + 1
    return out[:size]


def cobblestone(key: bytes, salt: bytes, context: bytes, plaintext: bytes) -> bytes:
    """C2SP chunked-encryption, Cobblestone-256: SHA-512 and AEAD_AES_256_GCM."""
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    okm = expand(key, info, 32 + 12 + 32, "sha512")
    aead, nonce, out = AESGCM(okm[:32]), int.from_bytes(okm[32:44], "big"), salt + okm[44:]
    for i in range(len(plaintext) // 16384 + 1):
        chunk = plaintext[i * 16384 : (i + 1) * 16384]
        out += aead.encrypt((nonce ^ i).to_bytes(12, "big"), chunk, None)
    return out


def hpke(recipient: bytes, info: bytes, plaintext: bytes, ephemeral: bytes) -> bytes:
    """RFC 9180 base mode, single shot: KEM 0x0020, KDF 0x0001, AEAD 0x0002; enc || ct."""
    secret = X25519PrivateKey.from_private_bytes(ephemeral)
    enc: bytes = secret.public_key().public_bytes_raw()
    dh = secret.exchange(X25519PublicKey.from_public_bytes(recipient))
    kem = b"KEM\x00\x20"
    prk = hmac.digest(b"\0" * 32, b"HPKE-v1" + kem + b"eae_prk" + dh, "sha256")
    label = (32).to_bytes(2, "big") + b"HPKE-v1" + kem + b"shared_secret" + enc + recipient
    shared = expand(prk, label, 32)
    suite = b"HPKE\x00\x20\x00\x01\x00\x02"

    def extract(salt: bytes, name: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or b"\0" * 32, b"HPKE-v1" + suite + name + ikm, "sha256")

    def labelled(name: bytes, size: int) -> bytes:
        info_of = size.to_bytes(2, "big") + b"HPKE-v1" + suite + name + schedule
        return expand(prk_of, info_of, size)

    schedule = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    prk_of = extract(shared, b"secret", b"")
    sealed = AESGCM(labelled(b"key", 32)).encrypt(labelled(b"base_nonce", 12), plaintext, b"")
    return bytes(enc) + bytes(sealed)


def shamir(coefficients: list[int], x: int) -> bytes:
    """The polynomial's value at x, term by term."""
    value: int = sum(c * x**i for i, c in enumerate(coefficients)) % SHAMIR_P
    return value.to_bytes(32, "big")


def seed(name: str) -> bytes:
    """32 bytes that are the same on every run; below every order for the names used here."""
    return hashlib.sha256(b"vectors " + name.encode()).digest()
