"""Cases of signed headers: each as its envelope's bytes, with the key that is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from tests.vectors.records.oracle import b64, envelope, h, h_of, jcs, pae, public, seed, sign

Case = dict[str, object]
Members = dict[str, object]
ED, ES = public("ed25519", seed("ed")), public("es256", seed("es"))
STREAM, BODY = "57" * 32, h("body", b'{"salt":"00"}').hex()
FIRST: Members = {
    "at": "2026-03-01T09:00:00Z",
    "author": "centre:zhuzhou",
    "body": BODY,
    "key": h_of("key", ED),
    "type": "stream.opened/v1",
}
BID: Members = {
    **FIRST,
    "author": f"bidder:{h_of('key', ES)}",
    "key": h_of("key", ES),
    "lot": "1",
    "stream": STREAM,
    "type": "bid.sealed/v1",
}
SCORE: Members = {
    **FIRST,
    "author": "expert:5",
    "lot": "A-2.x_y",
    "seen": {"entry": "e1" * 32, "seq": 41},
    "stream": STREAM,
    "type": "scores.submitted/v12",
}


def envelopes() -> list[Case]:
    """Good ones of both suites first, then headers, envelopes and signatures to refuse."""
    return [
        _good("first-record", FIRST, "ed25519"),
        _good("bid-es256", BID, "es256"),
        _good("score-with-seen", SCORE, "ed25519"),
        *(_bad(n, jcs(envelope(head, "ed25519", seed("ed")))) for n, head in _headers().items()),
        *(_bad(name, data) for name, data in _wrapped().items()),
        *(_bad(name, data, "limit") for name, data in _large().items()),
        *_unsigned(),
    ]


def _good(name: str, header: Members, suite: str) -> Case:
    secret = seed("ed" if suite == "ed25519" else "es")
    payload = jcs(header)
    return {
        "name": name,
        "envelope": jcs(envelope(header, suite, secret)).decode(),
        "public": public(suite, secret),
        "seed": secret.hex(),
        "header": header,
        "signed_bytes": pae(payload).hex(),
        "id": hashlib.sha256(pae(payload)).hexdigest(),
        "sig": hashlib.sha256(sign(suite, secret, pae(payload))).hexdigest(),
        "stream": header.get("stream") or hashlib.sha256(pae(payload)).hexdigest(),
        "error": None,
    }


def _bad(name: str, data: bytes, error: str = "form") -> Case:
    return {"name": name, "envelope": data.decode(), "public": ED, "error": error}


def _headers() -> dict[str, Members]:
    changes: dict[str, Members] = {
        "unknown-member": {"x": 1},
        "null-stream": {"stream": None},
        "type-without-version": {"type": "stream.opened"},
        "type-version-zero": {"type": "stream.opened/v0"},
        "type-upper-case": {"type": "Stream.opened/v1"},
        "type-newline": {"type": "stream.opened/v1\n"},
        "author-unknown-role": {"author": "root:zhuzhou"},
        "author-upper-case": {"author": "centre:Zhuzhou"},
        "author-seat-zero": {"author": "expert:0"},
        "author-seat-padded": {"author": "expert:05"},
        "author-seat-too-large": {"author": "expert:1000"},
        "author-newline": {"author": "centre:zhuzhou\n"},
        "bidder-under-another-key": {"author": f"bidder:{h_of('key', ES)}"},
        "key-upper-case": {"key": h_of("key", ED).upper()},
        "body-short": {"body": BODY[2:]},
        "time-local": {"at": "2026-03-01T09:00:00+08:00"},
        "time-of-no-day": {"at": "2026-02-30T09:00:00Z"},
        "lot-empty": {"lot": ""},
        "lot-slash": {"lot": "a/b"},
        "lot-too-long": {"lot": "a" * 65},
        "seen-without-entry": {"seen": {"seq": 1}},
        "seen-negative": {"seen": {"entry": STREAM, "seq": -1}},
        "seen-float": {"seen": {"entry": STREAM, "seq": 1.0}},
    }
    missing = {f"without-{m}": {k: v for k, v in FIRST.items() if k != m} for m in FIRST}
    return {**{name: {**FIRST, **change} for name, change in changes.items()}, **missing}


def _wrapped() -> dict[str, bytes]:
    good = envelope(FIRST, "ed25519", seed("ed"))
    line = good["signatures"]
    assert isinstance(line, list)
    spaced = jcs(FIRST).replace(b":", b": ", 1)
    changed: dict[str, Members] = {
        "keyid": {"signatures": [{**line[0], "keyid": ""}]},
        "two-signatures": {"signatures": line * 2},
        "no-signature": {"signatures": []},
        "other-payload-type": {"payloadType": "application/vnd.in-toto+json"},
        "payload-type-missing": {"payloadType": None},
        "extra-member": {"x": ""},
        "payload-not-base64": {"payload": "{}"},
        "payload-unpadded": {"payload": b64(jcs(FIRST) + b" ").rstrip("=")},
        "payload-url-alphabet": {"payload": str(good["payload"])[:-4] + "-_8="},
        "payload-not-canonical": {"payload": b64(spaced)},
        "payload-empty": {"payload": ""},
        "signature-not-base64": {"signatures": [{"sig": "***"}]},
        "signature-trailing-bits": {"signatures": [{"sig": line[0]["sig"][:-3] + "B=="}]},
    }
    whole: dict[str, bytes] = {n: jcs({**good, **change}) for n, change in changed.items()}
    return {
        **whole,
        "empty": b"",
        "not-an-object": b"[]",
        "trailing-newline": jcs(good) + b"\n",
        "unsorted": b'{"signatures":[],"payload":"","payloadType":""}',
        "doubled-payload": jcs(good).replace(b"{", b'{"payload":"",', 1),
    }


def _large() -> dict[str, bytes]:
    header = {**FIRST, "lot": "a" * 8192}
    return {
        "header-over-8-kib": jcs(envelope(header, "ed25519", seed("ed"))),
        "envelope-over-12-kib": b" " * (12 * 1024 + 1),
    }


def _unsigned() -> list[Case]:
    other = envelope({**FIRST, "at": "2026-03-01T09:00:01Z"}, "ed25519", seed("ed"))
    good = envelope(FIRST, "ed25519", seed("ed"))
    stolen = jcs({**good, "signatures": other["signatures"]})
    short = jcs({**good, "signatures": [{"sig": b64(bytes(63))}]})
    without_pae = sign("ed25519", seed("ed"), jcs(FIRST))
    typed = sign("ed25519", seed("ed"), pae(jcs(FIRST), "application/json"))

    def with_sig(sig: bytes) -> bytes:
        return jcs({**good, "signatures": [{"sig": b64(sig)}]})

    bad: dict[str, Callable[[], Case]] = {
        "signature-of-another-header": lambda: _bad("", stolen, "signature"),
        "signature-short": lambda: _bad("", short, "signature"),
        "signature-over-bare-header": lambda: _bad("", with_sig(without_pae), "signature"),
        "signature-over-other-type": lambda: _bad("", with_sig(typed), "signature"),
        "another-key-in-force": lambda: {**_bad("", jcs(good), "signature"), "public": ES},
    }
    return [{**make(), "name": name} for name, make in bad.items()]
