"""One active member proposes what it likes; the others list, vote and execute as before.

The contract takes any id and any descriptor from an active member, and forgets nothing: what was
once proposed is read at every later look. On a real chain, through the node's own service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from chain.client import ChainClient
from chain.deploy import Founder, deploy
from node.adapters.ledger import ChainLedger
from node.core.errors import InvalidError
from node.core.evidence.registry import padded_id
from node.core.records.canonical import encode
from node.core.rules.registry import MAX_DESCRIPTOR, Descriptor
from node.services.members import Members
from node.services.voting import MOST_ALONE, Voting
from tests.chain_process import (
    CHAIN_ID,
    DEPLOYER,
    KEYS,
    STRANGER,
    ChainProcess,
    account_of,
    start_chain,
)
from tests.unit.services.test_voting import whole

NAMES = ("regulator", "shiyan", "xian", "zhuzhou")
OTHER = "0x" + "5e" * 20
NO_ID = b"\xff" * 32


def paper(name: str, key: bytes) -> bytes:
    """A readable descriptor over an account that is real on this chain."""
    found: Descriptor = whole(name)
    account = account_of(key)[2:]
    keys = tuple(
        msgspec.structs.replace(one, key=account) if one.role == "chain" else one
        for one in found.keys
    )
    return encode(msgspec.structs.replace(found, account=account, keys=keys))


@dataclass
class Hostile:
    """A network whose last member proposes what nobody should; the others vote as nodes do."""

    attacker: ChainClient
    nodes: list[Voting]

    def admits_luoyang(self) -> str:
        """What the others do all the while: list, propose, vote, execute. Gives the operation."""
        op = self.nodes[0].propose(paper("luoyang", STRANGER))
        for voter in self.nodes[1:]:
            voter.vote(op)
        self.nodes[0].execute(op)
        ballot = self.nodes[1].ballot()
        assert len(ballot.members) == len(NAMES) + 1
        return op


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ChainProcess]:
    process = start_chain(tmp_path / "chain")
    yield process
    assert process.stop() == 0


@pytest.fixture
def hostile(process: ChainProcess) -> Hostile:
    founders = [
        Founder(padded_id(name), account_of(key), paper(name, key))
        for name, key in zip(NAMES, KEYS, strict=True)
    ]
    found = deploy(process.url, CHAIN_ID, DEPLOYER, founders, process.folder / "deploy.json")
    clients = [process.client(found, key) for key in KEYS]
    ledgers = [ChainLedger(client) for client in clients[:-1]]
    nodes = [Voting(Members(n), one, one) for n, one in zip(NAMES, ledgers, strict=False)]
    return Hostile(clients[-1], nodes)


@pytest.mark.parametrize(
    ("member", "descriptor"),
    [
        pytest.param(NO_ID, b"{}", id="id-not-utf8"),
        pytest.param(b"\x1b[2J".ljust(32, b"\0"), b"{}", id="id-clears-the-terminal"),
        pytest.param("洛阳".encode().ljust(32, b"\0"), b"{}", id="id-of-no-pattern"),
        pytest.param(b"\0" * 31 + b"x", b"{}", id="id-begins-with-zeros"),
        pytest.param(padded_id("evil"), b"\xff\xfe", id="descriptor-not-utf8"),
        pytest.param(padded_id("evil"), b"[" * 5000, id="descriptor-deep"),
        pytest.param(padded_id("evil"), b" " * (MAX_DESCRIPTOR + 1), id="descriptor-too-long"),
        pytest.param(padded_id("evil"), paper("luoyang", STRANGER), id="descriptor-of-another"),
    ],
)
def test_a_proposal_that_nobody_can_read_stops_no_other(
    hostile: Hostile, member: bytes, descriptor: bytes
) -> None:
    bad = hostile.attacker.propose(member, OTHER, True, descriptor).hex()
    ballot = hostile.nodes[0].ballot()
    (told,) = ballot.proposals
    assert (told.op, told.what, told.voters) == (bad, "malformed", ("zhuzhou",))
    assert told.digest == sha256(descriptor).hexdigest()
    assert told.member.isascii()
    assert told.member.isprintable()
    for act in (hostile.nodes[0].vote, hostile.nodes[0].execute):
        with pytest.raises(InvalidError):
            act(bad)
    op = hostile.admits_luoyang()
    after = {one.op: one.open for one in hostile.nodes[2].ballot().proposals}
    assert after == {bad: False, op: False}


def test_an_executed_change_that_nobody_can_read_leaves_the_last_view(hostile: Hostile) -> None:
    """It needs the votes of more than half; a node holds on to what it knew, and says why."""
    node = hostile.nodes[0]
    node.ballot()
    before = node.members.view
    op = hostile.attacker.propose(NO_ID, OTHER, True, b"\xff")
    for voter in hostile.nodes:
        voter.ballots.vote(op.hex())
    hostile.attacker.execute(op)
    with pytest.raises(InvalidError):
        node.ballot()
    assert node.chain.registry().changes[-1].id == f"0x{NO_ID.hex()}"
    assert node.members.view is before
    assert [one.id for one in node.members.active()] == sorted(NAMES)


def test_one_member_s_flood_of_proposals_leaves_room_for_the_others(hostile: Hostile) -> None:
    calls = [
        ("registry", "propose", (bytes([1 + n]) * 32, OTHER, True, b"x" * 500))
        for n in range(MOST_ALONE + 20)
    ]
    op = hostile.nodes[0].propose(paper("luoyang", STRANGER))
    hostile.attacker.send(calls)
    told = [one.op for one in hostile.nodes[1].ballot().proposals]
    assert len(told) == MOST_ALONE + 1
    assert told[0] == op
