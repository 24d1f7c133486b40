"""A bidder: seals its bid, keeps the receipt, consents to the opening, and looks for its bid after.

It sees nothing of others before the opening is closed, not even that they are there; so it acts by
the announced times and the node's clock. The bid key is used for one tender only; who the bidder is
stands inside the box, where its long-lived key vouches for the bid key (protocol.md section 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import LogError, NodeError, StateError
from node.core.evidence.receipt import verify_receipt
from node.core.records.box import BoxContext, make_box
from node.core.records.canonical import digest_of, encode, epoch_of
from node.core.records.keys import PublicKey, Signer, key_id
from node.core.records.kinds.tender import BidPackage, BidSealed, BidUnlocked, Certificate
from node.core.rules.award import OVER
from node.core.rules.opening import unlock_end
from node.services.actors.drawer import Drawer, key_in
from node.services.actors.pen import LATER, Pen
from node.services.actors.reading import Reading, watch

if TYPE_CHECKING:
    from node.core.evidence.trust import Trust
    from node.core.records.box import MadeBox
    from node.core.rules.state import TenderState
    from node.services.actors.tender_file import Bidder
    from node.services.ports import Entropy
    from node.services.ports.door import Door

BID = "bid.sealed"
UNLOCK = "bid.unlocked"
RECEIPT = "receipt"
FIRST_RECEIPT = "receipt.first"
SURE_S = 5.0
"""So long after its consent was accepted a bidder asks whether it is in a checkpoint."""
LOOK_S = 60
"""So often, by the node's clock, a bidder looks whether its bid still stands."""
Told = Callable[[str], None]
Publish = Callable[[str, bytes], None]
"""Puts a verified receipt where the bidder wants it: (bid key id, bytes). Durable."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a bidder has beside its bid: its drawer, the policy it trusts, where receipts go."""

    door: Door
    drawer: Drawer
    entropy: Entropy
    trust: Trust
    publish: Publish


@dataclass(slots=True)
class BidderProgram:
    """One bidder in one tender."""

    means: Means
    bidder: Bidder
    refused: bool = False
    has_receipt: bool = False
    was_restored: bool = False
    looked_at: int = 0
    consent_is_safe: bool = False
    consented_at: float | None = None
    last: str = ""

    def keys(self) -> tuple[Signer, Signer]:
        """The long-lived certificate key and the one-time bid key."""
        drawer, entropy = self.means.drawer, self.means.entropy
        certificate = key_in(drawer, "certificate.key", "ed25519", entropy)
        return certificate, key_in(drawer, "bid.key", self.bidder.suite, entropy)

    async def run(self, reading: Reading, told: Told) -> bool:
        """Read as this bidder, and act until the tender is over; gives what `act` gives."""
        author = f"bidder:{key_id(self.keys()[1].public)}"
        return await self.act(watch(self.means.door, reading, lambda _: author), told)

    async def act(self, beats: AsyncIterator[tuple[TenderState, int]], told: Told) -> bool:
        """Act on what is read; True if our bid is where our receipt says it must be."""
        _, signer = self.keys()
        pen = Pen(f"bidder:{key_id(signer.public)}", signer, self.means.drawer)
        self.has_receipt = self.means.drawer.read(RECEIPT) is not None
        whole = False
        async for state, now in beats:
            if state.phase in OVER:
                whole = is_listed(pen, state)
                told("our bid stands" if whole else "our bid is missing; keep the receipt")
                break
            line = await self._tried(pen, state, now)
            if line not in ("", self.last):
                told(line)
            self.last = line or self.last
        return whole

    async def _tried(self, pen: Pen, state: TenderState, now: int) -> str:
        try:
            return await self.step(pen, state, now)
        except NodeError as error:
            if error.code not in (*LATER, "rule", "state"):
                raise
            self.was_restored = self.was_restored or error.code == "catching-up"
            return f"waits: {error}"

    async def step(self, pen: Pen, state: TenderState, now: int) -> str:
        """Do what is next; gives a line if something was done."""
        if state.announced is None or self.refused:
            return ""
        if not self.has_receipt:
            line = await self._seal(pen, state, now) or await self._fetch_receipt(pen, state)
            if line:
                return line
        await self._look_after(pen, state, now)
        if self.was_restored:
            await self._seal_again(pen)
        if self._may_unlock(state, now) and (UNLOCK not in pen.sent or await self._is_lost(pen)):
            return await self._unlock(pen, state, now)
        return ""

    def acts(self, state: TenderState, now: int) -> bool:
        """Whether there is anything for it to do: a bid, a receipt, a look or the consent."""
        if state.announced is None or self.refused:
            return False
        if not self.has_receipt or self.was_restored or self._is_to_look(state, now):
            return True
        return self._may_unlock(state, now)

    def _may_unlock(self, state: TenderState, now: int) -> bool:
        """It is time to consent, and the consent is not known to be safe."""
        is_time = epoch_of(state.terms.opening) <= now <= unlock_end(state)
        return is_time and not self.consent_is_safe

    def _is_to_look(self, state: TenderState, now: int) -> bool:
        """A while has gone since we saw our bid, and it could still be sent again."""
        return self.looked_at + LOOK_S <= now <= epoch_of(state.terms.deadline)

    async def _is_lost(self, pen: Pen) -> bool:
        """Whether our consent, accepted a while ago, is in no checkpoint yet: it is sent again.

        Until partners have it, a host that loses its disk loses it, and nobody could tell us.
        """
        kept = pen.kept(UNLOCK)
        if self.consented_at is None or kept is None or _steady() < self.consented_at + SURE_S:
            return False
        if await self.means.door.receipt(kept.id) is not None:
            self.consent_is_safe = True
            return False
        pen.sent.discard(UNLOCK)
        return True

    async def _seal(self, pen: Pen, state: TenderState, now: int) -> str:
        if pen.kept(BID) is None and now > epoch_of(state.terms.deadline):
            return "too late: the deadline is past"
        kept = pen.write(BID, "bid.sealed/v1", lambda: self._sealed(state), state, now)
        try:
            accepted = await pen.say(self.means.door, BID, kept, final=True)
        except NodeError as error:
            self.refused = error.code not in LATER
            raise
        return f"{self.bidder.id}: bid {kept.id[:8]} sealed" if accepted else ""

    async def _look_after(self, pen: Pen, state: TenderState, now: int) -> None:
        """While bids are taken: does our bid still stand? A host that lost its disk names what it
        lost by leaf only; we have the bid. The first receipt is kept: it proves that it stood."""
        self.looked_at = self.looked_at or now  # its receipt has just come
        kept = pen.kept(BID)
        if kept is None or not self._is_to_look(state, now):
            return
        self.looked_at = now
        if await self.means.door.receipt(kept.id) is None:
            drawer = self.means.drawer
            drawer.write(FIRST_RECEIPT, drawer.read(RECEIPT) or b"")
            self.has_receipt, self.was_restored = False, True

    async def _seal_again(self, pen: Pen) -> None:
        """The node has lost its store and come back: our box may have been lost with it.

        Sent again it changes nothing else; so whatever is answered but "not now", that was it.
        """
        kept = pen.kept(BID)
        if kept is not None:
            pen.sent.discard(BID)
            try:
                await pen.say(self.means.door, BID, kept, final=True)
            except NodeError as error:
                if error.code in LATER:
                    raise
        self.was_restored = False

    def _sealed(self, state: TenderState) -> tuple[BidSealed, MadeBox]:
        """Package, box and body; our key for the box is forgotten here: the holders have it."""
        certificate, signer = self.keys()
        key = key_id(signer.public)
        package = self._package(state, certificate, key)
        context = BoxContext(key=key, lot=state.lot.id, purpose="bid", stream=state.stream)
        holders = [(name, box_key(state, name)) for name in state.terms.holders]
        threshold, draw = state.terms.threshold, self.means.entropy.bytes
        box = make_box(encode(package), context, holders, threshold, draw)
        salt = self.means.entropy.bytes(32).hex()
        return BidSealed(box=box.box, key=signer.public, salt=salt), box

    def _package(self, state: TenderState, certificate: Signer, key: str) -> BidPackage:
        claim = digest_of("bid-key", {"key": key, "stream": state.stream})
        public = certificate.public
        vouched = Certificate(
            key=public.key, sig=certificate.sign(bytes.fromhex(claim)).hex(), suite=public.suite
        )
        return BidPackage(
            bidder=self.bidder.id,
            certificate=vouched,
            key=key,
            lot=state.lot.id,
            name=self.bidder.name,
            price=self.bidder.price,
            stream=state.stream,
        )

    async def _fetch_receipt(self, pen: Pen, state: TenderState) -> str:
        """Keep the receipt once there is one of the host's log that holds under our own policy.

        Raises LogError for one that does not: the host gave it, so it proves the host's fault.
        """
        kept = pen.kept(BID)
        text = await self.means.door.receipt(kept.id) if kept else None
        if kept is None or text is None:
            return ""
        verdict = verify_receipt(text.encode(), self.means.trust)
        proven = verdict.facts.get("receipt") or {}
        of_host = self._is_of_host(str(proven.get("origin")), state)
        if verdict.word != "proven" or proven.get("id") != kept.id or not of_host:
            raise LogError(f"the receipt of bid {kept.id[:16]}… does not hold")
        self.means.publish(key_id(pen.signer.public), text.encode())
        self.means.drawer.write(RECEIPT, text.encode())
        self.has_receipt = True
        return f"{self.bidder.id}: receipt of bid {kept.id[:8]} kept"

    def _is_of_host(self, origin: str, state: TenderState) -> bool:
        """Is that log the host's? In its own log any member may write what it likes."""
        trusted = self.means.trust.eras.get(origin)
        key = state.keyring.key(state.keeper, "log")
        if trusted is None or key is None:
            return False
        return trusted[-1].quorum.log.public.hex() == key.key

    async def _unlock(self, pen: Pen, state: TenderState, now: int) -> str:
        bid = pen.kept(BID)
        if bid is None:
            return ""
        salt = self.means.entropy.bytes(32).hex()
        body = BidUnlocked(bid=bid.id, salt=salt)
        kept = pen.write(UNLOCK, "bid.unlocked/v1", lambda: (body, None), state, now)
        accepted = await pen.say(self.means.door, UNLOCK, kept)
        self.consented_at = _steady()
        return f"{self.bidder.id}: consents to the opening" if accepted else ""


def _steady() -> float:
    return asyncio.get_running_loop().time()


def box_key(state: TenderState, member: str) -> PublicKey:
    """A holder's key for boxes. Raises StateError if the registry names none now."""
    key = state.keyring.key(member, "box")
    if key is None:
        raise StateError(f"holder {member} has no box key now")
    return key


def is_listed(pen: Pen, state: TenderState) -> bool:
    """Is our bid a leaf of the list whose root is on the chain (protocol 10.8)?"""
    kept = pen.kept(BID)
    return kept is not None and state.closed is not None and kept.id in state.closed.leaves
