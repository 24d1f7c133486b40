"""Make draw.json: the bytes of protocol.md 6 and 10.8-10.10, computed from the paper alone.

Only hashlib and json are used, never the project's own code, so that an error there cannot hide
in the vectors. `python generate.py` rewrites draw.json; a test runs `make()` and compares.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def h(tag: str, data: bytes) -> bytes:
    """H(tag, data) of protocol.md."""
    return hashlib.sha256(f"yuanping/{tag}/v1\n".encode() + data).digest()


def jcs(value: object) -> bytes:
    """RFC 8785 for ASCII keys without floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def fixed(label: str) -> bytes:
    """32 bytes that everybody can make again."""
    return hashlib.sha256(label.encode()).digest()


def persons(draw: str, pool: str, count: int) -> list[str]:
    """The list of one pool, ascending."""
    return sorted(
        h(
            "person",
            jcs({"draw": draw, "pseudonym": f"{pool}-{i}", "salt": fixed(f"{pool} {i}").hex()}),
        ).hex()
        for i in range(count)
    )


def ranked(tag: str, seed: bytes, draw: str, stratum: int, found: list[str]) -> list[str]:
    """Lowest hash first."""
    prefix = seed + bytes.fromhex(draw) + stratum.to_bytes(4, "big")
    return sorted(found, key=lambda one: h(tag, prefix + bytes.fromhex(one)))


def beacon(draw: str) -> dict[str, Any]:
    """A round of three members: id, commitments, seed."""
    of = h("round", jcs({"n": 1, "of": draw, "purpose": "slate"}))
    secrets = {fixed(f"account {i}")[:20]: fixed(f"secret {i}") for i in range(3)}
    return {
        "n": 1,
        "of": draw,
        "purpose": "slate",
        "round": of.hex(),
        "members": [
            {
                "account": account.hex(),
                "secret": secret.hex(),
                "commitment": h("commit", of + account + secret).hex(),
            }
            for account, secret in secrets.items()
        ],
        "seed": h("beacon", of + b"".join(secrets[a] for a in sorted(secrets))).hex(),
    }


def make() -> str:
    """The whole file."""
    draw, seed1, seed2 = fixed("draw").hex(), fixed("seed 1"), fixed("seed 2")
    pools = {pool: persons(draw, pool, 12) for pool in ("altay", "xiapu", "zhuzhou")}
    everybody = [one for found in pools.values() for one in found]
    bids = [fixed(f"bid {i}").hex() for i in range(5)]
    slate = ranked("rank", seed1, draw, 3, everybody)[:8]  # ceil(5/2 x 3) = 8
    case = {
        "person": {
            "draw": draw,
            "pseudonym": "株洲-七",
            "salt": fixed("salt").hex(),
            "person": h(
                "person",
                jcs({"draw": draw, "pseudonym": "株洲-七", "salt": fixed("salt").hex()}),
            ).hex(),
        },
        "slate": {
            "seed": seed1.hex(),
            "draw": draw,
            "stratum": 3,
            "seats": 3,
            "factor": "5/2",
            "pools": pools,
            "slate": slate,
        },
        "picks": {
            "seed": seed2.hex(),
            "draw": draw,
            "stratum": 3,
            "seats": 3,
            "accepted": sorted(slate[:6]),
            "order": ranked("pick", seed2, draw, 3, slate[:6]),
        },
        "round": beacon(draw),
        "lot": {
            "seed": seed1.hex(),
            "bids": bids,
            "order": sorted(bids, key=lambda bid: h("lot", seed1 + bytes.fromhex(bid))),
        },
    }
    return json.dumps(case, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "draw.json").write_text(make(), "utf-8")
