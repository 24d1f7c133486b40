"""What our operator may propose and vote for, and what the node refuses to sign."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from node.core.errors import InvalidError, MissingError, NodeError, RuleError
from node.core.log.policy import Quorum
from node.core.records.canonical import b64encode, decode, encode
from node.core.records.kinds.streams import RegistryKey
from node.core.rules.registry import Change, Descriptor
from node.services.members import OVERLAP_S, Members
from node.services.outdated import forget_outdated
from node.services.ports import Block, Chain, Proposed, RegistryView
from node.services.voting import Voting
from tests.simulators.people import descriptor, seed
from tests.simulators.people import view as people_view

HOST = "zhuzhou"


def whole(name: str, certificate: str = "", **changes: object) -> Descriptor:
    """A descriptor as a node makes it: the certificate's digest among its keys."""
    found = decode(descriptor(name), Descriptor)
    tls = seed(f"{certificate or name} tls")
    pin = RegistryKey(role="tls", key=sha256(tls).hexdigest(), suite="x509-sha256")
    keys = tuple(sorted((*found.keys, pin), key=lambda key: (key.role, key.key)))
    return msgspec.structs.replace(found, keys=keys, tls=b64encode(tls), **changes)


@dataclass
class Contract:
    """The registry contract in memory; `asked` is what our account sent."""

    changes: list[Change]
    height: int = 7
    found: list[Proposed] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    seen: tuple[Change, ...] = ()

    def latest(self) -> Block:
        self.seen = tuple(self.changes)
        return Block(self.height, "bb" * 32, 0)

    def registry(self) -> RegistryView:
        return RegistryView(self.seen, self.height, "bb" * 32, "aa" * 20, "a proof")

    def proposed(self) -> tuple[list[Proposed], int]:
        return self.found, 3

    def propose(self, member: str, account: str, descriptor: bytes, *, active: bool) -> str:
        op = f"{len(self.found):064x}"[::-1]
        self.found.append(
            Proposed(op, member, account, active, descriptor, ("aa" * 20,), open=True)
        )
        self.asked.append("propose")
        return op

    def vote(self, op: str) -> None:
        self.asked.append(f"vote {op}")

    def execute(self, op: str) -> None:
        self.asked.append(f"execute {op}")


@pytest.fixture
def contract() -> Contract:
    known = [one.id for one in people_view().changes]
    made = [whole(name) for name in known]
    return Contract([Change(one.id, one.account, encode(one), 3, 3000) for one in made])


@pytest.fixture
def voting(contract: Contract) -> Voting:
    return Voting(Members(HOST), cast("Chain", contract), contract)


def test_a_new_member_is_proposed_and_voted_for(voting: Voting, contract: Contract) -> None:
    op = voting.propose(encode(whole("luoyang")))
    assert voting.vote(op[:8]) == voting.execute(op) == op
    assert contract.asked == ["propose", f"vote {op}", f"execute {op}"]
    told = voting.ballot().proposals[0]
    assert (told.what, told.member, told.open) == ("admit", "luoyang", True)


def test_a_member_is_suspended_and_taken_back(voting: Voting, contract: Contract) -> None:
    name = contract.changes[0].id
    voting.propose_status(name, "suspended")
    made = contract.found[0]
    assert (made.member, made.active) == (name, False)
    assert voting.ballot().proposals[0].what == "suspend"
    contract.changes.append(Change(name, made.account, made.descriptor, 5, 5000))
    voting.propose_status(name, "active")
    assert voting.ballot().proposals[-1].what == "admit"


def test_an_address_changes_by_votes(voting: Voting) -> None:
    moved = whole(HOST, endpoint="new.example:8443", certificate="renewed")
    voting.propose(encode(moved))
    assert voting.ballot().proposals[0].what == "change"


@pytest.mark.parametrize("name", ["account", "endpoint", "http", "origin", "witness", "tls"])
def test_nobody_takes_what_is_another_s(voting: Voting, contract: Contract, name: str) -> None:
    other = whole(HOST)
    wrong = msgspec.structs.replace(whole("luoyang"), **{name: getattr(other, name)})
    with pytest.raises(RuleError):
        voting.propose(encode(wrong))
    assert not contract.asked


@pytest.mark.parametrize("role", ["record", "log", "witness", "box"])
def test_nobody_takes_another_s_key(voting: Voting, contract: Contract, role: str) -> None:
    stolen = next(key for key in whole(HOST).keys if key.role == role)
    new = whole("luoyang")
    keys = tuple(stolen if key.role == role else key for key in new.keys)
    with pytest.raises(RuleError, match="key of"):
        voting.propose(encode(msgspec.structs.replace(new, keys=keys)))
    assert not contract.asked


@pytest.mark.parametrize("role", ["record", "log", "witness", "box"])
def test_a_member_keeps_its_keys(voting: Voting, contract: Contract, role: str) -> None:
    fresh = next(key for key in whole("luoyang").keys if key.role == role)
    old = whole(HOST)
    keys = tuple(fresh if key.role == role else key for key in old.keys)
    with pytest.raises(RuleError, match="keeps its keys"):
        voting.propose(encode(msgspec.structs.replace(old, keys=keys)))
    assert not contract.asked


@pytest.mark.parametrize("change", [{"origin": "other.example/log"}, {"role": "regulator"}])
def test_a_member_keeps_log_and_role(voting: Voting, change: dict[str, Any]) -> None:
    with pytest.raises(RuleError, match="keeps its"):
        voting.propose(encode(whole(HOST, **change)))


def test_what_stands_so_already_is_not_proposed(voting: Voting) -> None:
    with pytest.raises(RuleError, match="already"):
        voting.propose_status(HOST, "active")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"id":1}', b"\xff", b"[" * 10**5, b" " * 20000])
def test_bytes_that_are_no_descriptor_are_refused(voting: Voting, data: bytes) -> None:
    with pytest.raises(InvalidError):
        voting.propose(data)


@pytest.mark.parametrize(
    "wrong", [{"account": "ee" * 20}, {"active": False}, {"descriptor": b"{}"}, {"member": "xian"}]
)
def test_nobody_votes_for_a_proposal_that_says_two_things(
    voting: Voting, contract: Contract, wrong: dict[str, Any]
) -> None:
    op = voting.propose(encode(whole("luoyang")))
    contract.found = [replace(contract.found[0], **wrong)]
    for act in (voting.vote, voting.execute):
        with pytest.raises(NodeError):
            act(op)
    assert contract.asked == ["propose"]
    assert voting.ballot().proposals[0].what == "malformed"


def test_an_operation_is_named_by_enough_digits(voting: Voting) -> None:
    with pytest.raises(InvalidError):
        voting.vote("0" * 7)
    with pytest.raises(MissingError):
        voting.vote("f" * 64)
    with pytest.raises(MissingError):
        voting.propose_status("nobody", "suspended")


def test_eras_of_a_log_follow_the_registry(contract: Contract) -> None:
    members = Members(HOST)
    new = whole("luoyang")
    contract.changes.append(Change("luoyang", new.account, encode(new), 5, 5000))
    contract.latest()
    members.take(contract.registry())
    before, now = members.eras(HOST)
    assert (before.until, now.until) == (5000 + OVERLAP_S, None)
    assert len(now.quorum.witnesses) == len(before.quorum.witnesses) + 1
    assert [era.until for era in members.eras("luoyang")] == [None]
    assert isinstance(members.quorum(HOST), Quorum)


@dataclass
class Kept:
    """A store that holds outdated quorums of one log."""

    sizes: list[int]

    def newest(self, origin: str) -> object:
        if origin != "zhuzhou.example/log" or not self.sizes:
            return None
        return SimpleNamespace(size=self.sizes[-1], quorum="no note")

    def drop_quorum(self, origin: str, size: int) -> None:
        assert (origin, self.sizes.pop()) == ("zhuzhou.example/log", size)


def test_memory_of_an_old_quorum_is_dropped_until_a_good_one() -> None:
    """See tests/ports/test_store.py for the store; here: newest first, and it stops."""
    members = Members(HOST)
    members.take(people_view())

    kept = Kept([4, 8])
    assert forget_outdated(cast("Any", kept), members) == 2
    assert kept.sizes == []
