"""A receipt beside the evidence of its tender: the two must say the same of its record.

Source: protocol.md 3, 4. Both files hold by themselves, so where they contradict each other the
keeper of the stream has given one answer to the bidder and another to everybody else. Only what
cannot be otherwise is held against a receipt: a record that was received when the file's stream
had already gone on, or is already over, has its place there or none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from node.core.evidence.links import LinkError
from node.core.evidence.report import CheckResult, Verdict
from node.core.evidence.streams import is_over
from node.core.records.canonical import epoch_of, time_of
from node.core.records.place import entry_of_extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from node.core.evidence.case import Case
    from node.core.records.place import Extra


@dataclass(frozen=True, slots=True)
class Claim:
    """What a receipt proves: this record, received then, has this entry in that stream."""

    stream: str
    record: str
    received: int
    entry: str
    origin: str

    def __str__(self) -> str:
        return f"record {self.record}, received {time_of(self.received)}, log {self.origin}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a proven evidence file shows of its tender's stream, which `origin`'s log holds.

    `records` gives the path of each opened record; `until` (epoch seconds): whatever was received
    before it has its place in the file.
    """

    stream: str
    origin: str
    entries: frozenset[str]
    records: Mapping[str, str]
    until: float


def claim_of(extra: Extra, origin: str) -> Claim:
    """The claim of a receipt that holds by itself."""
    what = extra.what
    entry = entry_of_extra(extra)
    return Claim(what.stream, what.id, epoch_of(what.received), entry, origin)


def standing_of(case: Case) -> Standing:
    """What the tender's stream of a proven file shows."""
    places = case.host.places
    records = {place.what.id: place.path for place in places if place.what is not None}
    # Places are in the order of `received`, so what is older than the last one is in the file.
    until = float("inf") if is_over(case) else case.host.places[-1].received
    origin = case.host.heads[-1].checkpoint.origin
    return Standing(case.host.id, origin, frozenset(p.entry for p in places), records, until)


def compared(verdict: Verdict, evidence: Mapping[str, Verdict]) -> Verdict:
    """The verdict on a receipt, beside those on evidence files, by name.

    Only files that are proven, of the receipt's own stream, are compared; they are named in
    `compared`. The first one that gainsays the receipt breaks its check 3.
    """
    claim = verdict.says
    if not isinstance(claim, Claim) or verdict.word != "proven":
        return verdict
    beside = dict(_beside(claim, evidence))
    if not beside:
        return verdict
    facts, results = {**verdict.facts, "compared": list(beside)}, verdict.results
    try:
        for file, standing in beside.items():
            check_stands(claim, standing, file)
    except LinkError as error:
        failed = CheckResult(3, "failed", error)
        results = tuple(failed if one.number == 3 else one for one in results)
    return replace(verdict, facts=facts, results=results)


def check_stands(claim: Claim, standing: Standing, file: str) -> None:
    """Accept a receipt only if this evidence (of its stream, named `file`) does not gainsay it.

    An entry binds id, `received` and place, so an equal entry is the same record, received then.
    Raises LinkError, whose path points into the evidence; `receipt-log` for a receipt of another
    log than the stream's: whoever keeps that log may write into it what he likes.
    """
    if claim.origin != standing.origin:
        raise LinkError("receipt-log", "/streams/0", f"{claim}; the stream's is {standing.origin}")
    if claim.entry in standing.entries:
        return
    path = standing.records.get(claim.record)
    if path is not None:
        raise LinkError("receipt-differs", path, f"{claim}; beside {file}")
    if claim.received < standing.until:
        raise LinkError("receipt-missing", "/streams/0", f"{claim}; beside {file}")


def _beside(claim: Claim, evidence: Mapping[str, Verdict]) -> Iterator[tuple[str, Standing]]:
    for file, verdict in evidence.items():
        says = verdict.says
        if isinstance(says, Standing) and says.stream == claim.stream:
            yield file, says
