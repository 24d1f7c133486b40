"""Cases of canonical JSON, of the small written values, and of places."""

from __future__ import annotations

from tests.vectors.records.oracle import h, h_of, jcs

Case = dict[str, object]
SALT, OTHER, ID, ZERO = "5a" * 32, "a5" * 32, "1d" * 32, "00" * 32


def canonical() -> list[Case]:
    """`sample` has members n (0 <= n < 2^53), s (text), and optional flag, list of n, note."""
    return [*(_written(name, value) for name, value in GOOD.items()), *_refused()]


def values() -> list[Case]:
    """Times, money, base64, hex: what is one, and what only looks like one."""
    good: dict[str, dict[str, object]] = {
        "time": {
            "1970-01-01T00:00:00Z": 0,
            "2000-02-29T23:59:59Z": 951868799,
            "2024-02-29T00:00:00Z": 1709164800,
            "9999-12-31T23:59:59Z": 253402300799,
        },
        "money": dict.fromkeys(("0", "0.5", "12.340000", "123456789012345678.999999")),
        "base64": {"": "", "Zg==": "66", "Zm8=": "666f", "Zm9v": "666f6f", "+/8=": "fbff"},
        "hex32": dict.fromkeys((ZERO, SALT)),
    }
    bad: dict[str, tuple[str, ...]] = {
        "time": TIMES_REFUSED,
        "money": MONEY_REFUSED,
        "base64": BASE64_REFUSED,
        "hex32": ("", ID[:-1], ID + "0", ID + "\n", ID.upper(), "0x" + ID[2:], "g" + ID[1:]),
    }
    return [
        *(
            _value(kind, text, of, None)
            for kind, texts in good.items()
            for text, of in texts.items()
        ),
        *(_value(kind, text, None, "form") for kind, texts in bad.items() for text in texts),
    ]


def place() -> list[Case]:
    """Entries of records and of padding, receipts' extras, and halves that are refused."""
    what = {
        "id": ID,
        "received": "2026-03-01T09:00:00Z",
        "salt": SALT,
        "sig": "51" * 32,
        "stream": OTHER,
    }
    first = {"prev": ZERO, "salt": SALT, "seq": 0}
    later = {"prev": OTHER, "salt": SALT, "seq": 7}
    places = [_place("first-place", what, first), _place("later-place", what, later)]
    extra = {"what": what, "where": OTHER}
    refused: dict[str, object] = {
        "extra-with-seq": {**extra, "seq": 1},
        "extra-where-opened": {"what": what, "where": later},
        "extra-without-salt": {"what": {k: v for k, v in what.items() if k != "salt"}, "where": ID},
        "extra-time-of-no-day": {"what": {**what, "received": "2026-02-30T00:00:00Z"}, "where": ID},
        "extra-short-where": {"what": what, "where": OTHER[2:]},
    }
    wheres: dict[str, object] = {
        "where-first-with-prev": {**first, "prev": OTHER},
        "where-later-without-prev": {**later, "prev": ZERO},
        "where-negative-seq": {**later, "seq": -1},
        "where-seq-too-large": {**later, "seq": 2**53},
        "where-seq-as-text": {**later, "seq": "7"},
    }
    return [*places, _padding(), *_halves("extra", refused), *_halves("where", wheres)]


def _padding() -> Case:
    pads = [h_of("what", {"pad": True, "salt": SALT}), h_of("where", {"pad": True, "salt": OTHER})]
    return {
        "name": "padding",
        "padding": [SALT, OTHER],
        "what_hash": pads[0],
        "where_hash": pads[1],
        "entry": h("entry", bytes.fromhex("".join(pads))).hex(),
        "error": None,
    }


def _halves(kind: str, refused: dict[str, object]) -> list[Case]:
    return [{"name": n, kind: jcs(v).decode(), "error": "form"} for n, v in refused.items()]


GOOD: dict[str, dict[str, object]] = {
    "least": {"n": 0, "s": ""},
    "all-members": {"flag": True, "list": [1, 2, 3], "n": 2**53 - 1, "note": "x", "s": "y"},
    "chinese": {"n": 1, "s": "评标委员会"},
    "beyond-the-plane": {"n": 1, "s": "\U0002000b\U0001f600"},
    "controls": {"n": 1, "s": '\x00\x08\t\n\x0b\x0c\r\x1f"\\/\x7f'},
    "line-separators": {"n": 1, "s": "\u2028\u2029\ufeff"},
}
MONEY_REFUSED = (
    "",
    "-1",
    "+1",
    "01",
    "1.",
    ".5",
    "1e5",
    "NaN",
    "1,000",
    " 1",
    "1\n",
    "１",
    "1.0000000",
)
BASE64_REFUSED = ("Zg", "Zg=", "Zh==", "Zm9", "Zm9v\n", " Zm9v", "Zm9v====", "-_8=", "=", "é")
TIMES_REFUSED = (
    "",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-13-10T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:60:00Z",
    "2016-12-31T23:59:60Z",
    "2026-01-01T00:00:00z",
    "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00:00.0Z",
    "2026-01-01 00:00:00Z",
    "2026-1-1T00:00:00Z",
    "2026-01-01T00:00:00Z\n",
    "２026-01-01T00:00:00Z",
    "12026-01-01T00:00:00Z",
)


RAW_REFUSED = {
    "empty": b"",
    "white-space": b'{"n": 1,"s":""}',
    "trailing-newline": b'{"n":1,"s":""}\n',
    "trailing-bytes": b'{"n":1,"s":""}{}',
    "byte-order-mark": b'\xef\xbb\xbf{"n":1,"s":""}',
    "unsorted": b'{"s":"","n":1}',
    "doubled-member": b'{"n":1,"n":1,"s":""}',
    "doubled-member-last-wins": b'{"n":2,"n":1,"s":""}',
    "unknown-member": b'{"m":1,"n":1,"s":""}',
    "missing-member": b'{"n":1}',
    "null-for-absent": b'{"n":1,"note":null,"s":""}',
    "default-written": b'{"flag":false,"n":1,"s":""}',
    "minus-zero": b'{"n":-0,"s":""}',
    "negative": b'{"n":-1,"s":""}',
    "float": b'{"n":1.0,"s":""}',
    "exponent": b'{"n":1e0,"s":""}',
    "leading-zero": b'{"n":01,"s":""}',
    "two-to-53": b'{"n":9007199254740992,"s":""}',
    "huge-number": b'{"n":' + b"9" * 400 + b',"s":""}',
    "true-as-number": b'{"n":true,"s":""}',
    "text-as-number": b'{"n":"1","s":""}',
    "needless-escape": b'{"n":1,"s":"\\u0061"}',
    "escaped-slash": b'{"n":1,"s":"\\/"}',
    "upper-case-escape": b'{"n":1,"s":"\\u001F"}',
    "escaped-name": b'{"\\u006e":1,"s":""}',
    "half-surrogate": b'{"n":1,"s":"\\ud800"}',
    "overlong-utf8": b'{"n":1,"s":"\xc0\xaf"}',
    "surrogate-in-utf8": b'{"n":1,"s":"\xed\xa0\x80"}',
    "cut-utf8": b'{"n":1,"s":"\xe8\xaf',
    "array": b'[1,""]',
    "deep": b'{"n":' + b"[" * 5000 + b"]" * 5000 + b',"s":""}',
}


def _refused() -> list[Case]:
    return [
        {"name": name, "bytes": data.hex(), "error": "form"} for name, data in RAW_REFUSED.items()
    ]


def _written(name: str, value: dict[str, object]) -> Case:
    data = jcs(value)
    digest = h("sample", data).hex()
    return {"name": name, "value": value, "bytes": data.hex(), "digest": digest, "error": None}


def _value(kind: str, text: str, of: object, error: str | None) -> Case:
    return {"name": f"{kind} {text!a}", "kind": kind, "text": text, "means": of, "error": error}


def _place(name: str, what: dict[str, str], where: dict[str, object]) -> Case:
    halves = h_of("what", what), h_of("where", where)
    return {
        "name": name,
        "what": jcs(what).decode(),
        "where": jcs(where).decode(),
        "what_hash": halves[0],
        "where_hash": halves[1],
        "entry": h("entry", bytes.fromhex(halves[0] + halves[1])).hex(),
        "extra": jcs({"what": what, "where": halves[1]}).decode(),
        "error": None,
    }
