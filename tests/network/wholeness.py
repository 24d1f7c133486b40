"""What must hold of a demo's folder once it has ended, whatever happened to it on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from node.adapters.sql.store import SqlStore
from node.cli import main as program
from node.core.log.proof import parse_proof
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.streams import RecordRefused
from node.core.records.place import read_extra
from node.services.ports import PlaceRow
from tests.network.demo_process import MEMBERS


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
    """Records promised by a receipt, or lodged by a guest, that do not stand once at the host.

    A lodged one may have been refused instead, in the host's stream for all to see (protocol 4).
    """
    places = host_places(folder)
    count = Counter(place.record for place in places)
    for record in promised | (lodged(folder, *MEMBERS[1:]) - set(refused(places))):
        if count[record] != 1:
            yield f"record {record[:16]} stands {count[record]} times"
    yield from (f"record {record[:16]} stands twice" for record, n in count.items() if n > 1)


def refused(places: Iterable[PlaceRow]) -> Iterator[str]:
    """The records that the host refused in its stream."""
    for place in places:
        kind = open_envelope(place.envelope).header.type
        if kind == "record.refused/v1" and place.body is not None:
            body = decode_body(kind, place.body)
            assert isinstance(body, RecordRefused)
            yield body.record


def not_the_same(folder: Path) -> Iterator[str]:
    """Members whose copy of the tender's stream is not the host's, entry by entry."""
    (host, *_), copies = MEMBERS, {name: tender_entries(folder, name) for name in MEMBERS}
    yield from (f"{name} holds another stream" for name in copies if copies[name] != copies[host])


def host_places(folder: Path) -> list[PlaceRow]:
    """All places of the host's tender stream."""
    store = opened(folder, MEMBERS[0])
    try:
        stream = next(row.id for row in store.streams() if row.kind == "tender")
        return store.places(stream)
    finally:
        store.close()


def is_witnessed(folder: Path) -> bool:
    """Whether a checkpoint with its quorum holds every place of the host."""
    store = opened(folder, MEMBERS[0])
    try:
        newest = store.newest(origin := f"{MEMBERS[0]}.example/log")
        return newest is not None and store.uncovered(origin, newest.size) == 0
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


def lodged(folder: Path, *members: str) -> set[str]:
    """What guests logged in their own log for the host's stream, as they keep it."""
    found: set[str] = set()
    for member in members:
        store = opened(folder, member)
        try:
            found |= {key.removeprefix("lodged/") for key in store.facts("lodged/")}
        finally:
            store.close()
    return found


def opened(folder: Path, member: str) -> SqlStore:
    """A member's store, to read from."""
    return SqlStore(f"sqlite:///{folder}/centres/{member}/data/node.db")


def ending(out: Path) -> dict[str, Any]:
    """The last JSON line of a demo."""
    found: dict[str, Any] = json.loads(out.read_text("utf-8").splitlines()[-1])
    return found
