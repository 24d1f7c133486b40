"""What every body shares: strict frozen structures and the small types they are made of.

Source: protocol.md sections 2 and 10. A body holds its type's own members and `salt`, 32 random
bytes in hex, so that its digest tells nothing. Names of people never stand in a body.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from node.core.records.canonical import END, Count, Hex32, Money
from node.core.records.envelope import Lot, NodeId

CentreId = NodeId
SeatId = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,2}" + END)]
LotId = Lot
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,63}" + END)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=600)]
Hex20 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}" + END)]
HexBytes = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2}){1,4096}" + END)]
Points = Money
"""Points are written like money: a decimal string, never a float."""

Signed = Annotated[
    str, msgspec.Meta(pattern=r"^(0|-?[1-9][0-9]{0,17}|-?0(?=\.0*[1-9]))(\.[0-9]{1,6})?" + END)
]
"""Points that deductions may have brought below zero; zero has no sign."""

MAX_BIDS = 10_000
MAX_LIST = 100_000


class Part(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """A structure inside a body: frozen, no unknown member, absent instead of null."""


class Body(Part, frozen=True, kw_only=True):
    """The common part of every body: the salt that hides its digest."""

    salt: Hex32


__all__ = [
    "MAX_BIDS",
    "MAX_LIST",
    "Body",
    "CentreId",
    "Count",
    "Hex20",
    "Hex32",
    "HexBytes",
    "LotId",
    "Money",
    "Part",
    "Points",
    "SeatId",
    "Signed",
    "Slug",
    "Text",
]
