"""Cases of sharing and of boxes, made without the library's HPKE and Cobblestone."""

from __future__ import annotations

import hashlib

from tests.vectors.records.oracle import (
    SHAMIR_P,
    cobblestone,
    h_of,
    hpke,
    jcs,
    public,
    seed,
    shamir,
)

Case = dict[str, object]
KEY, BLOCK = seed("box key"), 1024
CONTEXT: dict[str, object] = {"key": "6b" * 32, "lot": "1", "purpose": "bid", "stream": "57" * 32}
HOLDERS = ("chenzhou", "hengyang", "regulator")
SEEDS = [seed(f"holder {name}") for name in HOLDERS]
SALTS = [seed(f"salt {i}").hex() for i in (1, 2, 3)]
COEFFICIENTS = [int.from_bytes(KEY, "big"), int.from_bytes(seed("c1"), "big")]
PLAIN = b'{"price":"1234.50"}'


def shares() -> list[Case]:
    """`given` are shares by number, `t` the threshold; the secret or an error."""
    three = [int.from_bytes(seed(n), "big") for n in ("secret", "c1", "c2")]
    ys = {str(x): shamir(three, x).hex() for x in range(1, 6)}
    line = {str(x): shamir(three[:2], x).hex() for x in range(1, 4)}
    largest = [SHAMIR_P - 1] * 3
    edge = {str(x): shamir(largest, x).hex() for x in (1, 128, 255)}
    secret = seed("secret").hex()

    cases: list[Case] = [
        {
            "name": "three-of-five",
            "given": {x: ys[x] for x in "135"},
            "t": 3,
            "secret": secret,
            "error": None,
        },
        {"name": "all-five", "given": ys, "t": 3, "secret": secret, "error": None},
        {"name": "two-of-three", "given": line, "t": 2, "secret": secret, "error": None},
        {"name": "one-of-one", "given": {"1": secret}, "t": 1, "secret": secret, "error": None},
        {
            "name": "largest-numbers",
            "given": edge,
            "t": 3,
            "secret": (SHAMIR_P - 1).to_bytes(32, "big").hex(),
            "error": None,
        },
    ]
    return cases + _sharings_refused(ys)


def _sharings_refused(ys: dict[str, str]) -> list[Case]:
    def some(*numbers: int) -> dict[str, str]:
        return {str(x): ys[str(x)] for x in numbers}

    bad: dict[str, tuple[dict[str, str], int]] = {
        "too-few": (some(1, 2), 3),
        "none": ({}, 1),
        "threshold-zero": (some(1, 2, 3), 0),
        "number-zero": ({**some(1, 2), "0": ys["3"]}, 3),
        "number-256": ({**some(1, 2), "256": ys["3"]}, 3),
        "value-is-p": ({**some(1, 2), "3": SHAMIR_P.to_bytes(32, "big").hex()}, 3),
        "value-all-ones": ({**some(1, 2), "3": "ff" * 32}, 3),
        "value-short": ({**some(1, 2), "3": ys["3"][2:]}, 3),
        "value-long": ({**some(1, 2), "3": "00" + ys["3"]}, 3),
        "one-of-four-wrong": ({**some(1, 2, 3), "4": ys["5"]}, 3),
        "of-higher-degree": (some(1, 2, 3), 2),
    }
    return [
        {"name": name, "given": given, "t": t, "secret": None, "error": "form"}
        for name, (given, t) in bad.items()
    ]


def boxes() -> list[Case]:
    """Box, ciphertext, shares shown and context; the content or whose fault it is."""
    ciphertext = cobblestone(KEY, seed("nonce")[:24], jcs(CONTEXT), _padded(PLAIN))
    box, shown = _box(ciphertext, COEFFICIENTS), _shares(COEFFICIENTS)
    good: Case = {"box": box, "ciphertext": ciphertext.hex(), "context": CONTEXT, "shares": shown}
    whole = {k: v for k, v in CONTEXT.items() if k != "lot"}
    two_chunks = b"a" * 20000
    long = cobblestone(KEY, seed("nonce 2")[:24], jcs(whole), _padded(two_chunks))
    fine: list[Case] = [
        {"name": "all-shares", **good, **_ok(PLAIN)},
        {"name": "two-shares", **good, "shares": shown[1:], **_ok(PLAIN)},
        {
            "name": "two-chunks-no-lot",
            "box": _box(long, COEFFICIENTS),
            "ciphertext": long.hex(),
            "context": whole,
            "shares": shown[:2],
            **_ok(two_chunks),
        },
    ]
    return [*fine, *_handed_over(good, shown), *_makers_fault(good)]


def sealed_shares() -> list[Case]:
    """Sealed shares as they travel; all but the first must not open."""
    shown = _shares(COEFFICIENTS)[0]
    plain = bytes.fromhex(str(shown["share"]) + str(shown["salt"]))
    recipient = bytes.fromhex(public("x25519", SEEDS[0])["key"])
    info = {"index": 1, **CONTEXT}
    ephemeral = seed("ephemeral")
    good = hpke(recipient, jcs(info), plain, ephemeral)
    base: Case = {"index": 1, "context": CONTEXT, "private": SEEDS[0].hex(), "share": None}
    bad: dict[str, Case] = {
        "other-index": {"index": 2},
        "other-lot": {"context": {**CONTEXT, "lot": "2"}},
        "no-lot": {"context": {k: v for k, v in CONTEXT.items() if k != "lot"}},
        "other-holder": {"private": SEEDS[1].hex()},
        "private-short": {"private": SEEDS[0].hex()[2:]},
        "flipped": {"sealed": (good[:-1] + bytes([good[-1] ^ 1])).hex()},
        "cut": {"sealed": good[:-1].hex()},
        "empty": {"sealed": ""},
        "zero-encapsulation": {"sealed": (bytes(32) + good[32:]).hex()},
        "without-salt": {"sealed": hpke(recipient, jcs(info), plain[:32], ephemeral).hex()},
    }
    return [
        {"name": "good", **base, "sealed": good.hex(), "share": shown, "error": None},
        *({"name": n, **base, "sealed": good.hex(), **c, "error": "box"} for n, c in bad.items()),
    ]


def _handed_over(good: Case, shown: list[Case]) -> list[Case]:
    data = bytes.fromhex(str(good["ciphertext"]))
    wrong = {**shown[0], "share": shown[1]["share"]}
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    fourth = {**shown[0], "index": 4}
    bad: dict[str, tuple[str, Case]] = {
        "flipped-ciphertext": ("box", {"ciphertext": flipped.hex()}),
        "cut-ciphertext": ("box", {"ciphertext": data[:-1].hex()}),
        "no-ciphertext": ("box", {"ciphertext": ""}),
        "one-share": ("box", {"shares": shown[:1]}),
        "same-share-twice": ("box", {"shares": [shown[0], shown[0]]}),
        "no-shares": ("box", {"shares": []}),
        "share-of-no-holder": ("box", {"shares": [*shown[:2], fourth]}),
        "wrong-share": ("box-holder", {"shares": [wrong, *shown[1:]]}),
        "wrong-salt": ("box-holder", {"shares": [{**shown[0], "salt": SALTS[1]}, *shown[1:]]}),
        "swapped-index": ("box-holder", {"shares": [{**shown[0], "index": 2}, shown[2]]}),
    }
    return [{"name": n, **good, **change, **_fail(code)} for n, (code, change) in bad.items()]


def _makers_fault(good: Case) -> list[Case]:
    data = bytes.fromhex(str(good["ciphertext"]))
    other = [int.from_bytes(seed("other key"), "big"), *COEFFICIENTS[1:]]
    steep = [*COEFFICIENTS, 1]
    big = {1: "ff" * 32}
    unpadded = cobblestone(KEY, seed("nonce")[:24], jcs(CONTEXT), PLAIN)
    moved = cobblestone(KEY, seed("nonce")[:24], jcs({**CONTEXT, "lot": "2"}), _padded(PLAIN))
    junk = b"\0" * 1096
    bad: dict[str, Case] = {
        "shares-of-another-key": {"box": _box(data, other), "shares": _shares(other)},
        "shares-of-higher-degree": {"box": _box(data, steep), "shares": _shares(steep)},
        "share-not-below-p": {
            "box": _box(data, COEFFICIENTS, big),
            "shares": _shares(COEFFICIENTS, big),
        },
        "not-padded": {"box": _box(unpadded, COEFFICIENTS), "ciphertext": unpadded.hex()},
        "made-for-another-lot": {"box": _box(moved, COEFFICIENTS), "ciphertext": moved.hex()},
        "no-cobblestone": {"box": _box(junk, COEFFICIENTS), "ciphertext": junk.hex()},
    }
    return [{"name": n, **good, **change, **_fail("box-maker")} for n, change in bad.items()]


def _ok(plain: bytes) -> Case:
    return {"plaintext": plain.hex(), "key": KEY.hex(), "error": None}


def _fail(code: str) -> Case:
    return {"plaintext": None, "key": None, "error": code}


def _padded(plain: bytes) -> bytes:
    padded = plain + b"\x80"
    return padded + bytes(-len(padded) % BLOCK)


def _shares(coefficients: list[int], instead: dict[int, str] | None = None) -> list[Case]:
    replaced = instead or {}
    return [
        {"index": x, "salt": SALTS[x - 1], "share": replaced.get(x, shamir(coefficients, x).hex())}
        for x in (1, 2, 3)
    ]


def _box(ciphertext: bytes, coefficients: list[int], instead: dict[int, str] | None = None) -> Case:
    return {
        "ciphertext": {"sha256": hashlib.sha256(ciphertext).hexdigest(), "size": len(ciphertext)},
        "holders": list(HOLDERS),
        "shares": [h_of("share", share) for share in _shares(coefficients, instead)],
        "t": 2,
    }
