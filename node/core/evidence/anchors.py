"""Check 5, anchors: the chain holds what the records say, and what it does not hold yet is told.

Source: protocol.md 7, 8, 10.12; chain/contracts/Anchor.sol. What it proves: deadline, bids and
result were fixed outside the members' own machines; it holds against whom the chain holds: the
embedded one has a single operator. A slot not yet written breaks nothing, another value does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.anchor_devnet import (
    check_shows_only,
    checkpoint_slots,
    locate_anchors,
    read_checkpoint,
    read_tender,
    tender_slots,
)
from node.core.evidence.links import LinkError
from node.core.evidence.registry import (
    check_network,
    check_pins,
    check_registry,
    operator_note,
)
from node.core.evidence.rounds import check_rounds, seeds_of
from node.core.records.canonical import epoch_of
from node.core.records.kinds.tender import BidsClosed, TenderAnnounced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.core.evidence.anchor_devnet import BlockFact, CheckpointAnchor, TenderAnchor
    from node.core.evidence.bundle import Place, Stream
    from node.core.evidence.case import Case

ANCHOR, BEACON = "/anchors/0/note", "/anchors/1/note"


def check(case: Case) -> None:
    """Check 5. Raises LinkError."""
    check_network(case)
    check_registry(case)
    check_pins(case)
    seeds = tuple(seeds_of(case.host.places, case.host.id, case.host.keeper))
    case.void_rounds = sum(len(seeded.rounds) - 1 for seeded in seeds)
    notes = case.evidence.form.anchors
    if len(notes) != (2 if seeds else 1):
        raise LinkError("chain-slots", "/anchors", "one note of the anchor, one of the beacon")
    contracts = case.trust.form.chain.contracts
    fact = _fact(case, 0, contracts.anchor)
    _check_anchor(case, fact)
    if seeds:
        beacon = _fact(case, 1, contracts.beacon)
        _check_only(beacon, check_rounds(case, beacon, seeds), BEACON)


def _fact(case: Case, number: int, contract: str) -> BlockFact:
    path = f"/anchors/{number}/note"
    fact = operator_note(case, path, case.evidence.form.anchors[number].note)
    if fact.contract != contract:
        raise LinkError("chain-note", path, "a proof of another contract")
    return fact


def _check_only(fact: BlockFact, slots: Iterable[bytes], path: str) -> None:
    try:
        check_shows_only(fact, slots)
    except NodeError as error:
        raise LinkError("chain-slots", path, error.detail) from None


def wanted_slots(stream: str, keeper: str, accounts: Iterable[str]) -> list[bytes]:
    """The anchor's slots of a keeper's tender and of these accounts' checkpoints (all hex)."""
    tender = bytes.fromhex(stream), bytes.fromhex(keeper)
    owners = [bytes.fromhex(account) for account in sorted(set(accounts))]
    locate_anchors(*tender, owners)
    slots = list(tender_slots(*tender))
    for owner in owners:
        slots += checkpoint_slots(owner)
    return slots


def _check_anchor(case: Case, fact: BlockFact) -> None:
    accounts = {c.id: c.account for c in case.evidence.form.registry}
    keepers = {stream.keeper: accounts[stream.keeper] for stream in case.evidence.streams}
    host = keepers[case.host.keeper]
    _check_only(fact, wanted_slots(case.host.id, host, keepers.values()), ANCHOR)
    try:
        tender = read_tender(fact, bytes.fromhex(case.host.id), bytes.fromhex(host))
        logs = {k: read_checkpoint(fact, bytes.fromhex(a)) for k, a in keepers.items()}
    except NodeError as error:
        raise LinkError("anchor", ANCHOR, error.detail) from None
    _check_deadline(case, tender)
    _check_bids(case, tender)
    _check_result(case, tender)
    for keeper, anchored in logs.items():
        streams = [s for s in case.evidence.streams if s.keeper == keeper]
        _check_log(case, streams, anchored)


def _check_deadline(case: Case, tender: TenderAnchor) -> None:
    for place in case.of_type("tender.announced/v1"):
        if not tender.deadline:
            case.remark(place.path, "anchor-missing", "deadline")
            continue
        stated = epoch_of(place.body.deadline) if isinstance(place.body, TenderAnnounced) else 0
        if tender.deadline != stated:
            raise LinkError("anchor", place.path, "another deadline")


def _check_bids(case: Case, tender: TenderAnchor) -> None:
    """The bids' root and the stream's head at `bids.closed`, written before any opening."""
    for place in case.of_type("bids.closed/v1"):
        if not tender.bids_at:
            case.remark(place.path, "anchor-missing", "bids")
            continue
        root = place.body.root if isinstance(place.body, BidsClosed) else ""
        if (tender.bids_root.hex(), tender.bids_head.hex()) != (root, place.entry):
            raise LinkError("anchor", place.path, "another root of bids, or another head")
        for release in case.of_type("term.expired/v1"):
            if tender.bids_at > case.existed_by(case.host, release.seq):
                case.remark(place.path, "anchor-late", "bids: after the shares were released")
            break


def _check_result(case: Case, tender: TenderAnchor) -> None:
    for closed in case.of_type("session.closed/v1"):
        result = _last(case.of_type("result.consolidated/v1"))
        if not tender.result_at:
            case.remark(closed.path, "anchor-missing", "result")
        elif result is None or (tender.result.hex(), tender.result_head.hex()) != (
            result.id,
            closed.entry,
        ):
            raise LinkError("anchor", closed.path, "another result, or another head")


def _last(places: Iterable[Place]) -> Place | None:
    return max(places, key=lambda place: place.seq, default=None)


def _check_log(case: Case, streams: list[Stream], anchored: CheckpointAnchor) -> None:
    """Lists hold what places need, the anchored checkpoint and the log's common last one."""
    last = streams[0].heads[-1].checkpoint.size
    needed = {s.heads[place.form.checkpoint].checkpoint.size for s in streams for place in s.places}
    if last != max({*needed, anchored.size}):
        raise LinkError("checkpoint", streams[0].heads[-1].path, "a last one that nothing needs")
    for stream in streams:
        pointed = {place.form.checkpoint for place in stream.places}
        for number, head in enumerate(stream.heads):
            size = head.checkpoint.size
            if number not in pointed and size not in (anchored.size, last):
                raise LinkError("checkpoint", head.path, "a checkpoint that nothing needs")
        if anchored.size:
            _check_anchored(stream, anchored)
    keeper = streams[0].keeper
    if not anchored.size:
        case.remark(streams[0].path, "anchor-missing", f"checkpoint of {keeper}")
    elif anchored.size < max(needed):
        case.remark(streams[0].path, "anchor-late", f"checkpoint of {keeper}")


def _check_anchored(stream: Stream, anchored: CheckpointAnchor) -> None:
    for head in stream.heads:
        if head.checkpoint.size == anchored.size:
            if head.checkpoint.root != anchored.root:
                raise LinkError("anchor", head.path, "another root at the anchored size")
            return
    raise LinkError("anchor", stream.path, f"the anchored checkpoint of {anchored.size} entries")
