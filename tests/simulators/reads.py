"""A node's reads without a node: what HTTP shows of it is set by the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from node.core.errors import MissingError, StateError
from node.core.log.tiles import Tile
from node.core.records.keys import PublicKey, key_id
from node.services.reads import (
    PAGE,
    Announcement,
    ChainInfo,
    Check,
    LotInfo,
    Name,
    NodeInfo,
    PartnerInfo,
    TenderInfo,
    WitnessAnswer,
)
from node.services.signed_read import Claim, is_signed_by

NODE = NodeInfo(
    id="zhuzhou",
    role="centre",
    name=Name("株洲市<中心>", "Zhuzhou & Centre"),
    version="0.1.0",
    clock="test",
    log_origin="zhuzhou.example/log",
    log_vkey="zhuzhou.example/log+00000000+AQ==",
    witness_vkey="zhuzhou.example/witness+00000000+BA==",
    chain=ChainInfo("anvil", 7, None),
)
ANNOUNCEMENT = Announcement(
    currency="JPY",
    scale=0,
    deadline="2026-11-24T09:00:00Z",
    opening="2026-11-24T09:00:00Z",
    unlock_until="2026-11-24T09:30:00Z",
    holders=("changsha", "xiangtan"),
    threshold=2,
    lots=(LotInfo("1", "lowest-price", "15000000", None),),
)


def tender_named(name: str) -> TenderInfo:
    """Give a tender in its bidding phase."""
    return TenderInfo(
        id=name,
        stream="ab" * 32,
        host="zhuzhou",
        title="道路工程",
        buyer="土浦市",
        origin="invented",
        ruleset="cd" * 32,
        phase="bidding",
        announcement=ANNOUNCEMENT,
        candidates=None,
        winner=None,
    )


@dataclass
class SimulatedReads:
    """Answers from its members; `fault` is raised by every asynchronous read while it is set."""

    time: int = 1_795_000_000
    names: list[str] = field(default_factory=lambda: ["B193", "B194"])
    evidences: dict[tuple[str, str], bytes] = field(default_factory=dict)
    keys: dict[str, PublicKey] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    note: str | None = None
    tiles: dict[Tile, bytes] = field(default_factory=dict)
    answer: WitnessAnswer = field(default_factory=lambda: WitnessAnswer(200, b"", "text/plain"))
    bodies: list[bytes] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    fault: BaseException | None = None

    def now(self) -> int:
        """Give the time the test set."""
        return self.time

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def node(self) -> NodeInfo:
        """Give NODE."""
        self._check()
        return NODE

    async def ready(self) -> list[Check]:
        """Give the checks the test set."""
        self._check()
        return self.checks

    async def partners(self) -> list[PartnerInfo]:
        """Give one partner."""
        self._check()
        name = Name("长沙", "Changsha")
        return [PartnerInfo("changsha", "centre", name, "active", True, 16, "ef" * 32)]

    async def tenders(self, after: str | None) -> list[TenderInfo]:
        """Give the names after `after`, a page at most."""
        self._check()
        return [tender_named(n) for n in sorted(self.names) if n > (after or "")][:PAGE]

    async def tender(self, tender: str) -> TenderInfo:
        """Give a tender of `names`."""
        self._check()
        if tender not in self.names:
            raise MissingError(f"no tender {tender}")
        return tender_named(tender)

    async def evidence(self, tender: str, reader: str) -> bytes:
        """Give what the test put there; a known tender without it is too early."""
        self._check()
        self.asked.append((tender, reader))
        await self.tender(tender)
        if (tender, reader) not in self.evidences:
            raise StateError("nothing is closed yet", code="too-early")
        return self.evidences[tender, reader]

    async def entitled(self, reader: str, key: str, message: bytes, signature: bytes) -> bool:
        """Check the signature against the reader's key, or a bidder's against his id."""
        self._check()
        public = self.keys.get(reader)
        if public is None or (reader.startswith("bidder:") and reader[7:] != key_id(public)):
            return False
        return is_signed_by(public, Claim(key, signature), message)

    async def trust(self) -> dict[str, Any]:
        """Give a policy with only its format."""
        self._check()
        return {"format": "yuanping-trust/v1"}

    async def checkpoint(self) -> str | None:
        """Give the note the test set."""
        self._check()
        return self.note

    async def tile(self, tile: Tile) -> bytes | None:
        """Give a tile the test put there."""
        self._check()
        return self.tiles.get(tile)

    async def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Keep the body and give the answer the test set."""
        self._check()
        self.bodies.append(body)
        return self.answer
