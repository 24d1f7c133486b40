"""A receipt beside the evidence of its tender: what the host told the bidder, it told everybody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from node.core.evidence.bundle import read_evidence
from node.core.evidence.report import Verdict
from node.core.evidence.standing import compared
from node.core.evidence.verify import verify
from node.core.records.canonical import epoch_of, time_of
from node.core.records.place import What
from tests.world.network import HOST
from tests.world.receipts import bid_receipt, place_of, receipt_of, stray_receipt
from tests.world.scripts import JP
from tests.world.session import Whole, evidence, world

NOBODY = "ab" * 32


def beside(made: Whole, receipt: bytes, **files: bytes) -> Verdict:
    """The verdict on a receipt given together with evidence files."""
    trust = made.net.trust()
    verdict = verify(receipt, trust)
    assert verdict.exit_code == 0, "it holds by itself"
    return compared(verdict, {name: verify(data, trust) for name, data in files.items()})


def broken(verdict: Verdict) -> tuple[int, str, str]:
    """Number, code and place of the first broken link."""
    document = verdict.document("en")["first_broken"]
    return document["check"], document["code"], document["where"]


def dropped(name: str) -> What:
    """A bid that came when the first one came, and that no file shows."""
    made = world(name)
    return structs.replace(place_of(made, made.sealed[0].record).what, id=NOBODY)


@pytest.mark.parametrize("reader", ["public", "regulator", "centre:changsha"])
@pytest.mark.parametrize("name", ["jp", "cn", "jp-none", "cn-few"])
def test_receipt_that_stands_in_the_evidence(name: str, reader: str) -> None:
    made = world(name)
    for number in range(len(made.sealed)):
        verdict = beside(made, bid_receipt(made, number), file=evidence(name, reader))
        assert verdict.exit_code == 0
        assert verdict.document("en")["compared"] == ["file"]


@pytest.mark.parametrize("name", ["jp", "cn", "jp-none", "cn-few"])
def test_receipt_whose_record_was_dropped(name: str) -> None:
    """The host took the bid, gave its receipt, and left it out of the stream it showed."""
    verdict = beside(world(name), stray_receipt(world(name), dropped(name)),
                     file=evidence(name, "public"))  # fmt: skip
    assert broken(verdict) == (3, "receipt-missing", "/streams/0")
    assert verdict.exit_code == 1
    told = verdict.document("en")["first_broken"]["detail"]
    assert NOBODY in told
    assert "beside file" in told


def test_receipt_of_the_same_record_at_another_time() -> None:
    """The host tells the bidder that he came an hour before the time in the stream."""
    made = world("jp")
    place = place_of(made, made.sealed[0].record)
    earlier = time_of(epoch_of(place.what.received) - 3600)
    receipt = stray_receipt(made, structs.replace(place.what, received=earlier))
    verdict = beside(made, receipt, file=evidence("jp", "public"))
    assert broken(verdict) == (3, "receipt-differs", f"/streams/0/places/{place.seq}")


def test_receipt_alone_or_beside_another_tender_is_judged_as_before() -> None:
    made = world("jp")
    stray = stray_receipt(made, dropped("jp"))
    alone, other = beside(made, stray), beside(made, stray, file=evidence("cn", "public"))
    assert alone.exit_code == other.exit_code == 0
    assert alone == other == verify(stray, made.net.trust())
    assert "compared" not in alone.document("en")


def test_evidence_that_is_not_proven_gainsays_nobody() -> None:
    made = world("jp")
    forged = evidence("jp", "public").replace(b"B101", b"B109", 1)
    assert beside(made, stray_receipt(made, dropped("jp")), file=forged).exit_code == 0


def test_tender_under_way_may_still_take_the_record() -> None:
    """A file ends where its reader may see no more: what is not in it may stand after its end."""
    made = Whole(replace(JP, name="tsuchiura-receipts"))
    made.found()
    made.net.tick()
    made.bid_all()
    made.end()
    file = made.net.evidence(made.state.stream, "regulator")
    receipt = receipt_of(made.net.logs[HOST], place_of(made, made.sealed[0].record))
    assert beside(made, receipt, file=file).exit_code == 0


def ended(name: str) -> Whole:
    """A tender of this name whose report is signed; the days for objections run."""
    made = Whole(replace(JP, name=name))
    made.before_session()
    made.evaluate()
    made.end()
    return made


def test_record_of_the_files_last_second_may_still_stand_after_its_end() -> None:
    """Two records may have the same second, and the file ends with one of them."""
    made = ended("tsuchiura-second")
    file = made.net.evidence(made.state.stream, "regulator")
    last = time_of(read_evidence(file).host.places[-1].received)
    what = structs.replace(place_of(made, made.sealed[0].record).what, id=NOBODY, received=last)
    assert beside(made, stray_receipt(made, what), file=file).exit_code == 0


def test_tender_under_way_lacks_what_came_before_its_last_place() -> None:
    """The report is signed, the objection days run: that is when a bidder must be able to tell."""
    made = ended("tsuchiura-objections")
    file = made.net.evidence(made.state.stream, "regulator")
    what = structs.replace(place_of(made, made.sealed[0].record).what, id=NOBODY)
    verdict = beside(made, stray_receipt(made, what), file=file)
    assert broken(verdict) == (3, "receipt-missing", "/streams/0")


def test_receipt_of_a_partners_log_does_not_frame_the_host() -> None:
    """A guest logs a record that never was, for the host's stream, in its own log."""
    made = world("jp")
    for what in (dropped("jp"), place_of(made, made.sealed[0].record).what):
        receipt = stray_receipt(made, what, "changsha")
        verdict = beside(made, receipt, file=evidence("jp", "public"))
        assert broken(verdict) == (3, "receipt-log", "/streams/0")
        assert "changsha.example/log" in verdict.document("en")["first_broken"]["detail"]


def test_the_first_of_several_files_that_gainsays_is_named() -> None:
    made = world("jp")
    files = {"a": evidence("cn", "public"), "b": evidence("jp", "public")}
    verdict = beside(made, stray_receipt(made, dropped("jp")), **files)
    assert verdict.facts["compared"] == ["b"]
    assert "beside b" in verdict.document("zh")["first_broken"]["detail"]
