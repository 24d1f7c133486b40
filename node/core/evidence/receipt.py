"""Receipts: a C2SP tlog-proof whose `extra` opens *what*; it proves one record, to its bidder.

Source: protocol.md 3, 10.6. Of the seven checks three apply: form, streams (the entry is in the
log), cosignatures (a quorum of the policy); the others have nothing to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.evidence.report import CheckResult, Verdict, unknown_facts
from node.core.evidence.standing import Claim, claim_of
from node.core.log.eras import check_in_eras
from node.core.log.merkle import leaf_hash
from node.core.log.proof import TlogProof, parse_proof
from node.core.records.canonical import time_of
from node.core.records.place import Extra, entry_bytes, entry_of_extra, read_extra

if TYPE_CHECKING:
    from node.core.evidence.trust import Trust

MAGIC: Final = b"c2sp.org/tlog-proof@"


def is_receipt(data: bytes) -> bool:
    """Does this file begin as a tlog-proof does?"""
    return data.startswith(MAGIC)


def verify_receipt(data: bytes, trust: Trust) -> Verdict:
    """Judge a receipt under a policy; never raises for any bytes."""
    done: dict[int, LinkError | None] = {}
    facts: dict[str, Any] = unknown_facts()
    says: Claim | None = None
    try:
        proof, extra = _read(data)
        done[1] = None
        done[3] = _included(proof, extra)
        time, origin, done[4] = _cosigned(proof, trust)
        facts = _facts(facts, extra, (time, origin))
        says = claim_of(extra, origin)
    except LinkError as error:
        done[1] = error
    results = tuple(_result(number, done) for number in range(1, 8))
    return Verdict("receipt", results, facts, says=says)


def _result(number: int, done: dict[int, LinkError | None]) -> CheckResult:
    if number not in done:
        return CheckResult(number, "not_run")
    broken = done[number]
    return CheckResult(number, "failed" if broken else "ok", broken)


def _read(data: bytes) -> tuple[TlogProof, Extra]:
    try:
        proof = parse_proof(data)
        return proof, read_extra(proof.extra or b"")
    except NodeError as error:
        raise LinkError("form", "", error.detail) from None


def _included(proof: TlogProof, extra: Extra) -> LinkError | None:
    try:
        proof.check(leaf_hash(entry_bytes(entry_of_extra(extra))))
    except NodeError as error:
        return LinkError("inclusion", "", error.detail)
    return None


def _cosigned(proof: TlogProof, trust: Trust) -> tuple[int | None, str, LinkError | None]:
    origin = proof.head().origin
    if origin not in trust.eras:
        return None, origin, LinkError("log-unknown", "", origin)
    try:
        return check_in_eras(proof.note(), trust.eras[origin]).existed_by, origin, None
    except NodeError as error:
        return None, origin, LinkError("cosignature", "", error.detail)


def _facts(facts: dict[str, Any], extra: Extra, proven: tuple[int | None, str]) -> dict[str, Any]:
    time, origin = proven
    receipt = {
        "id": extra.what.id,
        "origin": origin,
        "received": extra.what.received,
        "stream": extra.what.stream,
    }
    return facts | {"as_of": None if time is None else time_of(time), "receipt": receipt}
