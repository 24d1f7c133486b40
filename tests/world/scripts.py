"""What happens in a tender of the world: terms, bidders, findings, marks, who dissents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from node.core.records.kinds.draws import Stratum
from node.core.records.kinds.tender import Criterion, Lot, Method, PriceFormula


@dataclass(frozen=True, slots=True)
class Bidder:
    """One bidder: what it bids, and how it behaves."""

    id: str
    price: str | None
    unlocks: bool = True
    bids_twice: bool = False
    suite: str = "ed25519"


@dataclass(frozen=True, slots=True)
class Script:
    """One tender. `findings`: bidder -> ground that all members but one find.

    `silent` members reveal nothing in the first slate round, `chain_away` lets nobody commit;
    `dissents` is a seat.
    """

    name: str
    rules: str
    currency: str
    scale: int
    lot: Lot
    strata: tuple[Stratum, ...]
    bidders: tuple[Bidder, ...]
    findings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    chair: bool = False
    silent: tuple[str, ...] = ()
    chain_away: bool = False
    dissents: str = ""
    days: int = 21


JP_LOT = Lot(
    id="1",
    method=Method(kind="lowest-price"),
    ceiling="15000000",
    minimum="9000000",
)
JP = Script(
    name="tsuchiura-example",
    rules="jp-tsuchiura",
    currency="JPY",
    scale=0,
    lot=JP_LOT,
    strata=(Stratum(seats=5, specialty="works"),),
    bidders=(
        Bidder("B101", "14820000"),
        Bidder("B102", "14950000", suite="es256"),
        Bidder("B103", "15200000"),
        Bidder("B104", "9500000", bids_twice=True),
        Bidder("B105", "14700000", unlocks=False),
    ),
    findings=MappingProxyType({"B104": "disqualified"}),
)
"""Lowest price: B103 is above the ceiling, B104 disqualified, B105 never unlocked; B101 wins."""

JP_TIE = replace(
    JP,
    name="tsuchiura-tie",
    bidders=(Bidder("B101", "14820000"), Bidder("B102", "14820000"), Bidder("B103", "15200000")),
    findings=MappingProxyType({}),
)
"""Two equal lowest bids: a lot decides."""

JP_NONE = replace(
    JP, name="tsuchiura-none", bidders=(Bidder("B103", "15200000"),), findings=MappingProxyType({})
)
"""No bid may win: the lot fails after the session."""

CN_METHOD = Method(
    kind="comprehensive-scoring",
    criteria=(
        Criterion(id="design", maximum="40", objective=False, step="0.5", title="设计 design"),
        Criterion(id="record", maximum="10", objective=True, step="1", title="业绩 record"),
        Criterion(
            id="staff", maximum="10", objective=False, step="1", title="人员 staff", factor="2"
        ),
    ),
    price=PriceFormula(
        kind="benchmark-deviation", maximum="30", drop="0.05", loss_above="1", loss_below="0.5"
    ),
    scale=2,
)
CN = Script(
    name="cn-example",
    rules="cn-bidding",
    currency="CNY",
    scale=2,
    lot=Lot(id="1", method=CN_METHOD, ceiling="5000000.00"),
    strata=(Stratum(seats=3, specialty="works"), Stratum(seats=2, specialty="cost")),
    bidders=(
        Bidder("H01", "4200000.00"),
        Bidder("H02", "4350000.50", suite="es256"),
        Bidder("H03", "3990000.00"),
        Bidder("H04", "5100000.00"),
    ),
    chair=True,
    silent=("changsha",),
    dissents="3",
    days=22,
)
"""Comprehensive scoring by five who disagree; one dissents; a void beacon round; H04 too dear."""

PANEL_METHOD = Method(
    kind="quality-only",
    criteria=(
        Criterion(
            id="deductions", maximum="999.99", objective=True, step="0.01", title="扣分 deductions",
            deducts=True,
        ),
        Criterion(
            id="elements", maximum="999.99", objective=True, step="0.01", title="客观分 elements"
        ),
        Criterion(id="skill", maximum="10", objective=False, step="0.25", title="技能 skill",
                  factor="0.8"),
        Criterion(id="style", maximum="10", objective=False, step="0.25", title="表现 style",
                  factor="1.6"),
    ),
    drop_from=3,
    scale=2,
    tie_breaks=("objective",),
    zero_is_absent=True,
)  # fmt: skip
PANEL = Script(
    name="panel-example",
    rules="panel",
    currency="XXX",
    scale=0,
    lot=Lot(id="1", method=PANEL_METHOD),
    strata=(Stratum(seats=9, specialty="works"),),
    bidders=(
        Bidder("E01", None),
        Bidder("E02", None, suite="es256"),
        Bidder("E03", None),
        Bidder("E04", None),
        Bidder("E05", None),
        Bidder("E06", None),
    ),
    findings=MappingProxyType({"E06": "disqualified"}),
)
"""Nine marks, one expert absent for E01. E02 and E03 have equal totals: the facts decide. E04 and
E05 are alike in everything and share a rank. E06 is disqualified. No price, no award."""

CN_FEW = replace(CN, name="cn-few", bidders=CN.bidders[:2])
"""Two bidders where three are needed: nothing is opened, the lot fails."""
