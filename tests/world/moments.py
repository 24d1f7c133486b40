"""Single records of a finished tender, with the state before them: told again, or told otherwise.

A test takes an honest moment, changes one thing, and asks what the rules say. Signatures are not
judged by the fold, so header and body may be changed freely.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import structs

from node.core.errors import NodeError
from node.core.records.envelope import Seen
from node.core.rules.fold import TABLE, apply
from node.core.rules.state import TenderState
from tests.world.run import Said
from tests.world.session import world


def moment(tender: str, kind: str, number: int = 0) -> Said:
    """The number-th record of a kind (`bid.sealed`) in a finished tender; -1 is the last."""
    found = [said for said in world(tender).said if said.placed.header.type == f"{kind}/v1"]
    return found[number]


def body(said: Said, **members: Any) -> Said:  # noqa: ANN401 - members of any body
    """The same with other members in its body."""
    assert said.placed.body is not None
    return replace(
        said, placed=replace(said.placed, body=structs.replace(said.placed.body, **members))
    )


def header(said: Said, **members: Any) -> Said:  # noqa: ANN401 - members of a header
    """The same with other members in its header."""
    return replace(
        said, placed=replace(said.placed, header=structs.replace(said.placed.header, **members))
    )


def place(said: Said, **members: Any) -> Said:  # noqa: ANN401 - members of a place
    """The same at another place or time, or without its body."""
    return replace(said, placed=replace(said.placed, **members))


def before(said: Said, **members: Any) -> Said:  # noqa: ANN401 - members of a state
    """The same after another past."""
    return replace(said, before=replace(said.before, **members))


def again(said: Said, state: TenderState) -> Said:
    """The same record told once more in another state of its own or another tender."""
    seq, old = len(state.entries), said.placed.header
    seen = None if old.seen is None else Seen(seq=seq - 1, entry=state.entries[-1])
    new = structs.replace(old, stream=state.stream, seen=seen)
    placed = replace(said.placed, seq=seq, received=state.received, header=new)
    return Said(state, placed)


def saw(said: Said, seq: int) -> Said:
    """The same by an author who says to have seen this place."""
    return header(said, seen=Seen(seq=seq, entry=said.before.entries[seq]))


def after(said: Said) -> TenderState:
    """The state after it. Raises what the rules say."""
    return apply(said.before, said.placed)


def refusal(said: Said) -> str:
    """What the rules say against it, with the article they cite. Fails if they say nothing."""
    try:
        apply(said.before, said.placed)
    except NodeError as error:
        return str(error) if not error.article else f"{error.detail} [{error.article}]"
    raise AssertionError(f"{said.placed.header.type} was accepted")


def unseen(tender: str, kind: str, number: int = 0) -> Said:
    """The same as `moment` for a reader from whom every body that may be withheld is withheld."""
    wanted = moment(tender, kind, number).placed
    state = world(tender).said[0].before
    for said in world(tender).said:
        hidden = TABLE[said.placed.header.type].hidden
        placed = replace(said.placed, body=None) if hidden else said.placed
        if placed.seq == wanted.seq:
            return Said(state, placed)
        state = apply(state, placed)
    raise AssertionError(f"{tender} has no such {kind}")
