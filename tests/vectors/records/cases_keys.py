"""Cases of public keys and of signatures: published vectors, and keys on which libraries differ."""

from __future__ import annotations

from tests.vectors.records.oracle import (
    L,
    N,
    P,
    add,
    base,
    challenge,
    compress,
    h_of,
    multiply,
    on_curve,
    public,
    schnorr,
    seed,
    sign,
    torsion,
)

Case = dict[str, object]
ONE, ZERO = (1).to_bytes(32, "little"), bytes(32)
ED = public("ed25519", seed("ed"))
ES = public("es256", seed("es"))
X = public("x25519", seed("x"))
MESSAGE = b"msg"
# RFC 8032 section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
        "cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
        "0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
        "84dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
# RFC 6979 section A.2.5 with SHA-256: private key, x of the public one (y is odd), message, r, s.
RFC6979_KEY = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
RFC6979_PUBLIC = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
RFC6979 = (
    (
        "sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        "test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
)


def keys() -> list[Case]:
    """Keys with their ids, and keys no node may register or use."""
    good = {
        "ed25519": ED,
        "es256": ES,
        "x25519": X,
        "tls-certificate": {"key": seed("tls").hex(), "suite": "x509-sha256"},
        "chain-address": {"key": seed("chain").hex()[:40], "suite": "secp256k1-address"},
    }
    accepted: list[Case] = [
        {"name": n, "public": k, "id": h_of("key", k), "error": None} for n, k in good.items()
    ]
    return accepted + [
        {"name": name, "public": {"key": key, "suite": suite}, "id": None, "error": "signature"}
        for suite, refused in _keys_refused().items()
        for name, key in refused.items()
    ]


def _keys_refused() -> dict[str, dict[str, str]]:
    x_only = X["key"]
    y = torsion()[1]
    montgomery = ((1 + y) * pow(1 - y, -1, P)) % P
    numbers = {"zero": 0, "one": 1, "minus-one": P - 1, "order-8": montgomery, "p": P, "p+1": P + 1}
    low = {f"x-low-order-{n}": u.to_bytes(32, "little").hex() for n, u in numbers.items()}
    high_bit = bytes.fromhex(x_only)[:31] + bytes([bytes.fromhex(x_only)[31] | 0x80])
    return {
        "ed25519": _edwards_refused(),
        "es256": {
            "es-uncompressed-prefix": "04" + ES["key"][2:],
            "es-infinity": "00" * 33,
            "es-x-too-large": "02" + "ff" * 32,
            "es-not-on-curve": "02" + "00" * 31 + "01",
            "es-without-prefix": ES["key"][2:],
        },
        "x25519": {**low, "x-high-bit": high_bit.hex(), "x-short": x_only[2:]},
        "x509-sha256": {"tls-short": "ab" * 31, "tls-of-address": "ab" * 20},
        "secp256k1-address": {"address-long": "ab" * 32},
        "rsa": {"unknown-suite": "ab" * 32},
    }


def _edwards_refused() -> dict[str, str]:
    small = torsion()
    return {
        **{f"ed-small-order-{i}": compress(multiply(i, small)).hex() for i in range(8)},
        "ed-p": P.to_bytes(32, "little").hex(),
        "ed-p+1": (P + 1).to_bytes(32, "little").hex(),
        "ed-p+3": (P + 3).to_bytes(32, "little").hex(),
        "ed-identity-with-sign": (1 + 2**255).to_bytes(32, "little").hex(),
        "ed-all-ones": "ff" * 32,
        "ed-not-on-curve": _off_curve().hex(),
        "ed-short": ED["key"][2:],
        "ed-long": ED["key"] + "00",
        "ed-upper-case": ED["key"].upper(),
        "ed-no-hex": "zz" * 32,
    }


def _off_curve() -> bytes:
    y = next(y for y in range(2, 50) if on_curve(y) is None)
    return y.to_bytes(32, "little")


def signatures() -> list[Case]:
    """Signatures with the seeds that make them where there is one, and forgeries."""
    return [*_published(), *_own(), *_forged(), *_edges()]


def _case(name: str, key: object, data: tuple[bytes, bytes], error: str | None = None) -> Case:
    message, signature = data
    texts = {"message": message.hex(), "signature": signature.hex()}
    return {"name": name, "public": key, **texts, "error": error}


def _published() -> list[Case]:
    found: list[Case] = []
    for i, (secret, key, message, signature) in enumerate(RFC8032, 1):
        data = bytes.fromhex(message), bytes.fromhex(signature)
        public_key = {"key": key, "suite": "ed25519"}
        found.append({**_case(f"rfc8032-{i}", public_key, data), "seed": secret})
    es = {"key": RFC6979_PUBLIC, "suite": "es256"}
    for message, r, s in RFC6979:
        low = min(int(s, 16), N - int(s, 16)).to_bytes(32, "big")
        data = message.encode(), bytes.fromhex(r) + low
        found.append({**_case(f"rfc6979-{message}", es, data), "seed": RFC6979_KEY})
    raw = bytes.fromhex(RFC6979[0][1] + RFC6979[0][2])
    return [*found, _case("rfc6979-sample-high-s", es, (b"sample", raw), "signature")]


def _own() -> list[Case]:
    ed, es = sign("ed25519", seed("ed"), MESSAGE), sign("es256", seed("es"), MESSAGE)
    return [
        {**_case("ed25519", ED, (MESSAGE, ed)), "seed": seed("ed").hex()},
        {**_case("es256", ES, (MESSAGE, es)), "seed": seed("es").hex()},
    ]


def _forged() -> list[Case]:
    ed, es = sign("ed25519", seed("ed"), MESSAGE), sign("es256", seed("es"), MESSAGE)
    high = sign("es256", seed("es"), MESSAGE, high=True)
    s_plus_l = ed[:32] + (int.from_bytes(ed[32:], "little") + L).to_bytes(32, "little")
    forged = {
        "ed-other-message": (ED, (b"msh", ed)),
        "ed-empty-signature": (ED, (MESSAGE, b"")),
        "ed-short": (ED, (MESSAGE, ed[:63])),
        "ed-long": (ED, (MESSAGE, ed + b"\0")),
        "ed-message-moved-into-signature": (ED, (MESSAGE[1:], ed + MESSAGE[:1])),
        "ed-zero": (ED, (MESSAGE, bytes(64))),
        "ed-s-plus-l": (ED, (MESSAGE, s_plus_l)),
        "ed-r-identity": (ED, (MESSAGE, ONE + ed[32:])),
        "es-other-message": (ES, (b"msh", es)),
        "es-high-s": (ES, (MESSAGE, high)),
        "es-zero": (ES, (MESSAGE, bytes(64))),
        "es-r-zero": (ES, (MESSAGE, bytes(32) + es[32:])),
        "es-s-is-order": (ES, (MESSAGE, es[:32] + N.to_bytes(32, "big"))),
        "es-swapped": (ES, (MESSAGE, es[32:] + es[:32])),
        "es-signature-under-ed-key": (ED, (MESSAGE, es)),
        "ed-signature-under-es-key": (ES, (MESSAGE, ed)),
        "box-key-cannot-sign": (X, (MESSAGE, ed)),
        "tls-key-cannot-sign": ({"key": "ab" * 32, "suite": "x509-sha256"}, (MESSAGE, ed)),
    }
    return [_case(name, key, data, "signature") for name, (key, data) in forged.items()]


def _edges() -> list[Case]:
    """Where OpenSSL and libsodium differ, or a cofactored verifier would: one verdict for all."""
    a, r, small = int.from_bytes(seed("a")[:31], "little"), 12345678901234567, torsion()
    key, commitment = compress(multiply(a, base())), compress(multiply(r, base()))
    shifted = compress(add(multiply(r, base()), small))
    mixed = compress(add(multiply(a, base()), small))
    odd = next(i for i in range(r, r + 99) if challenge(mixed, _r(i), MESSAGE) % 8)
    even = next(i for i in range(r, r + 99) if challenge(mixed, _r(i), MESSAGE) % 8 == 0)
    plain = {"key": key.hex(), "suite": "ed25519"}
    mixed_key = {"key": mixed.hex(), "suite": "ed25519"}

    def weak(raw: bytes) -> dict[str, str]:
        return {"key": raw.hex(), "suite": "ed25519"}

    refused = {
        "identity-key-signs-anything": (weak(ONE), ONE + ZERO),
        "order-4-key-signs-anything": (weak(ZERO), ONE + ZERO),
        "non-canonical-identity-key": (weak((P + 1).to_bytes(32, "little")), ONE + ZERO),
        "identity-key-non-canonical-r": (weak(ONE), (P + 1).to_bytes(32, "little") + ZERO),
        "r-of-small-order": (plain, schnorr(key, ONE, 0, a, MESSAGE)),
        "r-with-torsion": (plain, schnorr(key, shifted, r, a, MESSAGE)),
        "key-with-torsion-cofactored-only": (mixed_key, schnorr(mixed, _r(odd), odd, a, MESSAGE)),
    }
    return [
        _case("curve-arithmetic", plain, (MESSAGE, schnorr(key, commitment, r, a, MESSAGE))),
        _case("key-with-torsion", mixed_key, (MESSAGE, schnorr(mixed, _r(even), even, a, MESSAGE))),
        *(_case(n, k, (MESSAGE, s), "signature") for n, (k, s) in refused.items()),
    ]


def _r(number: int) -> bytes:
    return compress(multiply(number, base()))
