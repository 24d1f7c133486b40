"""Bodies of pools and draws (protocol.md section 6, 10.9, 10.10)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from node.core.records.keys import PublicKey
from node.core.records.kinds.base import (
    MAX_LIST,
    Body,
    CentreId,
    Count,
    Hex20,
    Hex32,
    HexBytes,
    Part,
    Slug,
)

Persons = Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=MAX_LIST)]


class PoolCell(Part, frozen=True, kw_only=True):
    """How many experts of a specialty and region; cells below ten are merged into `other`."""

    count: Count
    region: Slug
    specialty: Slug


class PoolPublished(Body, frozen=True, kw_only=True):
    """A snapshot of a pool: root over its salted, sorted entries. Entries stay in their centre."""

    cells: tuple[PoolCell, ...]
    epoch: Count
    root: Hex32
    size: Count


class Stratum(Part, frozen=True, kw_only=True):
    """One group of seats to fill; its number is its place in the list, from 0."""

    seats: Annotated[int, msgspec.Meta(ge=1, le=99)]
    specialty: Slug


class DrawRequested(Body, frozen=True, kw_only=True):
    """Asks the pools for a draw; the record's id is the draw id. `exclusions` is a commitment."""

    exclusions: Hex32
    factor: Annotated[int, msgspec.Meta(ge=1, le=20)]
    ground: Literal["first", "shortage"]
    number: Annotated[int, msgspec.Meta(ge=1, le=99)]
    pools: Annotated[tuple[CentreId, ...], msgspec.Meta(min_length=1, max_length=99)]
    strata: Annotated[tuple[Stratum, ...], msgspec.Meta(min_length=1, max_length=32)]


class Snapshot(Part, frozen=True, kw_only=True):
    """The pool snapshot a list was taken from: its record's place in the pool's stream."""

    epoch: Count
    root: Hex32
    seq: Count
    stream: Hex32


class DrawList(Part, frozen=True, kw_only=True):
    """All the persons of one pool fit for one stratum, in ascending order."""

    persons: Persons
    stratum: Annotated[int, msgspec.Meta(ge=0, le=31)]


class DrawJoined(Body, frozen=True, kw_only=True):
    """A pool's lists for one draw, fixed before seed 1 exists. `excluded` commits the grounds."""

    draw: Hex32
    excluded: Hex32
    lists: Annotated[tuple[DrawList, ...], msgspec.Meta(min_length=1, max_length=32)]
    snapshot: Snapshot


class RoundSecret(Part, frozen=True, kw_only=True):
    """What one member revealed in a beacon round."""

    account: Hex20
    secret: Hex32


class DrawSeeded(Body, frozen=True, kw_only=True):
    """A seed from the chain: recomputed from the secrets by everybody."""

    round: Hex32
    secrets: Annotated[tuple[RoundSecret, ...], msgspec.Meta(min_length=1, max_length=99)]
    seed: Hex32


class ExpertContacted(Body, frozen=True, kw_only=True):
    """How the call to one person of the slate ended; `evidence` commits what the pool holds."""

    draw: Hex32
    evidence: Hex32
    outcome: Literal["accepted", "declined", "unreachable"]
    person: Hex32
    stratum: Annotated[int, msgspec.Meta(ge=0, le=31)]


class PickOrder(Part, frozen=True, kw_only=True):
    """Who accepted in one stratum, in the order of seed 2: seats first, then substitutes."""

    order: Persons
    stratum: Annotated[int, msgspec.Meta(ge=0, le=31)]


class DrawPicked(Body, frozen=True, kw_only=True):
    """The outcome of a draw, recomputed by everybody from lists, answers and seeds."""

    draw: Hex32
    strata: Annotated[tuple[PickOrder, ...], msgspec.Meta(min_length=1, max_length=32)]


class DisclosedPerson(Part, frozen=True, kw_only=True):
    """Opens one seat's link after the award: who sat is the pool's entry with this key.

    `sig` is the entry key's signature over H("seat", {"key","seat","stream"}); `salt` opens
    the person, `link_salt` the link committed in `expert.seated`.
    """

    entry: PublicKey
    link_salt: Hex32
    person: Hex32
    salt: Hex32
    sig: HexBytes


class DrawDisclosed(Body, frozen=True, kw_only=True):
    """The links of a pool's seated persons, public after the award (protocol.md section 6)."""

    draw: Hex32
    persons: Annotated[tuple[DisclosedPerson, ...], msgspec.Meta(max_length=99)]


class IdentityUnlocked(Body, frozen=True, kw_only=True):
    """The regulator is about to read the names of these persons: no name without a record."""

    draw: Hex32
    ground: Literal["fitness", "complaint"]
    persons: Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=99)]
