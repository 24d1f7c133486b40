"""Receipts: one record proven to its bidder, and every byte of it holds."""

from __future__ import annotations

import pytest

from node.core.evidence.report import Verdict
from node.core.evidence.verify import verify
from node.core.log.proof import TlogProof
from node.core.records.canonical import encode
from node.core.records.place import Extra, where_hash
from tests.world.network import HOST
from tests.world.receipts import bid_receipt
from tests.world.session import world


def receipt() -> bytes:
    """The first bidder's receipt of the tender."""
    return bid_receipt(world("jp"))


def status(verdict: Verdict) -> dict[int, str]:
    """Status by number of check."""
    return {result.number: result.status for result in verdict.results}


def test_good_receipt_is_proven() -> None:
    made = world("jp")
    verdict = verify(receipt(), made.net.trust())
    assert verdict.exit_code == 0
    document = verdict.document("en")
    assert (document["kind"], document["verdict"]) == ("receipt", "proven")
    assert document["receipt"]["id"] == made.sealed[0].record
    assert document["receipt"]["stream"] == made.state.stream
    assert document["as_of"] > document["receipt"]["received"]
    assert status(verdict) == {
        1: "ok", 2: "not_run", 3: "ok", 4: "ok", 5: "not_run", 6: "not_run", 7: "not_run",
    }  # fmt: skip


def test_receipt_of_a_log_that_is_not_trusted() -> None:
    logs = [log for log in world("jp").net.policy()["logs"] if HOST not in log["origin"]]
    verdict = verify(receipt(), world("jp").net.trust(logs=logs))
    assert status(verdict)[4] == "failed"
    assert verdict.exit_code == 1


@pytest.mark.parametrize("step", range(7))
def test_no_flipped_bit_of_a_receipt_is_proven(step: int) -> None:
    data, trust = receipt(), world("jp").net.trust()
    for at in range(step, len(data), 7):
        for bit in (0, 3, 5):
            flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            assert verify(flipped, trust).exit_code != 0, (at, bit)


def test_receipt_of_another_record() -> None:
    """The host opens another *what* for the same entry: the entry is another one then."""
    made = world("jp")
    log = made.net.logs[HOST]
    places = log.streams[made.state.stream].places
    mine, other = places[4], places[5]
    size, note = next(pair for pair in log.notes if pair[0] > mine.index)
    extra = encode(Extra(other.what, where_hash(mine.where)))
    forged = TlogProof(mine.index, extra, log.tree.inclusion(mine.index, size), note)
    assert status(verify(forged.encode().encode(), made.net.trust()))[3] == "failed"
