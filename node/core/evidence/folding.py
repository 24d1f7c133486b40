"""Check 6, rules: every stream folded from its first record to its last.

Source: protocol.md 1, 2. The same functions as in every node run here. What it proves: each record
was allowed at its place, by the rule set that the tender's first record names; it holds against
everybody, as far as bodies are shown to this reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.rules import fold, side
from node.core.rules.side import OwnState
from node.core.rules.state import Placed, TenderState

if TYPE_CHECKING:
    from node.core.evidence.bundle import Place, Stream
    from node.core.evidence.case import Case


def check(case: Case) -> None:
    """Check 6; gives the case the tender's last state. Raises LinkError."""
    state = TenderState(case.rules)
    for place in case.host.places:
        state = _step(place, state)
    for stream in case.evidence.streams[1:]:
        _run_own(stream)
    case.state = state


def _step(place: Place, state: TenderState) -> TenderState:
    placed = _placed(place)
    if placed is None:
        raise LinkError("rule", place.path, "a place of the tender's stream is not shown")
    try:
        return fold.apply(state, placed)
    except NodeError as error:
        raise LinkError("rule", place.path, error.detail, article=error.article) from None


def _run_own(stream: Stream) -> None:
    state = OwnState(stream.kind)
    for place in stream.places:
        placed = _placed(place)
        if placed is None:
            raise LinkError("rule", place.path, "a place of this stream is not shown")
        try:
            state = side.apply_own(state, placed)
        except NodeError as error:
            raise LinkError("rule", place.path, error.detail, article=error.article) from None


def _placed(place: Place) -> Placed | None:
    if place.opened is None:
        return None
    opened = place.opened
    return Placed(place.seq, place.entry, place.received, opened.id, opened.header, place.body)
