"""Who may change the registry, and when: the contract's own refusals, on a real chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.deploy import head_of
from chain.errors import ChainError
from node.core.evidence.anchor_devnet import registry_head_of
from tests.chain_net import WORD, Net, refused
from tests.chain_process import ACCOUNTS, KEYS, STRANGER, account_of, founders, start_chain

NEW = b"luoyang".ljust(32, b"\0")
PAPER = b'{"id":"luoyang"}'


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    """A network of its own for each test: its members change."""
    process = start_chain(tmp_path / "chain")
    deployment = process.deploy()
    clients = [process.client(deployment, key) for key in (*KEYS, STRANGER)]
    yield Net(process, deployment, clients[:-1], clients[-1])
    assert process.stop() == 0


def admit(net: Net) -> bytes:
    """Propose the stranger as a member."""
    return net.host.propose(NEW, account_of(STRANGER), True, PAPER)


def test_more_than_half_admit_a_member_who_then_writes_and_votes(net: Net) -> None:
    op = admit(net)
    assert net.host.votes_needed() == 3
    refused("RegistryTooFewVotes", net.host, ("registry", "execute", (op,)))
    assert net.members[1].vote(op)
    assert net.members[1].vote(op) is None
    assert net.members[2].vote(op)
    assert net.host.operations()[0].voters == tuple(ACCOUNTS[:3])
    assert not net.host.is_active(account_of(STRANGER))
    done = net.members[3].execute(op)
    assert net.stranger.is_active(account_of(STRANGER))
    assert net.stranger.anchor_checkpoint(1, WORD)
    changes = net.host.registry_changes()
    assert (changes[-1].id, changes[-1].descriptor, changes[-1].block) == (NEW, PAPER, done.block)
    head = registry_head_of((c.id, c.block, c.descriptor) for c in changes)
    assert head == net.host.registry_head() != head_of(founders(), net.deployment.block)
    assert net.host.votes_needed() == 3  # of five


def test_suspended_member_neither_writes_nor_votes_and_can_come_back(net: Net) -> None:
    last = net.members[3]
    one = founders()[3]
    op = net.host.propose(one.id, one.account, False, b'{"status":"suspended"}')
    for member in net.members[1:3]:
        member.vote(op)
    net.host.execute(op)
    assert not net.host.is_active(one.account)
    refused("RegistryNotActive", last, ("registry", "vote", (op,)))
    refused("RegistryNotActive", last, ("registry", "propose", (one.id, one.account, True, b"x")))
    refused("AnchorNotActive", last, ("anchor", "anchorCheckpoint", (1, WORD)))
    assert net.host.votes_needed() == 2
    back = net.host.propose(one.id, one.account, True, one.descriptor)
    net.guest.vote(back)
    net.guest.execute(back)
    assert last.anchor_checkpoint(1, WORD)


def test_votes_lapse_when_the_registry_changes(net: Net) -> None:
    """A vote of somebody who was suspended after it can never be counted."""
    op, one = admit(net), founders()[3]
    net.members[3].vote(op)
    out = net.host.propose(one.id, one.account, False, b"{}")
    for member in net.members[1:3]:
        member.vote(out)
    net.host.execute(out)
    refused("RegistryLapsed", net.guest, ("registry", "vote", (op,)))
    refused("RegistryLapsed", net.guest, ("registry", "execute", (op,)))
    assert [one.open for one in net.host.operations()] == [False, False]
    assert admit(net) != op


def test_nobody_is_counted_twice(net: Net) -> None:
    op = admit(net)
    assert admit(net) == op
    refused("RegistryVoted", net.host, ("registry", "vote", (op,)))
    call = ("registry", "propose", (NEW, account_of(STRANGER), True, PAPER))
    refused("RegistryVoted", net.host, call)
    assert [len(one.voters) for one in net.host.operations()] == [1]


def test_executed_once(net: Net) -> None:
    op = admit(net)
    for member in net.members[1:3]:
        member.vote(op)
    net.host.execute(op)
    refused("RegistryLapsed", net.host, ("registry", "execute", (op,)))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("RegistryBadId", (bytes(32), account_of(STRANGER), True, PAPER)),
        ("RegistryBadAccount", (NEW, ACCOUNTS[1], True, PAPER)),
        ("RegistryBadAccount", (founders()[1].id, account_of(STRANGER), True, PAPER)),
        ("RegistryBadAccount", (NEW, "0x" + "00" * 20, True, PAPER)),
        ("RegistryEmptyDescriptor", (NEW, account_of(STRANGER), True, b"")),
    ],
)
def test_what_cannot_be_is_not_even_proposed(net: Net, name: str, args: tuple[object, ...]) -> None:
    refused(name, net.host, ("registry", "propose", args))


def test_stranger_changes_nothing(net: Net) -> None:
    with pytest.raises(ChainError) as caught:
        net.stranger.propose(NEW, account_of(STRANGER), True, PAPER)
    assert caught.value.name == "RegistryNotActive"
    op = admit(net)
    refused("RegistryNotActive", net.stranger, ("registry", "vote", (op,)))
    refused("RegistryNotActive", net.stranger, ("registry", "execute", (op,)))


def test_network_keeps_one_active_member(net: Net) -> None:
    left = list(zip(net.members, founders(), strict=True))
    while len(left) > 1:
        member, gone = left[0][0], left[-1][1]
        op = member.propose(gone.id, gone.account, False, b"{}")
        for other, _ in left[1 : member.votes_needed()]:
            other.vote(op)
        left.pop()
        member.execute(op)
    alone, entry = left[0]
    op = alone.propose(entry.id, entry.account, False, b"{}")
    refused("RegistryLastMember", alone, ("registry", "execute", (op,)))
