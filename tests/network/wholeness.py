"""What must hold of a demo's folder once it has ended, whatever happened to it on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from node.adapters.sql.store import SqlStore
from node.cli import main as program
from node.core.log.proof import parse_proof
from node.core.records.place import read_extra

MEMBERS = ("zhuzhou", "shiyan", "xian", "regulator")


def check_whole(folder: Path, receipts: int) -> None:
    """Every bundle and receipt verifies, nothing promised is lost or twice, every store is sound.

    `receipts` is how many there must be: one for each bidder.
    """
    trust = str(folder / "trust.json")
    evidence = [str(path) for path in sorted((folder / "evidence").glob("*.json"))]
    held = sorted((folder / "receipts").glob("*.receipt"))
    assert len(evidence) == 2
    assert len(held) == receipts
    assert program.main(["verify", *evidence, *map(str, held), "--trust", trust]) == 0
    lost = [*not_once(folder, set(map(receipted, held))), *not_the_same(folder)]
    assert not lost
    for member in MEMBERS:
        config = folder / "centres" / member / "config.toml"
        assert program.main(["node", "fsck", "--config", str(config)]) == 0, member


def receipted(path: Path) -> str:
    """The record that a receipt is for."""
    extra = parse_proof(path.read_text("utf-8")).extra
    assert extra is not None
    return read_extra(extra).what.id


def not_once(folder: Path, promised: set[str]) -> Iterator[str]:
    """Records promised by a receipt, or lodged by a guest, that do not stand once at the host."""
    count = Counter(host_records(folder))
    for record in promised | lodged(folder):
        if count[record] != 1:
            yield f"record {record[:16]} stands {count[record]} times"
    yield from (f"record {record[:16]} stands twice" for record, n in count.items() if n > 1)


def not_the_same(folder: Path) -> Iterator[str]:
    """Members whose copy of the tender's stream is not the host's, entry by entry."""
    (host, *_), copies = MEMBERS, {name: tender_entries(folder, name) for name in MEMBERS}
    yield from (f"{name} holds another stream" for name in copies if copies[name] != copies[host])


def host_records(folder: Path) -> list[str]:
    """The ids of all places of the host's tender stream."""
    store = opened(folder, MEMBERS[0])
    try:
        stream = next(row.id for row in store.streams() if row.kind == "tender")
        return [place.record for place in store.places(stream)]
    finally:
        store.close()


def tender_entries(folder: Path, member: str) -> list[str]:
    """The entries of the tender's stream as a member holds it."""
    store = opened(folder, member)
    try:
        return [
            place.entry
            for row in store.streams()
            if row.kind == "tender"
            for place in store.places(row.id)
        ]
    finally:
        store.close()


def lodged(folder: Path) -> set[str]:
    """What the guests logged in their own log for the host's stream, as the guests keep it."""
    found: set[str] = set()
    for member in MEMBERS[1:]:
        store = opened(folder, member)
        try:
            found |= {key.removeprefix("lodged/") for key in store.facts("lodged/")}
        finally:
            store.close()
    return found


def opened(folder: Path, member: str) -> SqlStore:
    """A member's store, after its node has ended."""
    return SqlStore(f"sqlite:///{folder}/centres/{member}/data/node.db")


def ending(out: Path) -> dict[str, Any]:
    """The last JSON line of a demo."""
    found: dict[str, Any] = json.loads(out.read_text("utf-8").splitlines()[-1])
    return found
