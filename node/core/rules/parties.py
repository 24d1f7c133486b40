"""Who takes part in a tender, as its own stream says, and whose people an author belongs to.

Source: protocol.md 4, 8, 10.3: holders of bids (`tender.announced`), pools (`draw.requested`),
venues and holders of sheets (`committee.formed`); all but the host must endorse the stream's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.records.kinds.draws import DrawRequested
from node.core.records.kinds.session import CommitteeFormed
from node.core.records.kinds.tender import TenderAnnounced
from node.core.rules.membership import MEMBER_ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.core.records.kinds import Body


def parties_of(bodies: Iterable[Body | None], host: str) -> frozenset[str]:
    """The members other than the host that these bodies name as participants."""
    named: set[str] = set()
    for body in bodies:
        match body:
            case TenderAnnounced():
                named.update(body.holders)
            case DrawRequested():
                named.update(body.pools)
            case CommitteeFormed():
                named.update(body.holders)
                named.update(seat.centre for seat in body.seats)
    return frozenset(named - {host})


def home_of(author: str, bodies: Iterable[Body | None], host: str) -> str:
    """The member whose people an author belongs to: an expert sits in a centre, others come to
    the host directly.
    """
    role, _, name = author.partition(":")
    if role in MEMBER_ROLES:
        return name
    if role == "expert":
        for body in bodies:
            if isinstance(body, CommitteeFormed):
                return next((s.centre for s in body.seats if s.seat == name), host)
    return host
