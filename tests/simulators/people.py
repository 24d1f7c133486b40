"""Members, buyers and bidders with fixed keys, and the records they sign."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.records.box import BoxContext, MadeBox, make_box
from node.core.records.canonical import b64encode, encode, time_of
from node.core.records.envelope import Header, Seen, body_digest, open_envelope, seal
from node.core.records.keys import PublicKey, Signer, key_id, public_of_seed, signer_from_seed
from node.core.records.kinds import Body
from node.core.records.kinds.draws import Stratum
from node.core.records.kinds.streams import KeyRole, MemberRole, Network, RegistryKey, StreamOpened
from node.core.records.kinds.tender import (
    BidSealed,
    CommitteePlanned,
    Lot,
    LotCommittee,
    Method,
    TenderAnnounced,
    TenderPlanned,
)
from node.core.rules.fold import TABLE
from node.core.rules.registry import Change, Descriptor
from node.core.rules.ruleset import builtin_digest
from node.core.rules.side import KINDS as SIDE_KINDS
from node.services.members import Members
from node.services.ports import RegistryView, Submission
from tests.simulators.sources import NOON, SeededEntropy

HOST, GUEST, REGULATOR = "zhuzhou", "xiangtan", "hunan"
ROLES: dict[str, MemberRole] = {HOST: "centre", GUEST: "centre", REGULATOR: "regulator"}
NETWORK = Network(chain_id=31337, registry="aa" * 20)
DAY = 86400
NOTICE_DAYS = 15
MINUTE = 60


def seed(name: str) -> bytes:
    """32 bytes that only this name has."""
    return sha256(f"seed of {name}".encode()).digest()


@dataclass(frozen=True)
class Person:
    """Whoever signs records: `author` as it stands in headers."""

    author: str
    signer: Signer
    entropy: SeededEntropy

    def says(
        self, kind: str, body: Body, stream: str | None, lot: str | None = None, *, at: int = NOON
    ) -> Submission:
        """A signed record."""
        return self.sees(kind, body, (stream, lot, None), at)

    def sees(
        self, kind: str, body: Body, where: tuple[str | None, str | None, Seen | None], at: int
    ) -> Submission:
        """A signed record that names what its author had seen."""
        data = encode(body)
        header = Header(
            type=kind,
            author=self.author,
            key=key_id(self.signer.public),
            at=time_of(at),
            body=body_digest(data),
            stream=where[0],
            lot=where[1],
            seen=where[2],
        )
        return Submission(seal(header, self.signer), data)

    def salt(self) -> str:
        """A fresh salt."""
        return self.entropy.bytes(32).hex()


def member(name: str) -> Person:
    """A member as author."""
    signer = signer_from_seed("ed25519", seed(f"{name} record"))
    return Person(f"{ROLES.get(name, 'centre')}:{name}", signer, SeededEntropy(name))


def log_signer(name: str) -> Signer:
    """A member's log key."""
    return signer_from_seed("ed25519", seed(f"{name} log"))


def witness_signer(name: str) -> Signer:
    """A member's witness key."""
    return signer_from_seed("ed25519", seed(f"{name} witness"))


def log_vkey(name: str) -> VerifierKey:
    """A member's log as policies name it."""
    public = bytes.fromhex(log_signer(name).public.key)
    return VerifierKey(f"{name}.example/log", ED25519, public)


def witness_vkey(name: str) -> VerifierKey:
    """A member's witness as policies name it."""
    public = bytes.fromhex(witness_signer(name).public.key)
    return VerifierKey(f"{name}.example/witness", COSIGNATURE, public)


def box_public(name: str) -> PublicKey:
    """A member's key for boxes."""
    return public_of_seed("x25519", seed(f"{name} box"))


def descriptor(name: str, *, status: str = "active") -> bytes:
    """What stands on the chain of a member."""
    found: list[tuple[KeyRole, PublicKey]] = [
        ("box", box_public(name)),
        ("chain", PublicKey(key=seed(name)[:20].hex(), suite="secp256k1-address")),
        ("log", log_signer(name).public),
        ("record", member(name).signer.public),
        ("witness", witness_signer(name).public),
    ]
    return encode(
        Descriptor(
            account=seed(name)[:20].hex(),
            endpoint=f"{name}.example:8443",
            http=f"http://{name}.example",
            id=name,
            keys=tuple(RegistryKey(key=p.key, role=role, suite=p.suite) for role, p in found),
            name_en=name,
            name_zh=name,
            origin=log_vkey(name).name,
            role=ROLES.get(name, "centre"),
            status=status,  # type: ignore[arg-type]
            tls=b64encode(seed(f"{name} tls")),
            witness=witness_vkey(name).name,
        )
    )


def _change(name: str, status: str, block: int) -> Change:
    return Change(name, seed(name)[:20].hex(), descriptor(name, status=status), block, 1000 * block)


def view(height: int = 7, suspended: tuple[str, ...] = ()) -> RegistryView:
    """The registry as the chain shows it."""
    changes = [_change(name, "active", 3) for name in sorted(ROLES)]
    changes += [_change(name, "suspended", height) for name in suspended]
    return RegistryView(tuple(changes), height, "bb" * 32, "aa" * 20, "a proof")


def members(me: str) -> Members:
    """A member's view of all."""
    made = Members(me)
    made.take(view())
    return made


def founding(
    name: str, kind: str = "tender", of: str | None = None, **changes: object
) -> list[Submission]:
    """The two records that open a stream."""
    keeper = member(name)
    kinds = TABLE if kind == "tender" else ("registry.noted/v1", *SIDE_KINDS.get(kind, ()))
    values = {
        "clock": "test",
        "hash": "sha256",
        "keeper": name,
        "kind": kind,
        "kinds": tuple(sorted({*kinds, "stream.opened/v1"})),
        "network": NETWORK,
        "ruleset": builtin_digest("jp-tsuchiura"),
        "salt": keeper.salt(),
        "of": of,
    }
    first = keeper.says("stream.opened/v1", StreamOpened(**{**values, **changes}), None)  # type: ignore[arg-type]
    stream = id_of(first)
    noted = members(name).noted(keeper.salt())
    return [first, keeper.says("registry.noted/v1", noted, stream)]


def id_of(item: Submission) -> str:
    """A record's id."""
    return open_envelope(item.envelope).id


def buyer() -> Person:
    """A buyer."""
    return Person("buyer:wuhan", signer_from_seed("ed25519", seed("buyer")), SeededEntropy("buyer"))


def planned(stream: str, tender: str = "T-1") -> Submission:
    """The buyer's plan."""
    who = buyer()
    body = TenderPlanned(
        buyer=who.signer.public,
        buyer_name="Buyer",
        origin="invented",
        tender=tender,
        title="A road",
        salt=who.salt(),
    )
    return who.says("tender.planned/v1", body, stream)


def composed(stream: str) -> Submission:
    """The buyer plans the committee, before the announcement."""
    who = buyer()
    committee = LotCommittee(lot="1", strata=(Stratum(specialty="roads", seats=5),))
    body = CommitteePlanned(committees=(committee,), salt=who.salt())
    return who.says("committee.planned/v1", body, stream)


DEADLINE = NOON + NOTICE_DAYS * DAY


def announced(stream: str) -> Submission:
    """The buyer's announcement: one lot, bids until `DEADLINE`."""
    who = buyer()
    lot = Lot(
        id="1",
        method=Method(kind="lowest-price"),
        ceiling="1000000",
    )
    body = TenderAnnounced(
        currency="JPY",
        deadline=time_of(DEADLINE),
        holders=tuple(sorted((GUEST, REGULATOR))),
        lots=(lot,),
        opening=time_of(DEADLINE + 60 * MINUTE),
        scale=0,
        threshold=2,
        unlock_until=time_of(DEADLINE + 90 * MINUTE),
        salt=who.salt(),
    )
    return who.says("tender.announced/v1", body, stream)


def bidder(name: str) -> Person:
    """A bidder with a one-time key."""
    signer = signer_from_seed("ed25519", seed(f"bid {name}"))
    return Person(f"bidder:{key_id(signer.public)}", signer, SeededEntropy(f"bid {name}"))


def sealed_bid(stream: str, name: str) -> tuple[Submission, MadeBox]:
    """A sealed bid and its box; the ciphertext goes into blobs before the record."""
    who = bidder(name)
    context = BoxContext(key=key_id(who.signer.public), purpose="bid", stream=stream, lot="1")
    holders = [(n, box_public(n)) for n in sorted((GUEST, REGULATOR))]
    made = make_box(f"bid of {name}".encode(), context, holders, 2, who.entropy.bytes)
    body = BidSealed(box=made.box, key=who.signer.public, salt=who.salt())
    item = who.says("bid.sealed/v1", body, stream, "1")
    return Submission(item.envelope, item.body, made.sealed), made
