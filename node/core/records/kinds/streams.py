"""Bodies of what founds, carries and closes a stream (protocol.md sections 2, 4, 10.3, 10.11)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from node.core.records.keys import Suite
from node.core.records.kinds.base import (
    MAX_BIDS,
    Body,
    CentreId,
    Count,
    Hex20,
    Hex32,
    HexBytes,
    Part,
    Slug,
    Text,
)

KeyRole = Literal["box", "chain", "log", "record", "tls", "witness"]
MemberRole = Literal["centre", "regulator"]
MemberStatus = Literal["active", "suspended"]


class Network(Part, frozen=True, kw_only=True):
    """Which network a stream belongs to: chain id and registry address (20 bytes, hex)."""

    chain_id: Count
    registry: Hex20


class StreamOpened(Body, frozen=True, kw_only=True):
    """First record of every stream; its id is the stream's id. `of` only in a side stream."""

    clock: Literal["system", "test"]
    hash: Literal["sha256"]
    keeper: CentreId
    kind: Literal["tender", "pool", "centre", "side"]
    kinds: Annotated[tuple[str, ...], msgspec.Meta(max_length=200)]
    network: Network
    ruleset: Hex32
    of: Hex32 | None = None


class RegistryKey(Part, frozen=True, kw_only=True):
    """One key of a member in one role."""

    key: HexBytes
    role: KeyRole
    suite: Suite


class RegistryEntry(Part, frozen=True, kw_only=True):
    """One member as the registry names it; `keys` sorted by role, then key."""

    id: CentreId
    keys: Annotated[tuple[RegistryKey, ...], msgspec.Meta(max_length=32)]
    role: MemberRole
    status: MemberStatus


class RegistryNoted(Body, frozen=True, kw_only=True):
    """The members as of block `height`: records are judged by the last one before their place.

    `height` and `hash` are the block that was read, `block` the block of the registry's newest
    change, `proof` the development chain operator's signed note over the registry's head slot.
    """

    block: Count
    contract: Hex20
    entries: Annotated[tuple[RegistryEntry, ...], msgspec.Meta(min_length=1, max_length=500)]
    hash: Hex32
    height: Count
    proof: Annotated[str, msgspec.Meta(max_length=8192)]


class StreamEndorsed(Body, frozen=True, kw_only=True):
    """A guest has checked the host's stream up to and including this place."""

    disputes: Count
    entry: Hex32
    seq: Count


class RecordLodged(Body, frozen=True, kw_only=True):
    """Ids of records of a guest's own people, logged before they are sent to the host."""

    records: Annotated[tuple[Hex32, ...], msgspec.Meta(min_length=1, max_length=1000)]


class RecordRefused(Body, frozen=True, kw_only=True):
    """The host's answer to a lodged record that no rule allows: the code and the article."""

    article: Text
    code: Slug
    record: Hex32


class TermExpired(Body, frozen=True, kw_only=True):
    """Time as an event: valid only if its `received` is not before the term's end."""

    term: Literal["unlock", "objection"]


class ReleasedShare(Part, frozen=True, kw_only=True):
    """One share of one box: `box` is the id of the record that holds the box."""

    box: Hex32
    index: Annotated[int, msgspec.Meta(ge=1, le=255)]
    salt: Hex32
    share: Hex32


class ShareReleased(Body, frozen=True, kw_only=True):
    """A holder's shares, shown only after the releasing record `by` stands in the stream."""

    by: Hex32
    shares: Annotated[tuple[ReleasedShare, ...], msgspec.Meta(max_length=MAX_BIDS)]


class DisputeRaised(Body, frozen=True, kw_only=True):
    """A guest's dissent: which place of the host's stream breaks which rule."""

    article: Text
    code: Slug
    entry: Hex32
    seq: Count
