"""Writes the golden vectors of the log formats: `python -m tests.vectors.log.generate`.

Deterministic: fixed keys, fixed times, Ed25519 signatures without chance. The files are committed;
`tests/vectors/test_log_vectors.py` runs this again and compares, and the Go oracle
(`tests/conformance/log_oracle`) judges the same files by other people's code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from node.core.log.cosignature import earliest_quorum
from node.core.log.merkle import EMPTY_ROOT
from node.core.log.note import Note, NoteSignature
from node.core.log.policy import Quorum, policy_text
from node.core.log.proof import TlogProof
from node.core.log.tiles import ENTRIES, bundle_bytes, tile_bytes, tiles_of
from node.core.log.witness import add_checkpoint
from tests.vectors.log.keyring import LOG, NOON, WITNESSES, cosigned, entry, signed, tree

FOLDER = Path(__file__).parent
SIZES = (1, 2, 3, 4, 7, 8, 13, 70)
NAMED = tuple((w.key.name.partition(".")[0], w.key) for w in WITNESSES)
Case = dict[str, Any]

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
"""A point of order 8, in the canonical encoding; RFC 8032 signers never have such a key."""


def trees() -> list[Case]:
    """Roots of the first n entries, with every inclusion proof and every consistency proof."""
    whole = tree(max(SIZES))
    return [
        {
            "size": size,
            "root": whole.root(size).hex(),
            "inclusion": [[h.hex() for h in whole.inclusion(i, size)] for i in range(size)],
            "consistency": [[h.hex() for h in whole.consistency(m, size)] for m in range(size + 1)],
        }
        for size in SIZES
    ]


def quorums() -> list[Case]:
    """Notes in and out of the quorum form for 2 of 3 witnesses; `code` is the refusal, or null."""
    form = earliest_quorum(cosigned(13, NOON + 9, NOON + 3, NOON + 5), TWO)
    own, first, second = form.signatures
    late = WITNESSES[0].cosign(form, NOON + 9)
    twin = WITNESSES[1].cosign(form, NOON + 4)
    false = NoteSignature(second.name, second.key_id, second.blob[:8] + first.blob[8:])
    shapes = {
        "quorum": (own, first, second),
        "one missing": (own, first),
        "one too many": (own, first, second, late),
        "out of order": (own, second, first),
        "log line last": (first, second, own),
        "log line twice": (own, own, first, second),
        "witness twice": (own, first, twin),
        "signature of another witness": (own, first, false),
        "log line missing": (first, second),
    }
    short = ("one missing", "witness twice")
    return [
        {
            "name": name,
            "note": Note(form.text, lines).encode(),
            "code": None if name == "quorum" else "quorum" if name in short else "log",
            "times": [NOON + 3, NOON + 5] if name == "quorum" else [],
        }
        for name, lines in shapes.items()
    ]


def requests() -> list[Case]:
    """add-checkpoint bodies for a witness that last cosigned size 7, and its answer's status."""
    whole = tree(20)
    good = add_checkpoint(7, whole.consistency(7, 20), signed(20)).encode().decode()
    again = add_checkpoint(20, (), signed(20)).encode().decode()
    bodies = [
        ("growth", good, 200),
        ("wrong old size", again, 409),
        ("leading zero", good.replace("old 7", "old 07"), 400),
        ("old above size", good.replace("old 7", "old 21"), 400),
        ("proof cut", add_checkpoint(7, (), signed(20)).encode().decode(), 422),
        ("unknown origin", good.replace("zhuzhou.example/log\n20", "a.example/log\n20"), 404),
        ("signature of another size", good.replace("\n20\n", "\n21\n"), 403),
    ]
    return [{"name": n, "body": b, "status": s} for n, b, s in bodies]


def edges() -> list[Case]:
    """Ed25519 inputs on which libraries differ; `accept` is libsodium's and so our answer."""
    message = b"edge"
    public, signature = LOG.key.public, LOG.sign(message)
    one, zero = (1).to_bytes(32, "little"), bytes(32)
    shifted = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    high_one = (FIELD + 1).to_bytes(32, "little")
    table = [
        ("valid", public, signature, True),
        ("S plus the group order", public, signature[:32] + shifted, False),
        ("S zero, R identity", public, one + zero, False),
        ("key identity", one, one + zero, False),
        ("key identity with sign bit", one[:31] + b"\x80", one + zero, False),
        ("key of order 2", (FIELD - 1).to_bytes(32, "little"), one + zero, False),
        ("key of order 4", zero, one + zero, False),
        ("key of order 8", bytes.fromhex(ORDER_8), one + zero, False),
        ("key identity, not canonical", high_one, one + zero, False),
        ("key identity, R not canonical", one, high_one + zero, False),
        ("key not on the curve", (2).to_bytes(32, "little"), signature, False),
        ("R flipped", public, one + signature[32:], False),
    ]
    return [
        {
            "name": name,
            "public": key.hex(),
            "message": message.hex(),
            "signature": sig.hex(),
            "accept": accept,
        }
        for name, key, sig, accept in table
    ]


def tiles() -> list[Case]:
    """All tiles and bundles of a tree of 300 entries."""
    whole, found = tree(300), []
    for tile in tiles_of(0, 300):
        if tile.level == ENTRIES:
            data = bundle_bytes([entry(tile.start + i) for i in range(tile.width)])
        else:
            data = tile_bytes(whole, tile)
        found.append({"path": tile.path(), "data": data.hex()})
    return found


TWO = Quorum(LOG.key, tuple(w.key for w in WITNESSES), 2)


def build() -> dict[str, Any]:
    """Make all vector files by name."""
    proof = TlogProof(5, b"opened", tree(13).inclusion(5, 13), quorums()[0]["note"])
    return {
        "trees": {"empty": EMPTY_ROOT.hex(), "trees": trees()},
        "quorums": {
            "log": LOG.key.encode(),
            "witnesses": [w.key.encode() for w in WITNESSES],
            "policy": policy_text(LOG.key, NAMED, 2),
            "cases": quorums(),
        },
        "proof": {
            "leaf": tree(13).leaf(5).hex(),
            "index": 5,
            "extra": "opened",
            "file": proof.encode(),
        },
        "requests": {"known": {"size": 7, "root": tree(7).root().hex()}, "cases": requests()},
        "ed25519": {"cases": edges()},
        "tiles": {"size": 300, "root": tree(300).root().hex(), "tiles": tiles()},
    }


def written(value: object) -> str:
    """Give a vector file's text."""
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for stem, content in build().items():
        (FOLDER / f"{stem}.json").write_text(written(content), "utf-8")
