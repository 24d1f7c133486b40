"""Sealed bids and the deadline: in time, in force, and the root that goes on the chain.

Source: protocol.md section 5 and 10.8; TBL art. 28 and 34; TBR art. 36. Who judges that a bid's
time of existence is in time too is the evidence's check 4: the fold knows the host's clock only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.log.merkle import leaf_hash, root_of
from node.core.records.canonical import epoch_of
from node.core.records.keys import key_id
from node.core.rules.change import put, replace
from node.core.rules.state import Bid, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.core.records.box import Box
    from node.core.records.kinds.session import CommitteeFormed
    from node.core.records.kinds.tender import BidsClosed, BidSealed, TenderAnnounced
    from node.core.rules.state import Placed, TenderState

SEALING = "protocol 5"


def bid_sealed(state: TenderState, placed: Placed, body: BidSealed) -> TenderState:
    """Take one more sealed bid, not after the deadline; the last of each bid key counts."""
    if placed.received > epoch_of(state.terms.deadline):
        raise RuleError("the deadline is past")
    if key_id(body.key) != placed.header.key:
        raise RuleError("the bid brings another key than it is signed with", article=SEALING)
    check_box(body.box, state.terms)
    bid = Bid(placed.id, placed.header.key, placed.received, body.box, placed.seq)
    return replace(state, bids=put(state.bids, placed.id, bid))


def check_box(box: Box, terms: TenderAnnounced | CommitteeFormed) -> None:
    """Accept only a box for exactly the holders and threshold fixed before."""
    if (box.holders, box.t) != (terms.holders, terms.threshold):
        raise RuleError("the box is not for the holders that were named", article=SEALING)


def bids_root(bid_ids: Iterable[str], random: str) -> tuple[tuple[str, ...], str]:
    """Leaves and root of the bids in force: sorted ids and one random value (protocol 10.8).

    The root is the RFC 6962 tree over the raw ids, in lower-case hex.
    """
    leaves = tuple(sorted([*bid_ids, random]))
    return leaves, root_of([leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]).hex()


def bids_closed(state: TenderState, placed: Placed, body: BidsClosed) -> TenderState:
    """Close the list of bids after the deadline; leaves and root are recomputed."""
    if placed.received <= epoch_of(state.terms.deadline):
        raise RuleError("the deadline is not past yet")
    if (body.leaves, body.root) != bids_root(state.in_force, body.random):
        raise RuleError("leaves or root are not of the bids in force", article="protocol 10.8")
    return replace(
        state,
        phase=Phase.CLOSED,
        closed=body,
        closed_seq=placed.seq,
        closed_at=placed.received,
    )
