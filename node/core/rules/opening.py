"""The opening: consent, the common release of shares, reading out, and bids that stay closed.

Source: protocol.md section 5; EB20 art. 30 and 31 (window; whose fault a bid is that cannot be
opened); TBL art. 28 (too few bidders: not opened). All shares are released together after the
window: nobody hears a price and then loses a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import BoxError, InvalidError, RuleError
from node.core.records.box import BoxContext, Share, check_share, open_box, open_with_key
from node.core.records.canonical import b64decode, decode, digest_of, encode, epoch_of
from node.core.records.keys import PublicKey, verify
from node.core.records.kinds.tender import BidPackage
from node.core.rules.change import put, replace
from node.core.rules.money import parse_money
from node.core.rules.state import Phase, Release

if TYPE_CHECKING:
    from node.core.records.box import Box
    from node.core.records.kinds.streams import ShareReleased, TermExpired
    from node.core.records.kinds.tender import (
        BidNotOpened,
        BidOpened,
        BidUnlocked,
        LotFailed,
        OpeningClosed,
    )
    from node.core.rules.state import Bid, Placed, TenderState

SHARES = "protocol 5"


def is_enough(state: TenderState) -> bool:
    """Are there as many bids in force as the rule set asks for (TBL art. 28)?"""
    return len(state.in_force) >= state.rules.bids.minimum_bidders.value


def unlock_end(state: TenderState) -> int:
    """When the unlock window ends: as announced, but never a window's length before it can close.

    A host that closes the bids late must not shorten the time that bidders have to consent.
    """
    window = state.rules.clock.unlock_minutes.value * 60
    return max(epoch_of(state.terms.unlock_until), state.closed_at + window)


def bid_unlocked(state: TenderState, placed: Placed, body: BidUnlocked) -> TenderState:
    """A bidder's consent, inside the window, to open the bid that he sealed last."""
    bid = state.in_force.get(body.bid)
    if bid is None or bid.bidder != placed.header.key:
        raise RuleError("this is not your bid in force")
    if not is_enough(state):
        minimum = state.rules.bids.minimum_bidders
        raise state.rules.refusal(minimum.article, f"fewer than {minimum.value} bids: no opening")
    opening, until = epoch_of(state.terms.opening), unlock_end(state)
    if not opening <= placed.received <= until:
        raise RuleError("outside the unlock window")
    if body.bid in state.unlocked:
        raise RuleError("this bid is unlocked already")
    return replace(state, unlocked=state.unlocked | {body.bid})


def unlock_expired(state: TenderState, placed: Placed, body: TermExpired) -> TenderState:
    """The unlock window is over: this record releases the shares of the unlocked bids."""
    if placed.received < unlock_end(state):
        raise RuleError("the unlock window is still open")
    if not is_enough(state):
        raise RuleError("too few bids: the lot fails, nothing is opened")
    boxes = {bid: state.in_force[bid].box for bid in sorted(state.unlocked)}
    terms = state.terms
    release = Release(placed.id, placed.received, terms.holders, terms.threshold, boxes)
    return replace(state, phase=Phase.UNLOCKED, release=release)


def share_released(state: TenderState, placed: Placed, body: ShareReleased | None) -> TenderState:
    """Take one holder's shares, each matching its hash in the box; a holder speaks once.

    It leaves out a share that its maker sealed so that it does not open: t others may suffice.
    """
    release = release_of(state)
    holder = placed.header.author.partition(":")[2]
    if holder not in release.holders or holder in release.done:
        raise RuleError(f"{holder} has no shares to release here", article=SHARES)
    done = release.done | {holder}
    if body is None:
        hidden = replace(release, done=done, unseen=release.unseen | {holder})
        return replace(state, release=hidden)
    if body.by != release.by:
        raise RuleError("released by another record than the one that allows it", article=SHARES)
    index = release.holders.index(holder) + 1
    boxes = [share.box for share in body.shares]
    if boxes != sorted(set(boxes)) or not set(boxes) <= release.boxes.keys():
        raise RuleError("one share of each box of this release, sorted", article=SHARES)
    if any(share.index != index for share in body.shares):
        raise RuleError(f"{holder} shows shares of number {index} only", article=SHARES)
    shares = release.shares
    for shown in body.shares:
        share = Share(index=shown.index, salt=shown.salt, share=shown.share)
        check_share(release.boxes[shown.box], share)
        shares = put(shares, shown.box, (*shares.get(shown.box, ()), share))
    return replace(state, release=replace(release, done=done, shares=shares))


def release_of(state: TenderState) -> Release:
    """The release under way; only asked for in phases that have one."""
    if state.release is None:
        raise AssertionError("no phase without a release asks for it")
    return state.release


def is_released(state: TenderState, received: int) -> bool:
    """May boxes be opened now: every holder has shown its shares, or t have and time is up?

    Waiting for the others no longer than the rule set's `lodge_answer_seconds` keeps one silent
    holder from stopping the opening.
    """
    release = release_of(state)
    if len(release.done) == len(release.holders):
        return True
    waited = received >= release.received + state.rules.clock.lodge_answer_seconds.value
    return waited and len(release.done) >= release.threshold


def shares_of(state: TenderState, box: str) -> tuple[Share, ...] | None:
    """The shares of one box shown so far; None if some of them are withheld from this reader."""
    release = release_of(state)
    return None if release.unseen else tuple(release.shares.get(box, ()))


@dataclass(frozen=True, slots=True)
class Proof:
    """How a box is shown to hold a package: its ciphertext in base64 and its key in hex."""

    ciphertext: str
    key: str


def check_opened(
    state: TenderState, box: tuple[str, Box], proof: Proof, package: bytes, context: BoxContext
) -> None:
    """Accept a package only if it is what the box (id, box) holds.

    Where this reader sees the shares, they must give the same key. Raises BoxError, RuleError.
    """
    ciphertext, key = b64decode(proof.ciphertext), bytes.fromhex(proof.key)
    if (shares := shares_of(state, box[0])) is not None:
        opened = open_box(box[1], ciphertext, shares, context)
        content, same = opened.plaintext, opened.key == key
    else:
        content, same = open_with_key(box[1], ciphertext, key, context), True
    if not same or content != package:
        raise RuleError("key or package are not what the box holds", article=SHARES)


def bid_opened(state: TenderState, placed: Placed, body: BidOpened) -> TenderState:
    """Read out one unlocked bid."""
    _check_turn(state, placed, body.bid)
    if body.bid not in state.unlocked:
        raise RuleError("its bidder did not unlock this bid")
    bid = state.in_force[body.bid]
    proof = Proof(body.ciphertext, body.key)
    check_opened(state, (bid.id, bid.box), proof, encode(body.package), bid_context(state, bid))
    check_package(state, body.package, bid.bidder)
    return replace(state, opened=put(state.opened, body.bid, body.package))


def bid_context(state: TenderState, bid: Bid) -> BoxContext:
    """The context a bid's box is bound to (protocol.md section 5)."""
    return BoxContext(key=bid.bidder, lot=state.lot.id, purpose="bid", stream=state.stream)


def check_package(state: TenderState, package: BidPackage, bidder: str) -> None:
    """Accept only a package made for this stream, lot and bid key, vouched by its bidder."""
    if (package.stream, package.lot, package.key) != (state.stream, state.lot.id, bidder):
        raise RuleError("the package was made for another bid", article=SHARES)
    if package.price is not None and not parse_money(package.price, state.terms.scale):
        raise RuleError("a price is above zero", article=SHARES)
    claim = digest_of("bid-key", {"key": bidder, "stream": state.stream})
    certificate = package.certificate
    public = PublicKey(key=certificate.key, suite=certificate.suite)
    verify(public, bytes.fromhex(claim), bytes.fromhex(certificate.sig))


def bid_not_opened(state: TenderState, placed: Placed, body: BidNotOpened) -> TenderState:
    """Say of one bid why it stays closed."""
    _check_turn(state, placed, body.bid)
    unlocked = body.bid in state.unlocked
    if (body.ground == "not-unlocked") == unlocked:
        raise RuleError("the ground does not agree with the bidder's consent")
    if unlocked:
        _check_fault(state, body)
    return replace(state, not_opened=put(state.not_opened, body.bid, body.ground))


def _check_fault(state: TenderState, body: BidNotOpened) -> None:
    """A host may not call a good box faulty: the shown shares must fail on the ciphertext."""
    shares = shares_of(state, body.bid)
    if shares is None:
        return
    enough = len(shares) >= release_of(state).threshold
    if body.ground == "share-missing":
        if enough:
            raise RuleError("enough shares are shown to open this bid")
        return
    if body.ciphertext is None or not enough:
        raise RuleError("a faulty box is shown with its ciphertext and shares")
    bid = state.in_force[body.bid]
    try:
        opened = open_box(bid.box, b64decode(body.ciphertext), shares, bid_context(state, bid))
        check_package(state, decode(opened.plaintext, BidPackage), bid.bidder)
    except (BoxError, InvalidError, RuleError) as error:
        if error.code != "box":
            return
        raise
    raise RuleError("the box opens: it is not faulty")


def _check_turn(state: TenderState, placed: Placed, bid: str) -> None:
    if bid not in state.in_force or bid in state.opened or bid in state.not_opened:
        raise RuleError("no bid in force that waits to be opened")
    if not is_released(state, placed.received):
        raise RuleError("not all holders have released their shares yet", article=SHARES)


def opening_closed(state: TenderState, placed: Placed, body: OpeningClosed) -> TenderState:
    """End the opening: every bid in force was opened, or said why not."""
    counts = (len(state.opened), len(state.not_opened))
    if sum(counts) != len(state.in_force) or (body.opened, body.not_opened) != counts:
        raise RuleError("the counts are not those of the bids in force")
    return replace(state, phase=Phase.READ)


def lot_failed(state: TenderState, placed: Placed, body: LotFailed) -> TenderState:
    """End the lot: too few bids at the deadline, or no valid bid in the result."""
    bids = state.rules.bids
    if body.ground == "too-few-bids":
        if state.phase is not Phase.CLOSED or is_enough(state):
            raise state.rules.refusal(bids.minimum_bidders.article, "there are bids enough")
    elif state.phase is not Phase.RELEASED or not state.result or state.result.outcome != "failed":
        raise state.rules.refusal(bids.minimum_valid.article, "the result is no failure")
    return replace(state, phase=Phase.FAILED)
