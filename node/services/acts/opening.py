"""The host closes the bids, ends the window, reads out, and closes the opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import BoxError, MissingError, NodeError
from node.core.records.box import open_box
from node.core.records.canonical import b64encode, decode
from node.core.records.kinds.streams import TermExpired
from node.core.records.kinds.tender import (
    BidNotOpened,
    BidOpened,
    BidPackage,
    BidsClosed,
    LotFailed,
    OpeningClosed,
)
from node.core.rules.bid import bids_root
from node.core.rules.opening import bid_context, check_package, release_of, shares_of

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk


async def close_bids(desk: Desk, state: TenderState, about: str) -> Body:
    """`bids.closed`: leaves and root of the bids in force, with one random leaf."""
    random = desk.salt()
    leaves, root = bids_root(state.in_force, random)
    return BidsClosed(leaves=leaves, random=random, root=root, salt=desk.salt())


async def expire(desk: Desk, state: TenderState, about: str) -> Body:
    """`term.expired` of the term named."""
    if about == "unlock":
        return TermExpired(term="unlock", salt=desk.salt())
    return TermExpired(term="objection", salt=desk.salt())


async def fail_lot(desk: Desk, state: TenderState, about: str) -> Body:
    """`lot.failed` on the ground named."""
    if about == "too-few-bids":
        return LotFailed(ground="too-few-bids", salt=desk.salt())
    return LotFailed(ground="no-valid-bid", salt=desk.salt())


async def open_bid(desk: Desk, state: TenderState, about: str) -> Body:
    """`bid.opened`, or `bid.not_opened` where shares are missing or the box is its maker's fault.

    Raises MissingError if our own store lost the ciphertext that we gave a receipt for.
    """
    bid = state.in_force[about]
    shares = shares_of(state, about) or ()
    if len(shares) < release_of(state).threshold:
        return BidNotOpened(bid=about, ground="share-missing", salt=desk.salt())
    ciphertext = await ciphertext_of(desk, bid.box.ciphertext.sha256)
    text = b64encode(ciphertext)
    try:
        opened = open_box(bid.box, ciphertext, shares, bid_context(state, bid))
        package = decode(opened.plaintext, BidPackage)
        check_package(state, package, bid.bidder)
    except NodeError as error:
        if isinstance(error, BoxError) and error.code == "box":
            raise
        return BidNotOpened(bid=about, ground="box-faulty", ciphertext=text, salt=desk.salt())
    key = opened.key.hex()
    return BidOpened(bid=about, ciphertext=text, key=key, package=package, salt=desk.salt())


async def leave_closed(desk: Desk, state: TenderState, about: str) -> Body:
    """`bid.not_opened` of a bid whose bidder did not unlock it."""
    return BidNotOpened(bid=about, ground="not-unlocked", salt=desk.salt())


async def close_opening(desk: Desk, state: TenderState, about: str) -> Body:
    """`opening.closed` with both counts."""
    counts = len(state.opened), len(state.not_opened)
    return OpeningClosed(opened=counts[0], not_opened=counts[1], salt=desk.salt())


async def ciphertext_of(desk: Desk, sha256: str) -> bytes:
    """A box's ciphertext from our blobs; raises MissingError if it is not there."""
    data = await desk.off(desk.blobs.get, sha256)
    if data is None:
        raise MissingError(f"blob {sha256[:16]}… is not in this node's store")
    return data
