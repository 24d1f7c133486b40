"""Side streams and pool streams: what a guest or a pool says in its own log.

Source: protocol.md sections 4 and 6. In its side stream a guest lodges its people's records,
endorses places of the host's stream or disputes them; the host cannot suppress either. After a
dispute it endorses nothing more until a record settles it. A pool publishes its snapshots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.records.kinds.draws import PoolPublished
from node.core.records.kinds.streams import (
    DisputeRaised,
    RecordLodged,
    RegistryNoted,
    StreamEndorsed,
    StreamOpened,
)
from node.core.rules.change import put, replace
from node.core.rules.fold import check_order, check_stream
from node.core.rules.membership import MEMBER_ROLES, Keyring, learn
from node.core.rules.state import Placed, empty
from node.core.rules.stream import check_opening, check_registry

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDE = "protocol 4"
POOL = "protocol 6"
FOUNDING_PLACES = 2
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "side": (
            "record.lodged/v1",
            "stream.endorsed/v1",
            "dispute.raised/v1",
            "identity.unlocked/v1",
        ),
        "pool": ("pool.published/v1",),
    }
)


@dataclass(frozen=True)
class OwnState:
    """The fold of a stream that one member alone writes: a side stream or a pool's stream."""

    kind: str
    stream: str = ""
    opened_as: StreamOpened | None = None
    keyring: Keyring = field(default_factory=Keyring)
    registry: RegistryNoted | None = None
    entries: tuple[str, ...] = ()
    received: int = 0
    lodged: Mapping[str, int] = field(default_factory=empty)
    endorsed: StreamEndorsed | None = None
    disputes: tuple[DisputeRaised, ...] = ()
    snapshots: Mapping[int, PoolPublished] = field(default_factory=empty)

    @property
    def keeper(self) -> str:
        """Whose stream it is."""
        return self.opened_as.keeper if self.opened_as else ""


def apply_own(state: OwnState, placed: Placed) -> OwnState:
    """The state after one more record; raises RuleError with its article."""
    check_order(state.entries, state.received, placed)
    check_stream(state.stream, state.opened_as, placed)
    role, _, name = placed.header.author.partition(":")
    if role not in MEMBER_ROLES or (state.opened_as is not None and name != state.keeper):
        raise RuleError("only its keeper writes this stream", article=SIDE)
    if placed.header.seen is not None or placed.header.lot is not None:
        raise RuleError("`seen` and `lot` stand in a tender's stream only", article="protocol 10.4")
    after = _founding(state, placed) if placed.seq < FOUNDING_PLACES else _saying(state, placed)
    return replace(
        after,
        entries=(*state.entries, placed.entry),
        received=placed.received,
        keyring=learn(state.keyring, placed.header, placed.body),
    )


def _founding(state: OwnState, placed: Placed) -> OwnState:
    if placed.seq == 0 and isinstance(placed.body, StreamOpened):
        check_opening(placed, placed.body, state.kind)
        return replace(state, stream=placed.id, opened_as=placed.body)
    if placed.seq == 1 and isinstance(placed.body, RegistryNoted):
        check_registry(placed.body, None)
        return replace(state, registry=placed.body)
    raise RuleError("places 0 and 1 open the stream and note the registry", article="protocol 7")


def _saying(state: OwnState, placed: Placed) -> OwnState:
    kind = placed.header.type
    if kind != "registry.noted/v1" and kind not in KINDS[state.kind]:
        raise RuleError(f"{kind} does not stand in a {state.kind} stream", article="protocol 9")
    if kind == "identity.unlocked/v1":  # whose names were read is for the regulator alone
        return state
    match placed.body:
        case RegistryNoted() as noted:
            check_registry(noted, state.registry)
            return replace(state, registry=noted)
        case RecordLodged() as lodged:
            return _lodge(state, placed, lodged)
        case StreamEndorsed() as endorsed:
            return _endorse(state, endorsed)
        case DisputeRaised() as dispute:
            return replace(state, disputes=(*state.disputes, dispute))
        case PoolPublished() as snapshot:
            return _publish(state, placed, snapshot)
    raise RuleError(f"the body of {kind} is missing", article="protocol 2")


def _lodge(state: OwnState, placed: Placed, body: RecordLodged) -> OwnState:
    lodged = state.lodged
    for record in body.records:
        if record in lodged:
            raise RuleError("this record was lodged before", article=SIDE)
        lodged = put(lodged, record, placed.seq)
    return replace(state, lodged=lodged)


def _endorse(state: OwnState, body: StreamEndorsed) -> OwnState:
    if body.disputes != len(state.disputes):
        raise RuleError("the count of disputes is wrong", article="protocol 10.3")
    if state.disputes:
        raise RuleError("a dispute is not settled: nothing may be endorsed", article="protocol 8")
    if state.endorsed is not None and body.seq <= state.endorsed.seq:
        raise RuleError("an endorsement goes forward only", article=SIDE)
    return replace(state, endorsed=body)


def _publish(state: OwnState, placed: Placed, body: PoolPublished) -> OwnState:
    epochs = [snapshot.epoch for snapshot in state.snapshots.values()]
    if epochs and body.epoch <= max(epochs):
        raise RuleError("epochs grow", article=POOL)
    return replace(state, snapshots=put(state.snapshots, placed.seq, body))
