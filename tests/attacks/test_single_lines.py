"""Attacks that one line of the verifier stops: without it the file is proven, or blamed elsewhere.

The signatures, cosignatures and anchors are real wherever the attacker holds the keys.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import structs

from node.core.evidence.verify import verify
from node.core.records.canonical import epoch_of
from node.core.records.envelope import PAYLOAD_TYPE, Seen, pae
from node.core.records.kinds.draws import DrawSeeded, Snapshot
from node.core.records.kinds.streams import RegistryNoted
from node.core.records.place import What, Where, entry_of
from node.core.rules.fold import apply
from node.core.rules.state import Placed, TenderState
from tests.attacks.forgeries import evidence_of
from tests.attacks.test_forgeries import Found, found, judge, kind_at_place, repacked
from tests.world.logs import Log
from tests.world.network import HOST, Links, Person
from tests.world.scripts import JP, Bidder, Script
from tests.world.session import Whole, evidence, world

if TYPE_CHECKING:
    from node.core.records.envelope import Envelope

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NOTHING = "ab" * 32
Change = Callable[[What, Where], tuple[What, Where]]
"""What a log makes of the two halves of an entry."""


def edited(change: Callable[[dict[str, Any]], None]) -> Found:
    """The verdict on the regulator's file after a change of its JSON."""
    file = json.loads(evidence("jp", "regulator"))
    change(file)
    return judge(world("jp"), repacked(file))


def place_of_type(file: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first place of the tender's stream that holds this type."""
    return next(one for one in file["streams"][0]["places"] if kind_at_place(one) == kind)


# --- 2, signatures --------------------------------------------------------------------------------


def test_another_body_than_the_signed_one() -> None:
    """Nothing else reads the title of a tender: only the body's digest in the header."""

    def change(file: dict[str, Any]) -> None:
        place_of_type(file, "tender.planned/v1")["body"]["title"] = "another one"

    assert edited(change) == (1, 2, "body")


def test_a_second_signature_in_the_place_of_the_logged_one() -> None:
    """The buyer signs the same header again: valid, but not what was received then."""

    def change(file: dict[str, Any]) -> None:
        envelope = place_of_type(file, "tender.planned/v1")["envelope"]
        envelope["signatures"][0]["sig"] = signed_again(world("jp").buyer, envelope["payload"])

    assert edited(change) == (1, 2, "signature")


def signed_again(person: Person, payload: str) -> str:
    """An ES256 signature with a fresh nonce, low s, as an envelope has it."""
    message = pae(PAYLOAD_TYPE, base64.b64decode(payload))
    der = cast("Any", person.signer).private.sign(message, ECDSA(SHA256()))
    r, s = decode_dss_signature(der)
    raw = r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")
    return base64.b64encode(raw).decode()


# --- 3, streams -----------------------------------------------------------------------------------


class CrookedLog(Log):
    """A host's log that writes one place of the tender otherwise than it was said."""

    def __init__(self, log: Log, seq: int, change: Change) -> None:
        vars(self).update(vars(log))
        self.seq, self.change = seq, change

    def add(self, kind: str, envelope: Envelope, body: bytes, received: int) -> Placed:
        """The place, changed where it is the one."""
        placed = super().add(kind, envelope, body, received)
        if (kind, placed.seq) != ("tender", self.seq):
            return placed
        what, where, *_ = self.streams[placed.header.stream or placed.id].waiting.pop()
        what, where = self.change(what, where)
        self.streams[what.stream].waiting.append((what, where, envelope, body))
        return replace(placed, entry=entry_of(what, where))


def crooked(change: Change) -> Found:
    """A tender whose fourth place is crooked in the log, and endorsed all the same."""
    made = Whole(JP)
    made.net.logs[HOST] = CrookedLog(made.net.logs[HOST], 3, change)
    made.run()
    return judge(made, evidence_of(made))


def test_a_place_that_follows_another_one_than_the_file_shows() -> None:
    """The log has a second line of places; the file shows a mixture of both."""
    found = crooked(lambda what, where: (what, structs.replace(where, prev=NOTHING)))
    assert found == (1, 3, "place-chain")


def test_a_place_logged_for_another_record() -> None:
    found = crooked(lambda what, where: (structs.replace(what, id=NOTHING), where))
    assert found == (1, 3, "place-record")


def test_a_checkpoint_that_does_not_continue_the_one_before() -> None:
    def change(file: dict[str, Any]) -> None:
        file["streams"][0]["checkpoints"][1]["consistency"][0] = NOTHING

    assert edited(change) == (1, 3, "consistency")


def test_two_streams_of_one_log_that_end_in_different_checkpoints() -> None:
    """What the log held after the pool's last place is kept from view."""

    def change(file: dict[str, Any]) -> None:
        file["streams"][-1]["checkpoints"].pop()

    assert edited(change) == (1, 3, "log-end")


class FalseSeen(Whole):
    """The host's note of the registry says that it saw an entry which is none."""

    forging = True

    def links(self, person: Person, kind: str) -> Links:
        """The right place, a wrong entry."""
        honest = super().links(person, kind)
        if kind != "registry.noted/v1" or honest.seen is None:
            return honest
        return replace(honest, seen=Seen(seq=honest.seen.seq, entry=NOTHING))


def test_an_author_who_saw_another_stream() -> None:
    made = FalseSeen(JP).run()
    assert judge(made, evidence_of(made)) == (1, 3, "seen")


class Unlodged(Whole):
    """A pool's list reaches the host's stream without standing in the pool's own log."""

    def lodge(self, records: dict[str, list[str]]) -> None:
        """All but the first thing that Changsha says."""
        spared = self.state.draws and not self.state.draw.joined.keys() - {"changsha"}
        super().lodge({} if spared else records)


def test_a_record_that_its_centre_never_lodged() -> None:
    made = Unlodged(JP).run()
    assert judge(made, evidence_of(made)) == (1, 3, "not-lodged")


# --- 4, cosignatures ------------------------------------------------------------------------------


class LateBid(Whole):
    """The host takes one more bid five seconds after the deadline; partners cosign within G."""

    forging = True

    def seal_bid(self, bidder: Bidder, person: Person) -> str:
        """The last bidder comes late."""
        if bidder is self.script.bidders[-1]:
            self.net.wait_until(self.deadline + 5)
        return super().seal_bid(bidder, person)

    @property
    def deadline(self) -> int:
        """Epoch seconds."""
        return epoch_of(self.state.terms.deadline)

    def force(self, placed: Placed) -> TenderState:
        """As if it had come in time."""
        after = apply(self.state, replace(placed, received=self.deadline))
        return replace(after, received=placed.received)


def test_a_bid_received_after_the_deadline_that_partners_cosign_within_g() -> None:
    made = LateBid(JP).run()
    assert judge(made, evidence_of(made)) == (1, 4, "late")


class OtherSnapshot(Whole):
    """Changsha's list is drawn from another snapshot of its pool than the law says."""

    def __init__(self, script: Script, number: int) -> None:
        super().__init__(script)
        self.number = number

    def snapshot(self, pool: str) -> Snapshot:
        """One of its three: of the founding, before the bids, after the deadline."""
        if pool != "changsha":
            return super().snapshot(pool)
        own = self.net.own[self.net.pools[pool]]
        seq, shot = sorted(own.snapshots.items())[self.number]
        return Snapshot(epoch=shot.epoch, root=shot.root, seq=seq, stream=self.net.pools[pool])


@pytest.mark.parametrize("number", [0, 2], ids=["an older one", "one after the deadline"])
def test_a_list_from_a_snapshot_that_the_pool_chose(number: int) -> None:
    made = OtherSnapshot(JP, number).run()
    assert judge(made, evidence_of(made)) == (1, 4, "snapshot")


# --- 5, anchors -----------------------------------------------------------------------------------


def test_a_descriptor_that_the_chain_does_not_hold() -> None:
    """Where a member is reached stands in no registry note: only the chain's head covers it."""

    def change(file: dict[str, Any]) -> None:
        file["registry"][0]["descriptor"]["http"] = "https://thief.example"

    assert edited(change) == (1, 5, "registry")


def test_a_later_view_of_the_registry_that_the_chain_never_showed() -> None:
    """The first one is good; the others differ from it in the block's hash, and in the salt."""
    made, views = Whole(JP), list[RegistryNoted]()
    honest = made.net.noted

    def noted() -> RegistryNoted:
        views.append(structs.replace(views[0], hash=NOTHING, salt=NOTHING) if views else honest())
        return views[-1]

    made.net.noted = noted  # type: ignore[method-assign]
    made.run()
    assert judge(made, evidence_of(made)) == (1, 5, "chain-note")


def test_a_member_whose_record_key_is_not_the_pinned_one() -> None:
    made = world("jp")
    pins = json.loads(json.dumps(made.net.policy()["centres"]))
    key = next(key for key in pins[0]["keys"] if key["role"] == "record")
    key["key"] = made.net.members[HOST].log.public.key
    trust = made.net.trust(centres=pins)
    assert found(verify(evidence("jp", "regulator"), trust)) == (1, 5, "pinned")


class SwappedSecrets(Whole):
    """The chain's seed, under secrets that stand with the wrong members."""

    forging = True

    def seeded(self, round_id: str, secrets: dict[str, str]) -> DrawSeeded:
        """Two accounts have each other's secret."""
        return swapped(super().seeded(round_id, secrets))

    def force(self, placed: Placed) -> TenderState:
        """As if they stood right."""
        body = placed.body
        if not isinstance(body, DrawSeeded):
            raise AssertionError("nothing else is forged")
        return apply(self.state, replace(placed, body=swapped(body)))


def swapped(body: DrawSeeded) -> DrawSeeded:
    """The first two secrets in each other's place."""
    one, two, *rest = body.secrets
    first = structs.replace(one, secret=two.secret)
    second = structs.replace(two, secret=one.secret)
    return structs.replace(body, secrets=(first, second, *rest))


def test_secrets_that_are_not_those_on_the_chain() -> None:
    made = SwappedSecrets(JP).run()
    assert judge(made, evidence_of(made)) == (1, 5, "round")
