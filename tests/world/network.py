"""The network in memory: members, their logs, pools and side streams, the chain, the policy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from node.core.evidence.anchors import wanted_slots as anchor_slots
from node.core.evidence.assemble import assemble
from node.core.evidence.extent import StreamPart, needs_of, shown
from node.core.evidence.registry import entries_at
from node.core.evidence.rounds import wanted_slots as beacon_slots
from node.core.evidence.trust import Trust, parse_trust
from node.core.log.policy import policy_text
from node.core.records.canonical import decode, encode, time_of
from node.core.records.envelope import Envelope, Header, Seen, body_digest, seal
from node.core.records.keys import Signer, key_id
from node.core.records.kinds import KINDS
from node.core.records.kinds.draws import PoolCell, PoolPublished
from node.core.records.kinds.streams import Network as NetworkId
from node.core.records.kinds.streams import RegistryNoted, StreamEndorsed, StreamOpened
from node.core.rules.registry import Descriptor
from node.core.rules.side import OwnState, apply_own
from tests.world.chain import CHAIN_ID, Chain
from tests.world.chance import Chance
from tests.world.logs import F, Log
from tests.world.members import Member, make_member

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import Placed

HOST = "zhuzhou"
REGULATOR = "hunan"
CENTRES = ("changsha", "xiangtan", HOST)
START = 1_772_413_200  # 2026-03-02T01:00:00Z


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs: author and key."""

    author: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Links:
    """The members of a header that depend on the stream."""

    stream: str | None = None
    lot: str | None = None
    seen: Seen | None = None


def write(person: Person, kind: str, body: Body, at: int, links: Links) -> tuple[Envelope, bytes]:
    """Make and sign one record."""
    data = encode(body)
    header = Header(
        type=kind,
        author=person.author,
        key=key_id(person.signer.public),
        at=time_of(at),
        body=body_digest(data),
        stream=links.stream,
        lot=links.lot,
        seen=links.seen,
    )
    return seal(header, person.signer), data


class Network:
    """All members at one moment."""

    def __init__(self, name: str, ruleset: str) -> None:
        self.chance = Chance(name)
        self.ruleset = ruleset
        self.now = START
        self.members = {n: make_member(n, "centre", self.chance) for n in CENTRES}
        self.members[REGULATOR] = make_member(REGULATOR, "regulator", self.chance)
        everybody = list(self.members.values())
        self.logs = {
            m.id: Log(m, [w for w in everybody if w is not m], self.chance) for m in everybody
        }
        self.chain = Chain(Chance(f"{name} chain"), self.now)
        self.chain.found(everybody)
        self.own: dict[str, OwnState] = {}
        self.pools = {name: self.open_own(name, "pool") for name in CENTRES}
        for name in CENTRES:
            self.publish_snapshot(name)

    def person(self, member: str) -> Person:
        """A member as author."""
        found = self.members[member]
        return Person(found.author, found.record)

    def opening(self, member: str, kind: str, of: str | None = None) -> StreamOpened:
        """The first body of a stream."""
        return StreamOpened(
            clock="test",
            hash="sha256",
            keeper=member,
            kind=kind,  # type: ignore[arg-type]
            kinds=tuple(sorted(KINDS)),
            network=NetworkId(chain_id=CHAIN_ID, registry=self.chain.contracts["registry"]),
            of=of,
            ruleset=self.ruleset,
            salt=self.chance.salt(),
        )

    def noted(self) -> RegistryNoted:
        """The registry as the chain shows it now."""
        self.chain.mine(self.now)
        view = self.chain.view()
        changes = [(c.block, decode_descriptor(c.descriptor)) for c in self.chain.changes]
        return RegistryNoted(
            block=view.block,
            contract=view.contract,
            entries=entries_at(changes, view.height),
            hash=view.hash,
            height=view.height,
            proof=view.proof,
            salt=self.chance.salt(),
        )

    def open_own(self, member: str, kind: str, of: str | None = None) -> str:
        """Open a side or pool stream; gives its id."""
        envelope, data = write(
            self.person(member),
            "stream.opened/v1",
            self.opening(member, kind, of),
            self.now,
            Links(),
        )
        placed = self.logs[member].add(kind, envelope, data, self.now)
        self.own[placed.id] = OwnState(kind)
        self._fold(placed.id, placed, data)
        self.own_say(placed.id, "registry.noted/v1", self.noted())
        return placed.id

    def own_say(self, stream: str, kind: str, body: Body) -> Placed:
        """A keeper's record in its own stream."""
        state = self.own[stream]
        envelope, data = write(
            self.person(state.keeper), kind, body, self.now, Links(stream=stream)
        )
        placed = self.logs[state.keeper].add(state.kind, envelope, data, self.now)
        return self._fold(stream, placed, data)

    def _fold(self, stream: str, placed: Placed, data: bytes) -> Placed:
        whole = replace(placed, body=decode(data, KINDS[placed.header.type]))
        self.own[stream] = apply_own(self.own[stream], whole)
        return whole

    def publish_snapshot(self, member: str) -> None:
        """The pool's next snapshot. Its entries stay in the pool, so any root does here."""
        stream = self.pools[member]
        epoch = len(self.own[stream].snapshots) + 1
        cell = PoolCell(count=40, region="hunan", specialty="works")
        body = PoolPublished(
            cells=(cell,), epoch=epoch, root=self.chance.salt(), salt=self.chance.salt(), size=40
        )
        self.own_say(stream, "pool.published/v1", body)

    def tick(self) -> None:
        """Every log that has something waiting publishes it, and all partners cosign."""
        self.now += 2
        for log in self.logs.values():
            if any(stream.waiting for stream in log.streams.values()):
                log.tick(self.now)
        self.now += 4

    def wait_until(self, time: int) -> None:
        """Nothing happens until then."""
        self.now = max(self.now, time)

    def endorse(self, stream: str, host: str) -> None:
        """A participant endorses the newest published place of the host's stream."""
        seq, entry = self.logs[HOST].streams[host].last
        before = self.own[stream].endorsed
        if before is not None and before.seq == seq:
            return
        disputes = len(self.own[stream].disputes)
        body = StreamEndorsed(disputes=disputes, entry=entry, salt=self.chance.salt(), seq=seq)
        self.own_say(stream, "stream.endorsed/v1", body)

    def anchor_logs(self) -> None:
        """Every log's newest checkpoint goes on the chain."""
        self.chain.mine(self.now)
        for log in self.logs.values():
            log.anchored = log.tree.size
            self.chain.anchor_checkpoint(log.member.account, log.tree.size, log.tree.root())

    def parts(self, host: str) -> list[StreamPart]:
        """All streams as `assemble` takes them."""
        found = [self.logs[HOST].part(host)]
        return found + [self.logs[own.keeper].part(stream) for stream, own in self.own.items()]

    def evidence(self, host: str, reader: str) -> bytes:
        """The evidence file of the tender for a reader."""
        parts = self.parts(host)
        cut = shown(parts, reader)
        needs = needs_of(cut)
        self.chain.mine(self.now)
        accounts = [self.members[keeper].account for keeper in needs.keepers]
        keeper = self.members[HOST].account
        notes = [self.chain.prove("anchor", anchor_slots(host, keeper, accounts))]
        opener = bytes.fromhex(keeper)
        rounds = [(one, opener, self.chain.members_of[one]) for one in needs.rounds]
        if rounds:
            notes.append(self.chain.prove("beacon", beacon_slots(rounds)))
        return assemble(cut, self.chain.changes, notes, reader)

    def policy(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON of any shape
        """The reader's policy as JSON; members may be replaced."""
        whole: dict[str, Any] = {
            "allow": {"one_operator_chain": True, "test_clock": True},
            "beacons": ["commit-reveal"],
            "centres": [_pin(self.members[name]) for name in CENTRES],
            "chain": {
                "contracts": self.chain.contracts,
                "kind": "anvil",
                "operator": {"key": self.chain.operator.public.key, "suite": "ed25519"},
            },
            "format": "yuanping-trust/v1",
            "logs": [_log_trust(log) for log in self.logs.values()],
            "network": {"chain_id": CHAIN_ID, "registry": self.chain.contracts["registry"]},
            "regulators": [_pin(self.members[REGULATOR])],
            "rulesets": [self.ruleset],
        }
        return whole | changes

    def trust(self, **changes: Any) -> Trust:  # noqa: ANN401 - JSON of any shape
        """The reader's policy, read."""
        return parse_trust(json.dumps(self.policy(**changes)).encode())


def decode_descriptor(data: bytes) -> Descriptor:
    """Read a descriptor as the file holds it."""
    return decode(data, Descriptor)


def _pin(member: Member) -> dict[str, Any]:
    keys = [{"key": k.key, "role": k.role, "suite": k.suite} for k in member.registry_keys()]
    return {"id": member.id, "keys": keys}


def _log_trust(log: Log) -> dict[str, Any]:
    witnesses = [(w.id, w.witness_vkey) for w in log.witnesses]
    text = policy_text(log.member.log_vkey, witnesses, log.quorum.q)
    return {
        "f": F,
        "n": len(witnesses),
        "origin": log.member.log_vkey.name,
        "q": log.quorum.q,
        "tlog_policy": text,
    }
