"""Sealed bids by the hundred, made by the bidders' own code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.adapters.drawer import FileDrawer
from node.adapters.entropy import SystemEntropy
from node.core.records.box import BoxContext, MadeBox, make_box
from node.core.records.envelope import PAYLOAD_TYPE, pae
from node.core.records.keys import key_id, signer_from_seed
from node.core.records.kinds.tender import BidSealed
from node.services.actors.bidder import box_key
from node.services.actors.pen import Pen

if TYPE_CHECKING:
    from node.core.rules.state import TenderState
    from node.services.ports import Submission

PACKAGE = bytes(1500)
"""About as long as a bid's package; padded to whole blocks, as any."""


@dataclass(frozen=True, slots=True)
class MadeBid:
    """A bid as it is sent, and its signature as libsodium checks it: signed message, public key."""

    item: Submission
    signed: bytes
    key: bytes


def box_for(state: TenderState) -> MadeBox:
    """One box for the holders of a tender."""
    draw = SystemEntropy().bytes
    context = BoxContext(key=draw(32).hex(), lot=state.lot.id, purpose="bid", stream=state.stream)
    holders = [(name, box_key(state, name)) for name in state.terms.holders]
    return make_box(PACKAGE, context, holders, state.terms.threshold, draw)


def bids_for(state: TenderState, box: MadeBox, drawer: FileDrawer, now: int) -> Iterator[MadeBid]:
    """Bids of one bidder after the other, each signed with a fresh key; all with the same box."""
    draw = SystemEntropy().bytes
    while True:
        signer = signer_from_seed("ed25519", draw(32))
        body = BidSealed(box=box.box, key=signer.public, salt=draw(32).hex())
        pen = Pen(f"bidder:{key_id(signer.public)}", signer, drawer)
        item = pen.sign(("bid.sealed/v1", body, box), state, now).item
        opened = item.opened
        signed = opened.signature + pae(PAYLOAD_TYPE, opened.header_bytes)
        yield MadeBid(item, signed, bytes.fromhex(signer.public.key))
