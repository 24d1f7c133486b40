"""Receipts as the host gives them: of a place of its stream, or of an entry that has none."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

from node.core.log.merkle import leaf_hash
from node.core.log.proof import TlogProof
from node.core.records.canonical import encode
from node.core.records.place import Extra, Where, entry_bytes, entry_of, where_hash
from tests.world.chance import Chance
from tests.world.network import HOST

if TYPE_CHECKING:
    from node.core.evidence.extent import StoredPlace
    from node.core.records.place import What
    from tests.world.logs import Log
    from tests.world.session import Whole


def place_of(made: Whole, record: str) -> StoredPlace:
    """Where a record stands in the tender's stream."""
    places = made.net.logs[HOST].streams[made.state.stream].places
    return next(place for place in places if place.what.id == record)


def receipt_of(log: Log, place: StoredPlace) -> bytes:
    """The receipt of a place under the first checkpoint that holds it."""
    size, note = next(pair for pair in log.notes if pair[0] > place.index)
    extra = encode(Extra(place.what, where_hash(place.where)))
    return (
        TlogProof(place.index, extra, log.tree.inclusion(place.index, size), note).encode().encode()
    )


def bid_receipt(made: Whole, number: int = 0) -> bytes:
    """The receipt of one of the bids."""
    return receipt_of(made.net.logs[HOST], place_of(made, made.sealed[number].record))


def stray_receipt(made: Whole, what: What, keeper: str = HOST) -> bytes:
    """A member logs *what* at a place of its own making, which it shows to nobody else.

    All signatures are real: this is what a bidder gets whose bid is dropped afterwards.
    """
    chance, log = Chance("stray"), copy(made.net.logs[keeper])
    log.chance, log.tree, log.streams, log.notes = chance, deepcopy(log.tree), {}, []
    like = place_of(made, made.sealed[0].record)
    where = Where(prev=like.where.prev, salt=chance.salt(), seq=like.where.seq)
    stray = replace(like, what=what, where=where, index=log.tree.size)
    log.tree.extend([leaf_hash(entry_bytes(entry_of(what, where)))])
    log.tick(made.net.now)
    return receipt_of(log, stray)
