"""Whole forgeries, each named by the attack: exit 1, and the link that gives it away."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.core.evidence.report import Verdict
from node.core.evidence.verify import verify
from node.core.records.canonical import encode
from tests.attacks import forgeries
from tests.attacks.forgeries import alone, evidence_of, forged
from tests.world.network import HOST
from tests.world.scripts import JP, Script
from tests.world.session import Whole, evidence, world

Found = tuple[int, int, str]


def found(verdict: Verdict) -> Found:
    """Exit code, number of the first broken check, its code."""
    first = verdict.first_broken
    return verdict.exit_code, first.number if first else 0, _code(verdict)


def _code(verdict: Verdict) -> str:
    first = verdict.first_broken
    return first.broken.link if first is not None and first.broken is not None else ""


def judge(made: Whole, data: bytes) -> Found:
    """Under the policy of the network that made it."""
    return found(verify(data, made.net.trust()))


def test_the_same_tender_under_fresh_keys_of_everybody() -> None:
    other = Whole(replace(JP, name="tsuchiura-example2")).run()
    assert judge(other, evidence_of(other)) == (0, 0, "")
    assert found(verify(evidence_of(other), world("jp").net.trust())) == (1, 4, "cosignature")


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (forgeries.AnotherWinner, "jp", "endorsement-differs"),
        (forgeries.DroppedBid, "jp", "endorsement-differs"),
        (forgeries.SwappedSheet, "cn", "endorsement-differs"),
        (forgeries.OwnPicks, "jp", "endorsement-differs"),
    ],
    ids=["another winner", "a dropped bid", "a swapped score sheet", "own picks"],
)
def test_host_alone_with_its_real_keys(kind: type[Whole], name: str, code: str) -> None:
    made = forged(kind, name)
    assert judge(made, alone(made, world(name))) == (1, 3, code)


@pytest.mark.parametrize(
    ("kind", "name", "where"),
    [
        (forgeries.AnotherWinner, "jp", "result.consolidated/v1"),
        (forgeries.AnotherWinner, "cn", "result.consolidated/v1"),
        (forgeries.DroppedBid, "jp", "bids.closed/v1"),
        (forgeries.SwappedSheet, "cn", "sheet.opened/v1"),
        (forgeries.OwnPicks, "jp", "draw.picked/v1"),
        (forgeries.OpenSecondDraw, "jp", "draw.requested/v1"),
        (forgeries.ShortNotice, "jp-short", "tender.announced/v1"),
    ],
)
def test_host_with_everybody_signing_along(kind: type[Whole], name: str, where: str) -> None:
    """Even then the rules do not let it pass, at the very record."""
    check_refused_at(short_notice() if name == "jp-short" else forged(kind, name), where)


def check_refused_at(made: Whole, where: str) -> None:
    """The rules refuse it, at a record of this type and at none before."""
    data = evidence_of(made)
    verdict = verify(data, made.net.trust())
    assert found(verdict) == (1, 6, "rule")
    first = verdict.first_broken
    assert first is not None
    assert first.broken is not None
    assert kind_at(data, first.broken.where) == where


def short_notice() -> Whole:
    """A tender of five days' notice."""
    return forgeries.ShortNotice(replace(JP, name="tsuchiura-short", days=5)).run()


def kind_at(data: bytes, where: str) -> str:
    """The type of the record at a path of the file."""
    node: Any = json.loads(data)
    for step in where.split("/")[1:]:
        node = node[int(step) if step.isdigit() else step]
    return str(json.loads(base64.b64decode(node["envelope"]["payload"]))["type"])


def test_a_disputed_result_that_the_host_goes_on_with() -> None:
    made = forged(forgeries.Disputed, "jp")
    assert judge(made, evidence_of(made)) == (1, 3, "disputed")


def test_a_dropped_dispute() -> None:
    """The host shows the guest's stream only up to before the dispute."""
    made = forged(forgeries.Disputed, "jp")
    file = json.loads(evidence_of(made))
    side = next(s for s in file["streams"][1:] if s["keeper"] == "changsha")
    kinds = [kind_at_place(place) for place in side["places"]]
    side["places"] = side["places"][: kinds.index("dispute.raised/v1")]
    assert judge(made, repacked(file)) == (1, 3, "endorsement")


def kind_at_place(place: dict[str, Any]) -> str:
    """The type of a record in the file."""
    return kind_at(json.dumps({"p": place}).encode(), "/p")


def repacked(file: dict[str, Any]) -> bytes:
    """The file's canonical bytes after a change."""
    return encode(file) + b"\n"


def test_a_second_draw_hidden() -> None:
    made = forged(forgeries.HiddenDraw, "jp")
    assert judge(made, evidence_of(made)) == (1, 3, "lodged-lost")


def test_award_signed_by_another_than_the_buyer() -> None:
    made = forged(forgeries.ForeignBuyer, "jp")
    assert judge(made, evidence_of(made)) == (1, 2, "signature")


def test_window_ended_early_by_a_lying_clock() -> None:
    made = forged(forgeries.LyingClock, "jp")
    assert judge(made, evidence_of(made)) == (1, 4, "clock")


# --- the chain says otherwise ---------------------------------------------------------------------


def rewritten(script: Script, change: Callable[[Whole], None]) -> tuple[Whole, bytes]:
    """An honest tender whose chain was written otherwise before the proofs were taken."""
    made = Whole(script).run()
    change(made)
    return made, evidence_of(made)


def _tender(**values: bytes | int) -> Callable[[Whole], None]:
    def change(made: Whole) -> None:
        account = bytes.fromhex(made.net.members[HOST].account)
        made.net.chain.set_tender(made.state.stream, account, **values)

    return change


@pytest.mark.parametrize(
    "values",
    [
        {"deadline": 1_774_227_601},
        {"deadline": 1_777_000_000},
        {"bids_root": b"\1" * 32},
        {"bids_head": b"\1" * 32},
        {"result": b"\1" * 32},
        {"result_head": b"\1" * 32},
    ],
    ids=["an earlier deadline", "a later deadline", "bids_root", "bids_head", "result", "head"],
)
def test_chain_holds_another_value(values: dict[str, bytes | int]) -> None:
    assert judge(*rewritten(JP, _tender(**values))) == (1, 5, "anchor")


def test_another_checkpoint_anchored_at_the_same_size() -> None:
    def change(made: Whole) -> None:
        log = made.net.logs[HOST]
        made.net.chain.anchor_checkpoint(log.member.account, log.tree.size, b"\1" * 32)

    assert judge(*rewritten(JP, change)) == (1, 5, "anchor")


VOID = [
    {"chain_away": True},
    {"silent": (HOST,)},
    {"silent": (HOST, "changsha")},
    {"silent": (HOST, "changsha", "xiangtan")},
]
"""What may void a round: the chain, the host itself, all but one, everybody."""


@pytest.mark.parametrize("why", VOID)
def test_draw_goes_on_whoever_was_silent_in_a_round(why: dict[str, Any]) -> None:
    made = Whole(replace(JP, name="tsuchiura-void", **why)).run()
    data = evidence_of(made)
    assert judge(made, data) == (0, 0, "")
    assert verify(data, made.net.trust()).facts["void_rounds"] == 1


def test_registry_on_the_chain_is_another() -> None:
    """A member's key was exchanged in the descriptors that the file shows."""
    data = evidence("jp", "regulator")
    file = json.loads(data)
    key = file["registry"][0]["descriptor"]["keys"][0]
    key["key"] = "00" * (len(key["key"]) // 2)
    assert judge(world("jp"), repacked(file))[:2] == (1, 5)


# --- late and missing anchors are told, not held against the file ---------------------------------


def test_anchors_not_yet_written_are_said_in_the_verdict() -> None:
    def change(made: Whole) -> None:
        made.net.chain.slots["anchor"].clear()
        for log in made.net.logs.values():
            log.anchored = None

    made, data = rewritten(JP, change)
    verdict = verify(data, made.net.trust())
    assert verdict.exit_code == 0
    assert {remark.code for remark in verdict.remarks} == {"anchor-missing"}
    assert len(verdict.remarks) == 3 + len(made.net.logs)


def test_late_anchors_are_said_in_the_verdict() -> None:
    def change(made: Whole) -> None:
        _tender(bids_at=made.net.now)(made)
        log = made.net.logs["changsha"]
        size = log.notes[2][0]
        log.anchored = size
        made.net.chain.anchor_checkpoint(log.member.account, size, log.tree.root(size))

    made, data = rewritten(JP, change)
    verdict = verify(data, made.net.trust())
    assert verdict.exit_code == 0
    assert [remark.code for remark in verdict.remarks] == ["anchor-late", "anchor-late"]
