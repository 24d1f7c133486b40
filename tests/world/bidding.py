"""Bids, their closing, the window, the common release of shares, and the reading out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from node.core.records.box import BoxContext, open_box, open_share
from node.core.records.canonical import b64encode, decode, digest_of, encode, epoch_of
from node.core.records.keys import PublicKey, Suite, key_id
from node.core.records.kinds.streams import ReleasedShare, ShareReleased, TermExpired
from node.core.records.kinds.tender import (
    BidNotOpened,
    BidOpened,
    BidPackage,
    BidsClosed,
    BidSealed,
    BidUnlocked,
    Certificate,
    Document,
    OpeningClosed,
)
from node.core.rules.bid import bids_root
from node.core.rules.opening import bid_context, release_of, shares_of, unlock_end
from node.core.rules.review import sheet_context
from tests.world.boxes import seal_box
from tests.world.network import HOST, Person
from tests.world.run import HOLDERS, Run, bidder_person
from tests.world.scripts import Bidder


@dataclass(frozen=True, slots=True)
class Sealed:
    """A bid in force of the world."""

    bidder: Bidder
    person: Person
    record: str


class Bidding(Run):
    """From the first bid to the end of the opening."""

    sealed: tuple[Sealed, ...] = ()

    def bid_all(self) -> None:
        """Every bidder seals its bid; each tick is cosigned at once."""
        self.net.wait_until(self.net.now + 3 * 86_400)
        found = []
        for bidder in self.script.bidders:
            signer = self.chance.signer(cast("Suite", bidder.suite))
            person = bidder_person(signer)
            for _ in range(2 if bidder.bids_twice else 1):
                record = self.seal_bid(bidder, person)
                self.net.tick()
            found.append(Sealed(bidder, person, record))
        self.sealed = tuple(found)

    def seal_bid(self, bidder: Bidder, person: Person) -> str:
        """One sealed bid; gives its id."""
        package = self.package(bidder, person)
        context = BoxContext(
            key=package.key, lot=self.script.lot.id, purpose="bid", stream=self.state.stream
        )
        made = seal_box(encode(package), context, self.holders(), self.chance)
        body = BidSealed(box=made.box, key=person.signer.public, salt=self.salt())
        record = self.say(person, "bid.sealed/v1", body).id
        self.boxes[record] = made
        return record

    def holders(self) -> list[tuple[str, PublicKey]]:
        """Holders with the keys that shares are sealed to."""
        return [(name, self.net.members[name].box_public) for name in HOLDERS]

    def package(self, bidder: Bidder, person: Person) -> BidPackage:
        """What lies in the box."""
        key = key_id(person.signer.public)
        house = self.chance.signer()
        claim = digest_of("bid-key", {"key": key, "stream": self.state.stream})
        certificate = Certificate(
            key=house.public.key, sig=house.sign(bytes.fromhex(claim)).hex(), suite="ed25519"
        )
        return BidPackage(
            bidder=bidder.id,
            certificate=certificate,
            documents=(Document(name="设计.pdf", sha256=self.salt(), size=1234),),
            key=key,
            lot=self.script.lot.id,
            name=f"{bidder.id} 公司",
            price=bidder.price,
            stream=self.state.stream,
        )

    def close_bids(self) -> None:
        """After the deadline: the list of bids, its root on the chain."""
        deadline = epoch_of(self.state.terms.deadline)
        self.net.wait_until(deadline + self.state.rules.clock.g_seconds.value + 1)
        closed = self.say(self.host, "bids.closed/v1", self.bids_closed())
        body = self.state.closed
        root = body.root if body is not None else ""
        self.chain(
            lambda: self.net.chain.set_tender(
                self.state.stream,
                self.account,
                bids_at=self.net.now,
                bids_root=bytes.fromhex(root),
                bids_head=bytes.fromhex(closed.entry),
            )
        )
        self.sync()

    def bids_closed(self) -> BidsClosed:
        """Leaves and root."""
        random = self.salt()
        leaves, root = bids_root(self.state.in_force, random)
        return BidsClosed(leaves=leaves, random=random, root=root, salt=self.salt())

    def open_all(self) -> None:
        """Consent, end of the window, shares, reading out."""
        self.net.wait_until(epoch_of(self.state.terms.opening) + 10)
        for sealed in self.sealed:
            if sealed.bidder.unlocks:
                body = BidUnlocked(bid=sealed.record, salt=self.salt())
                self.say(sealed.person, "bid.unlocked/v1", body)
        self.net.tick()
        self.net.wait_until(unlock_end(self.state))
        expired = TermExpired(salt=self.salt(), term="unlock")
        self.say(self.host, "term.expired/v1", expired)
        self.sync()
        self.release_all()
        for bid in sorted(self.state.in_force):
            self.read_out(bid)
        counts = (len(self.state.opened), len(self.state.not_opened))
        ended = OpeningClosed(not_opened=counts[1], opened=counts[0], salt=self.salt())
        self.say(self.host, "opening.closed/v1", ended)
        self.sync()

    def release_all(self) -> None:
        """Every holder shows its shares of the boxes that are to be opened."""
        for holder in HOLDERS:
            self.say(self.net.person(holder), "share.released/v1", self.released(holder))

    def released(self, holder: str) -> ShareReleased:
        """One holder's shares, opened with its own key."""
        release = release_of(self.state)
        index = HOLDERS.index(holder) + 1
        private = self.net.members[holder].box
        shares = []
        for box in sorted(release.boxes):
            sealed = self.boxes[box].sealed[index - 1]
            share = open_share(sealed, index, self.context(box), private)
            shares.append(ReleasedShare(box=box, index=index, salt=share.salt, share=share.share))
        return ShareReleased(by=release.by, salt=self.salt(), shares=tuple(shares))

    def context(self, box: str) -> BoxContext:
        """What a box is bound to: a bid's or a sheet's."""
        if box in self.state.bids:
            return bid_context(self.state, self.state.bids[box])
        seat = next(s for s, sheet in self.state.review.sheets.items() if sheet.id == box)
        return sheet_context(self.state, self.state.seats[seat].key)

    def read_out(self, bid: str) -> None:
        """Open one bid with the shares shown, or say why not."""
        if bid not in self.state.unlocked:
            body = BidNotOpened(bid=bid, ground="not-unlocked", salt=self.salt())
            self.say(self.host, "bid.not_opened/v1", body)
            return
        made = self.boxes[bid]
        shares = shares_of(self.state, bid) or ()
        opened = open_box(made.box, made.ciphertext, shares, self.context(bid))
        read = BidOpened(
            bid=bid,
            ciphertext=b64encode(made.ciphertext),
            key=opened.key.hex(),
            package=decode(opened.plaintext, BidPackage),
            salt=self.salt(),
        )
        self.say(self.host, "bid.opened/v1", read)


__all__ = ["HOST", "Bidding", "Sealed"]
