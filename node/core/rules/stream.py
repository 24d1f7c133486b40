"""How a stream begins, and how the host answers what no rule allows.

Source: protocol.md sections 2, 4, 7, 10.3. Place 0 names network, keeper, rule set and kinds;
place 1 is `registry.noted`; both are judged by place 1. A later `registry.noted` may stand at any
place and never goes back to an older block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.rules.change import replace
from node.core.rules.state import Phase

if TYPE_CHECKING:
    from node.core.records.kinds.streams import RecordRefused, RegistryNoted, StreamOpened
    from node.core.rules.state import Placed, TenderState

FOUNDING = "protocol 2"
REGISTRY = "protocol 7"


def check_opening(placed: Placed, body: StreamOpened, kind: str) -> None:
    """Accept only a first record that founds a stream of this kind, signed by its keeper."""
    if body.kind != kind:
        raise RuleError(f"a {kind} stream cannot open as {body.kind}", article=FOUNDING)
    if placed.header.author.partition(":")[2] != body.keeper:
        raise RuleError("only its keeper opens a stream", article=FOUNDING)
    if (body.of is None) == (kind == "side"):
        raise RuleError("`of` names the host's stream, in a side stream only", article=FOUNDING)
    if tuple(sorted(set(body.kinds))) != body.kinds:
        raise RuleError("kinds stand sorted and once", article=FOUNDING)


def check_registry(body: RegistryNoted, before: RegistryNoted | None) -> None:
    """Accept only a well-ordered registry view that is not older than the last one."""
    ids = [entry.id for entry in body.entries]
    if ids != sorted(set(ids)):
        raise RuleError("entries stand sorted by id, each once", article=REGISTRY)
    for entry in body.entries:
        keys = [(key.role, key.key) for key in entry.keys]
        if keys != sorted(set(keys)):
            raise RuleError(f"keys of {entry.id} stand sorted, each once", article=REGISTRY)
    if body.block > body.height or (before is not None and before.height > body.height):
        raise RuleError("a registry view never goes back", article=REGISTRY)


def stream_opened(state: TenderState, placed: Placed, body: StreamOpened) -> TenderState:
    """Found the tender's stream."""
    check_opening(placed, body, "tender")
    return replace(state, phase=Phase.OPENED, stream=placed.id, opened_as=body)


def registry_noted(state: TenderState, placed: Placed, body: RegistryNoted) -> TenderState:
    """Take over the members as of a block; place 1 must be this."""
    check_registry(body, state.registry)
    phase = Phase.FOUNDED if state.phase is Phase.OPENED else state.phase
    return replace(state, phase=phase, registry=body)


def record_refused(state: TenderState, placed: Placed, body: RecordRefused) -> TenderState:
    """Remember that the host refused a lodged record; once for each."""
    if body.record in state.refused:
        raise RuleError("this record was refused before", article="protocol 4")
    return replace(state, refused=state.refused | {body.record})
