"""Our part in the beacon: a secret is on the disk before anybody hears of it, and said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from node.core.rules import drawing
from node.core.rules.draw import commitment
from node.core.rules.rounds import BeaconRound
from node.services import beacon
from node.services.beacon import Beacon, Seed
from node.services.ports import Block, RoundWord
from tests.simulators.memory_store import MemoryStore
from tests.simulators.sources import NOON, HandClock, SeededEntropy

ME, OTHER, HOST = "a" * 40, "b" * 40, "c" * 40
NEW, WAITS, READY, DONE, WHOLE, LATE, NEXT, THEIRS, LOST = (digit * 64 for digit in "123456789")
"""Of the last one the secret is gone with the disk that held it."""


class Rounds:
    """A chain with rounds; what was said there, and what stood in the store by then."""

    account = ME

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.asked: list[str] = []
        self.said: list[tuple[str, RoundWord]] = []

    def seen(self) -> Block:
        """By its clock all rounds but one are open."""
        return Block(7, "bb" * 32, NOON)

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        self.asked += [one for one, _ in asked]
        mine, both = {ME: "1" * 64}, {ME: "1" * 64, OTHER: "2" * 64}
        at = {
            NEW: (NOON + 9, {}, {}),
            WAITS: (NOON + 9, mine, {}),
            READY: (NOON + 9, both, {}),
            LOST: (NOON + 9, both, {}),
            DONE: (NOON + 9, both, mine),
            WHOLE: (NOON + 9, both, both),
            LATE: (NOON - 1, {}, {}),
            NEXT: (NOON + 9, both, {}),
        }
        return [
            BeaconRound(
                one, 0, by, by, (OTHER,) if one == THEIRS else (ME, OTHER), commits, secrets
            )
            for one, (by, commits, secrets) in (
                (one, at.get(one, at[NEW])) for one, _ in asked if one[0] != "0"
            )
        ]

    def say(self, commitments: Sequence[RoundWord], secrets: Sequence[RoundWord]) -> None:
        for what, words in (("commit", commitments), ("reveal", secrets)):
            for one in words:
                assert self.store.fact(f"beacon/{one.round}"), "said before it was kept"
                self.said.append((what, one))


def made(monkeypatch: pytest.MonkeyPatch) -> tuple[Beacon, Rounds]:
    store = MemoryStore()
    chain = Rounds(store)
    firsts = (NEW, WAITS, READY, DONE, WHOLE, LATE, THEIRS, LOST)
    for kept in (WAITS, READY, DONE, WHOLE, NEXT):
        store.put_fact(f"beacon/{kept}", "5a" * 32)
    rounds = [(one, NEXT if one == LATE else "0" + one[1:]) for one in firsts]
    awaited = [Seed(HOST, of_number.__getitem__) for of_number in rounds]
    monkeypatch.setattr(beacon, "expected_seeds", lambda _states, _now: awaited)
    monkeypatch.setattr(drawing, "MAX_VOIDED", 2)
    return Beacon(cast(Any, chain), store, SeededEntropy("beacon"), HandClock()), chain


def test_each_round_gets_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, chain = made(monkeypatch)
    ours.answer([])
    secret = {one: chain.store.fact(f"beacon/{one}") or "" for one in (NEW, READY, NEXT)}
    said = commitment(NEW, bytes.fromhex(ME), bytes.fromhex(secret[NEW])).hex()
    assert chain.said == [
        ("commit", RoundWord(NEW, HOST, said)),
        ("reveal", RoundWord(READY, HOST, secret[READY])),
        ("reveal", RoundWord(NEXT, HOST, secret[NEXT])),
    ]
    ours.answer([])
    assert chain.said[3:] == chain.said[:3], "another secret after a second look"
    assert chain.store.fact(f"beacon/{LOST}") is None, "an invented secret is none"


def test_the_next_round_is_asked_for_only_after_one_that_is_open_and_not_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, chain = made(monkeypatch)
    ours.answer([])
    waiting = [NEW, WAITS, READY, DONE, THEIRS, LOST]
    later = ["0" + one[1:] for one in waiting]
    later.insert(4, NEXT)
    assert chain.asked[8:] == later, "not the one after the whole round"
