"""A node that was killed and is started again does not end the demo that asks it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from node.cli.demo.patience import PatientOperator
from node.core.errors import InvalidError, NodeError, UnavailableError
from node.services.ports.operator import Status


@dataclass
class Away:
    """A node that raises these one after the other, then answers."""

    errors: list[NodeError]
    asked: list[str] = field(default_factory=list)

    def _say(self, what: str) -> None:
        self.asked.append(what)
        if self.errors:
            raise self.errors.pop(0)

    async def status(self) -> Status:
        self._say("status")
        return Status(1, 1, 0, 0)

    async def open_tender(self, tender: str, ruleset: str) -> str:
        self._say(f"{tender} {ruleset}")
        return "stream"

    async def evidence(self, stream: str, reader: str) -> bytes:
        self._say(f"{stream} {reader}")
        return b"evidence"


def patient(node: Away, away_s: float = 5.0) -> PatientOperator:
    return PatientOperator(node, again_s=0.001, away_s=away_s)


def test_node_that_comes_back_is_asked_again() -> None:
    node = Away([UnavailableError("killed"), UnavailableError("killed")])
    assert asyncio.run(patient(node).open_tender("t", "r")) == "stream"
    assert node.asked == ["t r"] * 3
    node.errors.append(UnavailableError("killed"))
    assert asyncio.run(patient(node).evidence("s", "public")) == b"evidence"


def test_node_that_stays_away_is_told_of() -> None:
    node = Away([UnavailableError("killed")] * 1000)
    with pytest.raises(UnavailableError):
        asyncio.run(patient(node, away_s=0.01).evidence("s", "public"))


def test_refusal_is_an_answer_and_status_is_asked_once() -> None:
    with pytest.raises(InvalidError):
        asyncio.run(patient(Away([InvalidError("no such rule set")])).open_tender("t", "r"))
    node = Away([UnavailableError("killed")])
    with pytest.raises(UnavailableError):
        asyncio.run(patient(node).status())
    assert node.asked == ["status"]
