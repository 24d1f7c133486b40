"""The verifier: seven numbered checks over one file, under one policy, offline.

Source: protocol.md 8, interfaces.md I4. Any bytes give a verdict. Each check names the first link
that is broken; one that depends on a failed check is not run. What the node ran is run again here:
records, log formats and rules are the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence import (
    anchors,
    cosignatures,
    folding,
    form,
    recount,
    signatures,
    streams,
)
from node.core.evidence.bundle import read_evidence
from node.core.evidence.case import Case
from node.core.evidence.links import LinkError
from node.core.evidence.receipt import is_receipt, verify_receipt
from node.core.evidence.report import CheckResult, Verdict, facts_of, unknown_facts
from node.core.evidence.standing import standing_of

if TYPE_CHECKING:
    from node.core.evidence.trust import Trust


@dataclass(frozen=True, slots=True)
class Check:
    """One of the seven: its number, what it does, and which checks must have held before."""

    number: int
    run: Callable[[Case], None]
    needs: tuple[int, ...]


CHECKS = (
    Check(1, form.check, ()),
    Check(2, signatures.check, (1,)),
    Check(3, streams.check, (1,)),
    Check(4, cosignatures.check, (1, 3)),
    Check(5, anchors.check, (1, 3, 4)),
    Check(6, folding.check, (1, 2, 3)),
    Check(7, recount.check, (1, 2, 3, 6)),
)


def verify(data: bytes, trust: Trust, reader: str | None = None) -> Verdict:
    """Judge an evidence file or a receipt; never raises for any bytes.

    `reader` (default: whom the file was made for) is who looks: for another one than the file's
    own only *less* than the audience table gives him is a broken link, or that there is no such
    reader of this file (`reader-unknown`).
    """
    if is_receipt(data):
        return verify_receipt(data, trust)
    try:
        evidence = read_evidence(data)
    except LinkError as error:
        return _unread(error)
    case = Case(evidence, trust, reader or evidence.form.reader)
    results = tuple(run_checks(case))
    proven = all(result.status == "ok" for result in results)
    says = standing_of(case) if proven else None  # what is not proven gainsays nobody
    return Verdict("evidence", results, facts_of(case), tuple(case.remarks), says)


def unreadable(found: str) -> Verdict:
    """The verdict on a file that gave no bytes, and why it did not."""
    return _unread(LinkError("unreadable", "", found))


def _unread(error: LinkError) -> Verdict:
    unread = tuple(CheckResult(n, "not_run") for n in range(2, 8))
    return Verdict("evidence", (CheckResult(1, "failed", error), *unread), unknown_facts())


def run_checks(case: Case) -> Iterator[CheckResult]:
    """Run the checks in order, one at a time: who needs only the first broken link may stop."""
    held: set[int] = set()
    for check in CHECKS:
        if not held.issuperset(check.needs):
            yield CheckResult(check.number, "not_run")
            continue
        broken = _run(check, case)
        if broken is None:
            held.add(check.number)
        yield CheckResult(check.number, "failed" if broken else "ok", broken)


def _run(check: Check, case: Case) -> LinkError | None:
    try:
        check.run(case)
    except LinkError as error:
        return error
    except NodeError as error:
        return LinkError("internal", "", f"{error.code}: {error.detail}")
    except Exception as error:  # noqa: BLE001 - our own mistake must never look like a proof
        return LinkError("internal", "", type(error).__name__)
    return None
