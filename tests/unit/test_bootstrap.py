"""A node's first look at the chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chain.errors import ChainUnavailable
from chain.facts import Block, Look
from node import bootstrap

SETTINGS = cast("Any", SimpleNamespace(chain=SimpleNamespace(rpc="rpc", registry="00" * 20)))
NEWEST = Block(7, "ab", 5)
KEYS = cast("Any", SimpleNamespace(chain=b"key"))


@pytest.mark.parametrize("at", ["operator", "look", "latest", "registry_changes"])
def test_chain_killed_at_any_call_of_the_first_look_is_waited_for(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that gave up there had to be started again by hand, although the chain came back."""
    asked: list[str] = []

    def call(name: str, answer: object) -> Any:  # noqa: ANN401 - a method
        def method(*_: object) -> object:
            asked.append(name)
            if name == at and asked.count(name) == 1:
                raise ChainUnavailable("killed")
            return answer

        return method

    client = SimpleNamespace(
        contracts={"registry": "0x" + "00" * 20},
        chain_id=20260,
        operator=call("operator", "vkey"),
        look=call("look", Look(NEWEST, b"head", ())),
        latest=call("latest", NEWEST),
        registry_changes=call("registry_changes", []),
    )
    monkeypatch.setattr("node.bootstrap.ChainClient.at_registry", lambda *_: client)
    proof = SimpleNamespace(note="note")
    monkeypatch.setattr("node.adapters.ledger.registry_proof", lambda *_: proof)
    _, facts, block, view = bootstrap._chain(SETTINGS, KEYS)
    assert (facts.chain_id, block.number, view.height) == (20260, 7, 7)
    assert asked.count(at) >= 2
