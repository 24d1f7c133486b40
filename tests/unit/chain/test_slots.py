"""Slot numbers: the compiler's layout, the collecting side and the judging side must agree."""

from __future__ import annotations

from typing import Any

import pytest

from chain import slots
from chain.abi import artifact
from node.core.evidence import anchor_devnet as core

ACCOUNT = "0x" + "1f" * 20
OPENER = "0x" + "e7" * 20
STREAM = bytes(range(32))


def raw(account: str) -> bytes:
    return bytes.fromhex(account[2:])


def layout(contract: str) -> dict[str, int]:
    items: list[dict[str, Any]] = artifact(contract)["storage"]["storage"]
    assert all(item["offset"] == 0 for item in items)
    return {item["label"]: int(item["slot"]) for item in items}


def members(contract: str, struct: str) -> list[tuple[str, int, int]]:
    kind = artifact(contract)["storage"]["types"][f"t_struct({struct})_storage"]
    return [(m["label"], int(m["slot"]), m["offset"]) for m in kind["members"]]


def test_base_slots_are_the_compilers() -> None:
    assert layout("registry")["_head"] == core.REGISTRY_HEAD
    anchor = {"_checkpoints": core.ANCHOR_CHECKPOINTS, "_tenders": core.ANCHOR_TENDERS}
    assert layout("anchor") == anchor
    assert layout("beacon") == {
        "_rounds": core.BEACON_ROUNDS,
        "_commits": core.BEACON_COMMITS,
        "_secrets": core.BEACON_SECRETS,
    }


def test_words_are_packed_as_the_core_unpacks_them() -> None:
    assert members("anchor", "Checkpoint") == [("size", 0, 0), ("at", 0, 8), ("root", 1, 0)]
    assert members("anchor", "Tender") == [
        ("keeper", 0, 0),
        ("deadline", 0, 20),
        ("bidsAt", 1, 0),
        ("resultAt", 1, 8),
        ("bidsRoot", 2, 0),
        ("bidsHead", 3, 0),
        ("result", 4, 0),
        ("resultHead", 5, 0),
    ]
    assert members("beacon", "Round") == [
        ("openedAt", 0, 0),
        ("commitBy", 0, 8),
        ("revealBy", 0, 16),
        ("opener", 1, 0),
        ("commits", 1, 20),
        ("reveals", 1, 24),
        ("members", 2, 0),
    ]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_both_sides_name_the_same_slots(count: int) -> None:
    opener, account = raw(OPENER), raw(ACCOUNT)
    pairs = [
        (slots.registry_head_slots(), [core.registry_head_slot()]),
        (slots.checkpoint_slots(ACCOUNT), core.checkpoint_slots(account)),
        (slots.tender_slots(STREAM, OPENER), core.tender_slots(STREAM, opener)),
        (slots.round_slots(STREAM, OPENER, count), core.round_slots(STREAM, opener, count)),
        ([slots.commit_slot(STREAM, OPENER, ACCOUNT)], [core.commit_slot(STREAM, opener, account)]),
        ([slots.secret_slot(STREAM, OPENER, ACCOUNT)], [core.secret_slot(STREAM, opener, account)]),
    ]
    for collected, judged in pairs:
        assert collected == [slot.hex() for slot in judged]
    assert slots.round_key(STREAM, OPENER) == core.round_key(STREAM, opener)
    assert slots.tender_key(STREAM, OPENER) == core.tender_key(STREAM, opener)


def test_no_two_values_share_a_slot() -> None:
    other = "0x" + "2f" * 20
    named = [
        *slots.checkpoint_slots(ACCOUNT),
        *slots.checkpoint_slots(other),
        *slots.tender_slots(STREAM, ACCOUNT),
        *slots.tender_slots(STREAM, other),
    ]
    assert len(set(named)) == len(named)
    beacon = [
        *slots.round_slots(STREAM, OPENER, 9),
        *slots.round_slots(STREAM, other, 9),
        slots.commit_slot(STREAM, OPENER, ACCOUNT),
        slots.secret_slot(STREAM, OPENER, ACCOUNT),
        slots.secret_slot(STREAM, ACCOUNT, OPENER),
    ]
    assert len(set(beacon)) == len(beacon)
