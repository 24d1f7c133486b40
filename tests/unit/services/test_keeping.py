"""Keeping the chain's proofs: one host's wrong stream keeps nobody else's tender unproven."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.core.errors import NodeError, StateError, UnavailableError
from node.core.evidence.links import LinkError
from node.services.keeping import Keeping

WRONG = LinkError("round", "", "a round of no draw")
ANCHOR = NodeError("no such round", code="anchor")
LATER = StateError("not yet", code="too-early")


class Scripted(Keeping):
    """Tenders with what happens to each when it is its turn."""

    turns: dict[str, list[Exception | None]]

    def due(self) -> Any:  # noqa: ANN401 - as little of a stream as is needed
        rows = [SimpleNamespace(row=SimpleNamespace(id=name, tender=name)) for name in self.turns]
        return [one for one in rows if one.row.id not in self.done]

    def keep(self, host: Any) -> bool:  # noqa: ANN401
        error = self.turns[host.row.id].pop(0)
        if error is not None:
            raise error
        self.done.add(host.row.id)
        return True


def keeping(**turns: list[Exception | None]) -> Scripted:
    made = Scripted(cast(Any, None), cast(Any, None))
    made.turns = turns
    return made


@pytest.mark.parametrize("error", [WRONG, ANCHOR])
def test_tender_that_can_never_be_proven_is_told_once_and_others_are_kept(
    error: Exception,
) -> None:
    told: list[tuple[str, Exception]] = []
    made = keeping(a=[error], b=[None])
    for _ in range(3):
        made.keep_due(lambda what, error: told.append((what, error)))
    assert told == [("proof of a", error)]
    assert made.done == {"a", "b"}


def test_what_is_not_there_yet_is_tried_again() -> None:
    made = keeping(a=[LATER, None], b=[None])
    made.keep_due(lambda *_: pytest.fail("nothing is wrong"))
    assert made.done == {"b"}
    made.keep_due(lambda *_: pytest.fail("nothing is wrong"))
    assert made.done == {"a", "b"}


def test_silent_chain_ends_the_turn() -> None:
    made = keeping(a=[UnavailableError("silent", code="chain")], b=[])
    with pytest.raises(UnavailableError):
        made.keep_due(lambda *_: None)
    assert made.done == set()
