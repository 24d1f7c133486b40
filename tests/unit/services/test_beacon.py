"""Our part in the beacon: a secret is on the disk before anybody hears of it, and said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from node.core.errors import NodeError
from node.core.rules.draw import commitment
from node.services import beacon
from node.services.beacon import Beacon
from node.services.ports import BeaconRound, RoundWord
from tests.simulators.memory_store import MemoryStore
from tests.simulators.sources import NOON, HandClock, SeededEntropy

ME, OTHER, HOST = "a" * 40, "b" * 40, "c" * 40
NEW, WAITS, READY, DONE, LATE = (digit * 64 for digit in "12345")


class Rounds:
    """A chain with five rounds; what was said there, and what stood in the store by then."""

    account = ME

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.refuses = store, False
        self.said: list[tuple[str, RoundWord]] = []

    def rounds_for_us(self) -> list[tuple[str, str]]:
        return [(one, HOST) for one in (NEW, WAITS, READY, DONE, LATE)]

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        mine, both = {ME: "1" * 64}, {ME: "1" * 64, OTHER: "2" * 64}
        at = {
            NEW: (NOON + 9, {}, {}),
            WAITS: (NOON + 9, mine, {}),
            READY: (NOON + 9, both, {}),
            DONE: (NOON + 9, both, mine),
            LATE: (NOON - 1, {}, {}),
        }
        return [
            BeaconRound(one, 0, by, by, (ME, OTHER), commits, secrets)
            for one, (by, commits, secrets) in ((one, at[one]) for one, _ in asked)
        ]

    def commit(self, words: Sequence[RoundWord]) -> None:
        self._say("commit", words)
        if self.refuses:
            raise NodeError("refused", code="anchor")

    def reveal(self, words: Sequence[RoundWord]) -> None:
        self._say("reveal", words)

    def _say(self, what: str, words: Sequence[RoundWord]) -> None:
        for one in words:
            assert self.store.fact(f"beacon/{one.round}"), "said before it was kept"
            self.said.append((what, one))


def made(monkeypatch: pytest.MonkeyPatch) -> tuple[Beacon, Rounds]:
    store = MemoryStore()
    chain = Rounds(store)
    awaited = {one: HOST for one, _ in chain.rounds_for_us()}
    monkeypatch.setattr(beacon, "expected_rounds", lambda _states, _now: awaited)
    return Beacon(cast(Any, chain), store, SeededEntropy("beacon"), HandClock()), chain


def test_each_round_gets_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, chain = made(monkeypatch)
    ours.answer([])
    secret = {one: chain.store.fact(f"beacon/{one}") or "" for one in (NEW, READY)}
    said = commitment(NEW, bytes.fromhex(ME), bytes.fromhex(secret[NEW])).hex()
    assert chain.said == [
        ("commit", RoundWord(NEW, HOST, said)),
        ("reveal", RoundWord(READY, HOST, secret[READY])),
    ]
    ours.answer([])
    assert chain.said[2:] == chain.said[:2], "another secret after a second look"


def test_refused_commitment_keeps_no_reveal_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, chain = made(monkeypatch)
    chain.refuses = True
    with pytest.raises(NodeError):
        ours.answer([])
    assert [what for what, _ in chain.said] == ["commit", "reveal"]
