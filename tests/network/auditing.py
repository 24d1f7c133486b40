"""The audit of a network under fire: what was acknowledged stands, once, at the place named.

By other code than the node's: the rows are read with plain SQL. `yuanping node fsck` is asked
beside it, which is the node's own judgement of its store.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from node.cli.checking import checking
from node.settings import read_settings

Place = tuple[str, int, str]
"""Stream, seq, entry."""
FILE = "sqlite:///"
UNTOLD = -1
"""The seq that a bidder is not told: it would count the other bids."""


@dataclass(slots=True)
class Audit:
    """What was ever acknowledged to any program of a network, and where it must stand."""

    site: Path
    spy: Path
    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    read: dict[Path, int] = field(default_factory=dict)

    def check(self) -> None:
        """Fail if an acknowledged record is not where it was said to stand, or stands twice."""
        self.hear()
        stores = stores_of(self.site)
        held = {centre: places_of(url) for centre, url in stores.items()}
        keepers = {s: k for url in stores.values() for s, k in keepers_of(url).items()}
        where = {r: p[0] for places in held.values() for r, p in places.items()}
        for record, (seq, entry) in self.told.items():
            assert record in where, f"acknowledged and lost: {record} at place {seq}"
            keeper = keepers[where[record]]
            found = held[keeper].get(record)
            assert found is not None, f"acknowledged and lost: {record} at {keeper}, place {seq}"
            named = (found[1] if seq == UNTOLD else seq, entry)
            assert found[1:] == named, f"{record} acknowledged at {seq}, stands at {found[1]}"

    def check_all(self) -> None:
        """At the end: also receipts, partners' copies, and that nothing stands twice."""
        self.check()
        stores = stores_of(self.site)
        own = {centre: places_of(url, own=True) for centre, url in stores.items()}
        whole = {record: place for places in own.values() for record, place in places.items()}
        assert len(whole) == sum(map(len, own.values())), "a record stands in two streams"
        for url in stores.values():
            assert twice_logged(url) == [], "an entry stands twice in a log"
            for record, place in places_of(url, own=False).items():
                assert whole.get(record) == place, f"a partner holds another place of {record}"
        for path in sorted((self.site / "receipts").glob("*.receipt")):
            record, stream = receipt_of(path)
            assert record in whole, f"receipted and lost: {record}"
            assert whole[record][0] == stream

    def hear(self) -> int:
        """Read what was acknowledged since the last look: how many records there are by now.

        The same record has the same answer for ever.
        """
        for path in (self.spy / "answers").glob("*/*.jsonl"):
            with path.open("rb") as file:
                file.seek(self.read.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self.read[path] = self.read.get(path, 0) + len(whole)
            for line in whole.splitlines():
                record, seq, entry = json.loads(line)
                before = self.told.setdefault(record, (seq, entry))
                assert before[1] == entry, f"{record} was acknowledged at two places"
                assert UNTOLD in (seq, before[0]) or seq == before[0]
        return len(self.told)


def stores_of(site: Path) -> dict[str, str]:
    """The addresses of the databases that are there, by centre."""
    configs = {name: site / "centres" / name / "config.toml" for name in members_of(site)}
    urls = {name: read_settings(path).store.database_url for name, path in configs.items()}
    return {name: url for name, url in urls.items() if is_made(url)}


def is_made(url: str) -> bool:
    """Whether a store has its tables yet."""
    if url.startswith(FILE):
        asked = "SELECT name FROM sqlite_master WHERE name = 'witnessed'"
        return Path(url.removeprefix(FILE)).is_file() and bool(_rows(url, asked))
    return _rows(url, "SELECT to_regclass('witnessed')") != [(None,)]


def places_of(url: str, *, own: bool | None = None) -> dict[str, Place]:
    """Record -> place, of all streams of a store or of own or followed ones only."""
    mine = "(SELECT id FROM streams WHERE own)"
    where = "" if own is None else f" WHERE stream {'' if own else 'NOT '}IN {mine}"
    rows = _rows(url, f"SELECT record, stream, seq, entry FROM places{where}")  # noqa: S608
    return {str(record): (str(s), int(seq), str(entry)) for record, s, seq, entry in rows}


def keepers_of(url: str) -> dict[str, str]:
    """Stream -> keeper."""
    return {str(s): str(k) for s, k in _rows(url, "SELECT id, keeper FROM streams")}


def twice_logged(url: str) -> list[tuple[Any, ...]]:
    """Entries that a log holds twice."""
    asked = "SELECT origin, entry FROM entries GROUP BY origin, entry HAVING count(*) > 1"
    return list(_rows(url, asked))


def _rows(url: str, asked: str) -> list[tuple[Any, ...]]:
    if url.startswith(FILE):
        with closing(sqlite3.connect(url.removeprefix(FILE), timeout=20)) as file:
            return file.execute(asked).fetchall()
    with closing(psycopg.connect(url)) as server:
        return server.execute(asked.encode()).fetchall()


def receipt_of(path: Path) -> tuple[str, str]:
    """Record and stream that a receipt (C2SP tlog-proof) is for."""
    line = path.read_text("utf-8").splitlines()[1]
    what = json.loads(b64decode(line.removeprefix("extra ")))["what"]
    return what["id"], what["stream"]


def fsck(site: Path, centre: str) -> set[str]:
    """`yuanping node fsck` of one store; fails at a difference. The parts that could not run.

    A node that was killed before it had made its tables has none to be looked at.
    """
    settings = read_settings(site / "centres" / centre / "config.toml")
    if not is_made(settings.store.database_url):
        return set()
    with checking(settings, lambda *_: None) as check:
        found = list(check.run())
    bad = [one for one in found if one.status == "failed"]
    assert bad == [], f"fsck of {centre}"
    return {one.part for one in found if one.status == "not_run"}


def members_of(site: Path) -> Iterator[str]:
    """Centres whose configuration is there."""
    for path in sorted((site / "centres").glob("*/config.toml")):
        yield path.parent.name
