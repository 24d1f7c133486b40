"""The tests bite: with one part of one check switched off, the attack that it stops is proven.

One planted bug for each of the seven checks. If such a test fails, either the attack is stopped
twice (then plant the bug deeper) or the check was never the one that stopped it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest

from node.core.evidence import (
    anchors,
    cosignatures,
    form,
    recount,
    redraw,
    signatures,
    streams,
)
from node.core.evidence.verify import verify
from node.core.records.kinds.draws import DrawPicked
from node.core.rules import fold, result, tender
from node.core.rules.state import Phase, Placed, TenderState, with_draw
from tests.attacks import forgeries
from tests.attacks.forgeries import evidence_of, forged
from tests.attacks.test_forgeries import _tender, found, repacked, rewritten
from tests.world.scripts import JP
from tests.world.session import Whole, evidence, world

Attack = Callable[[], tuple[Whole, bytes]]


def nothing(*_: object, **__: object) -> None:
    """A check that checks nothing."""


def shown_to_the_wrong_reader() -> tuple[Whole, bytes]:
    """The regulator's file, handed out as the public's."""
    file = json.loads(evidence("jp", "regulator"))
    file["reader"] = "public"
    return world("jp"), repacked(file)


def by(kind: type[Whole]) -> Attack:
    """A forged tender."""
    return lambda: (forged(kind, "jp"), evidence_of(forged(kind, "jp")))


def short_notice() -> tuple[Whole, bytes]:
    """Five days where fourteen are due."""
    made = forgeries.ShortNotice(replace(JP, name="tsuchiura-short", days=5)).run()
    return made, evidence_of(made)


CASES: dict[str, tuple[Attack, int, object, str]] = {
    "1 form": (shown_to_the_wrong_reader, 1, form, "_check_level"),
    "2 signatures": (by(forgeries.ForeignBuyer), 2, signatures, "check_signature"),
    "3 streams, lodged": (by(forgeries.HiddenDraw), 3, streams, "_check_lodged"),
    "4 cosignatures": (by(forgeries.LyingClock), 4, cosignatures, "_check_clock"),
    "5 anchors": (
        lambda: rewritten(JP, _tender(result=b"\1" * 32)),
        5,
        anchors,
        "_check_result",
    ),
    "6 rules": (short_notice, 6, tender, "_check_times"),
}


@pytest.mark.parametrize("name", CASES)
def test_without_one_part_of_a_check_its_attack_is_proven(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack, number, module, part = CASES[name]
    made, data = attack()
    trust = made.net.trust()
    assert found(verify(data, trust))[:2] == (1, number)
    monkeypatch.setattr(module, part, nothing)
    assert found(verify(data, trust)) == (0, 0, "")


def _blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the rules: a result is taken as stated."""
    monkeypatch.setattr(result, "result_of", nothing)
    monkeypatch.setattr(result, "_check_consistent", nothing)


@pytest.mark.parametrize("name", ["jp", "cn"])
def test_wrong_winner_that_the_rules_let_pass_is_found_by_the_recount(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 result: it shares no code with the rules, so one bug does not blind both."""
    made = forged(forgeries.AnotherWinner, name)
    data, trust = evidence_of(made), made.net.trust()
    _blind(monkeypatch)
    assert found(verify(data, trust)) == (1, 7, "result")
    monkeypatch.setattr(recount, "_check_result", nothing)
    assert found(verify(data, trust)) == (0, 0, "")


def test_own_picks_that_the_rules_let_pass_are_found_by_the_redraw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """7 result, draw: the picks are ordered once more by other code."""
    made = forged(forgeries.OwnPicks, "jp")
    data, trust = evidence_of(made), made.net.trust()
    patch_table(monkeypatch)
    assert found(verify(data, trust)) == (1, 7, "draw")
    monkeypatch.setattr(redraw, "_check_picks", nothing)
    assert found(verify(data, trust)) == (0, 0, "")


def patch_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the rules: picks are taken as stated."""

    def take(state: TenderState, _: Placed, body: DrawPicked) -> TenderState:
        return replace(with_draw(state, picked=body), phase=Phase.PICKED)

    rule = replace(fold.TABLE["draw.picked/v1"], apply=take)
    monkeypatch.setattr(fold, "TABLE", MappingProxyType({**fold.TABLE, "draw.picked/v1": rule}))
