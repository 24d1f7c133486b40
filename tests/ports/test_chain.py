"""The contracts' rules, on a real development chain."""

from __future__ import annotations

import pytest

from chain.abi import decode_error, encode_constructor
from chain.calls import Call
from chain.client import ChainClient
from chain.deploy import (
    Founder,
    addresses_of,
    created_address,
    deploy,
    head_of,
    load_deployment,
    registry_data,
)
from chain.errors import ChainError
from chain.facts import RoundOpened, RoundSaid
from chain.rpc import Rpc, RpcError
from chain.sender import Sender, Transaction
from node.core.evidence import anchor_devnet as core
from tests.chain_net import OTHER, WORD, Net, commit_all, commitment, fresh, open_for_three, refused
from tests.chain_process import ACCOUNTS, CHAIN_ID, DEPLOYER, KEYS, STRANGER, account_of, founders

# Registry


def test_registry_shows_founders_and_a_head_anybody_recomputes(net: Net) -> None:
    changes = net.host.registry_changes()
    assert [(c.id, c.account, c.descriptor) for c in changes] == [
        (f.id, f.account, f.descriptor) for f in founders()
    ]
    assert {c.block for c in changes} == {net.deployment.block}
    for number in range(1, len(changes) + 1):
        part = [(c.id, c.block, c.descriptor) for c in changes[:number]]
        head = head_of(founders()[:number], net.deployment.block)
        assert core.registry_head_of(part) == head == changes[number - 1].head
    assert net.host.registry_head() == changes[-1].head
    assert net.host.registry_changes(net.deployment.block - 1) == []
    assert [net.host.is_active(a) for a in (*ACCOUNTS, account_of(STRANGER))] == [True] * 4 + [
        False
    ]


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("RegistryUnevenLists", ([], [], [])),
        ("RegistryUnevenLists", ([WORD], [ACCOUNTS[0], ACCOUNTS[1]], [b"{}"])),
        ("RegistryUnevenLists", ([WORD], [ACCOUNTS[0]], [b"{}", b"{}"])),
        ("RegistryBadId", ([bytes(32)], [ACCOUNTS[0]], [b"{}"])),
        ("RegistryBadId", ([WORD, WORD], ACCOUNTS[:2], [b"{}", b"{}"])),
        ("RegistryBadAccount", ([WORD, OTHER], [ACCOUNTS[0]] * 2, [b"{}", b"{}"])),
        ("RegistryBadAccount", ([WORD], ["0x" + "00" * 20], [b"{}"])),
        ("RegistryEmptyDescriptor", ([WORD], [ACCOUNTS[0]], [b""])),
    ],
)
def test_registry_refuses_unlawful_founders(
    net: Net, name: str, lists: tuple[list[object], ...]
) -> None:
    assert refused_founding(net, *lists, *ACCOUNTS[:2]) == name


def refused_founding(net: Net, *args: object) -> str:
    """Give the name of the error with which the registry refuses to be created so."""
    data = "0x" + encode_constructor("registry", *args).hex()
    with pytest.raises(RpcError) as caught:
        net.host.rpc.call("eth_call", {"from": ACCOUNTS[0], "data": data}, "latest")
    return decode_error("registry", caught.value.data)[0]


@pytest.mark.parametrize(
    "others", [("00" * 20, "11" * 20), ("11" * 20, "00" * 20), ("11" * 20, "11" * 20)]
)
def test_registry_refuses_a_network_that_cannot_be(net: Net, others: tuple[str, str]) -> None:
    addresses = [f"0x{other}" for other in others]
    lists = ([WORD], [ACCOUNTS[0]], [b"{}"])
    assert refused_founding(net, *lists, *addresses) == "RegistryBadContracts"


def test_registry_names_the_other_contracts(net: Net) -> None:
    made = net.deployment
    assert net.guest.other_contracts() == (made.anchor, made.beacon)
    assert addresses_of(account_of(DEPLOYER)) == made.contracts


def test_deploy_again_finds_the_same_and_refuses_other_founders(net: Net) -> None:
    url = net.process.url
    assert deploy(url, CHAIN_ID, DEPLOYER, founders(), None) == net.deployment
    assert load_deployment(net.process.folder / "deploy.json") == net.deployment
    assert net.deployment.registry == created_address(account_of(DEPLOYER), 0)
    with pytest.raises(ChainError, match="another registry"):
        deploy(url, CHAIN_ID, DEPLOYER, founders()[:3], None)


def test_deploy_goes_on_where_it_was_cut_off(net: Net) -> None:
    key, whole = b"\x55" * 32, [Founder(WORD, ACCOUNTS[0], b"{}")]
    again = Sender(Rpc(net.process.url), CHAIN_ID, key)
    ahead = addresses_of(again.account)
    data = registry_data(whole, ahead["anchor"], ahead["beacon"])
    again.send([Transaction(b"", data, 5_000_000)])
    made = deploy(net.process.url, CHAIN_ID, key, whole, None)
    assert made.contracts == ahead
    assert ChainClient.at_registry(net.process.url, made.registry, KEYS[0]).anchor_checkpoint(
        1, WORD
    )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_deployer_that_made_something_else_is_refused(net: Net, number: int) -> None:
    """A transfer, a contract of another registry, and a registry of other neighbours."""
    key, whole = bytes([0x58 + number]) * 32, [Founder(WORD, ACCOUNTS[0], b"{}")]
    sender = Sender(Rpc(net.process.url), CHAIN_ID, key)
    ahead = addresses_of(sender.account)
    foreign = encode_constructor("anchor", net.deployment.registry)
    misled = registry_data(whole, net.deployment.anchor, ahead["beacon"])
    right = registry_data(whole, ahead["anchor"], ahead["beacon"])
    nobody = bytes.fromhex(ACCOUNTS[3][2:])
    wrong = [
        [Transaction(b"", right, 5_000_000), Transaction(nobody, b"", 30_000)],
        [Transaction(b"", right, 5_000_000), Transaction(b"", foreign, 5_000_000)],
        [Transaction(b"", misled, 5_000_000)],
    ]
    sender.send(wrong[number])
    with pytest.raises(ChainError, match="something else than the"):
        deploy(net.process.url, CHAIN_ID, key, whole, None)


# Anchor


def test_checkpoint_grows_and_never_shrinks_or_forks(net: Net) -> None:
    one = net.members[3]
    assert one.anchor_checkpoint(5, WORD)
    assert one.anchor_checkpoint(5, WORD) is None
    refused("AnchorSizeMustGrow", one, ("anchor", "anchorCheckpoint", (5, OTHER)))
    refused("AnchorSizeMustGrow", one, ("anchor", "anchorCheckpoint", (4, OTHER)))
    refused("AnchorSizeMustGrow", one, ("anchor", "anchorCheckpoint", (0, OTHER)))
    at = one.latest()
    assert one.anchor_checkpoint(6, OTHER)
    assert (one.checkpoint(one.account).size, one.checkpoint(one.account).root) == (6, OTHER)
    assert one.checkpoint(one.account, at.number).root == WORD


def test_stranger_writes_nothing(net: Net) -> None:
    stream = fresh()
    who = net.stranger
    refused("AnchorNotActive", who, ("anchor", "anchorCheckpoint", (1, WORD)))
    refused("AnchorNotActive", who, ("anchor", "setDeadline", (stream, 1)))
    refused("AnchorNotActive", who, ("anchor", "closeBids", (stream, WORD, WORD)))
    refused("AnchorNotActive", who, ("anchor", "setResult", (stream, WORD, WORD)))
    members = sorted([ACCOUNTS[0], who.account])
    refused("BeaconNotActive", who, ("beacon", "open", (stream, members, 50, 49)))
    for account in (who.account, ACCOUNTS[0]):
        assert net.host.tender(stream, account).keeper == ""


def test_deadline_moves_later_only(net: Net) -> None:
    stream, now = fresh(), net.now()
    assert net.host.set_deadline(stream, now + 100)
    assert net.host.set_deadline(stream, now + 100) is None
    for earlier in (now + 99, now + 100, 0):
        refused("AnchorDeadlineMustGrow", net.host, ("anchor", "setDeadline", (stream, earlier)))
    assert net.host.set_deadline(stream, now + 200)
    slots = net.host.tender(stream, ACCOUNTS[0])
    assert (slots.keeper, slots.deadline) == (ACCOUNTS[0], now + 200)
    refused("AnchorDeadlineMustGrow", net.guest, ("anchor", "setDeadline", (fresh(), 0)))


def test_a_member_that_opens_a_tenders_slots_under_its_own_name_changes_nothing_for_the_host(
    net: Net,
) -> None:
    """Stream ids are no secret: the keeper is part of the key, before, between and after."""
    stream, deadline = fresh(), net.now() + 1000
    assert net.guest.set_deadline(stream, 2**64 - 1)
    assert net.host.tender(stream, ACCOUNTS[0]).keeper == ""
    assert net.host.set_deadline(stream, deadline)
    other = net.members[2]
    assert other.set_deadline(stream, 1)
    assert other.close_bids(stream, OTHER, OTHER)
    assert other.set_result(stream, OTHER, OTHER)
    seen = net.host.tender(stream, ACCOUNTS[0])
    assert (seen.keeper, seen.deadline, seen.bids_at) == (ACCOUNTS[0], deadline, 0)
    net.jump_to(deadline)
    assert net.host.close_bids(stream, WORD, WORD)
    assert net.host.set_result(stream, WORD, OTHER)
    seen = net.host.tender(stream, ACCOUNTS[0])
    assert (seen.bids_root, seen.result, seen.result_head) == (WORD, WORD, OTHER)
    theirs = net.host.tender(stream, other.account)
    assert (theirs.keeper, theirs.deadline, theirs.bids_root) == (other.account, 1, OTHER)


def test_bids_close_once_at_the_deadline_and_before_the_result(net: Net) -> None:
    stream, deadline = fresh(), net.now() + 1000
    refused("AnchorNoDeadline", net.host, ("anchor", "closeBids", (stream, WORD, OTHER)))
    refused("AnchorNoDeadline", net.host, ("anchor", "setResult", (stream, WORD, OTHER)))
    net.host.set_deadline(stream, deadline)
    refused("AnchorBeforeDeadline", net.host, ("anchor", "closeBids", (stream, WORD, OTHER)))
    refused("AnchorBidsNotClosed", net.host, ("anchor", "setResult", (stream, WORD, OTHER)))
    net.jump_to(deadline)
    refused("AnchorNoDeadline", net.guest, ("anchor", "closeBids", (stream, WORD, OTHER)))
    refused("AnchorZero", net.host, ("anchor", "closeBids", (stream, bytes(32), OTHER)))
    refused("AnchorZero", net.host, ("anchor", "closeBids", (stream, WORD, bytes(32))))
    assert net.host.close_bids(stream, WORD, OTHER)
    assert net.host.close_bids(stream, WORD, OTHER) is None
    refused("AnchorBidsAlreadyClosed", net.host, ("anchor", "closeBids", (stream, OTHER, WORD)))
    later = ("anchor", "setDeadline", (stream, deadline + 500))
    refused("AnchorBidsAlreadyClosed", net.host, later)
    assert net.host.tender(stream, ACCOUNTS[0]).bids_at >= deadline


def test_nothing_is_not_taken_for_what_stands(net: Net) -> None:
    """Slots not yet written hold zeros: writing zeros is refused, not passed over as done."""
    stream, nothing = fresh(), bytes(32)
    for write in (net.host.close_bids, net.host.set_result):
        with pytest.raises(ChainError) as caught:
            write(stream, nothing, nothing)
        assert caught.value.name == "AnchorNoDeadline"


def test_result_is_written_once_and_only_under_the_writers_name(net: Net) -> None:
    stream = fresh()
    net.host.set_deadline(stream, 1)
    net.host.close_bids(stream, WORD, OTHER)
    refused("AnchorNoDeadline", net.guest, ("anchor", "setResult", (stream, WORD, OTHER)))
    refused("AnchorZero", net.host, ("anchor", "setResult", (stream, bytes(32), OTHER)))
    refused("AnchorZero", net.host, ("anchor", "setResult", (stream, OTHER, bytes(32))))
    assert net.host.set_result(stream, OTHER, WORD)
    assert net.host.set_result(stream, OTHER, WORD) is None
    refused("AnchorResultAlreadySet", net.host, ("anchor", "setResult", (stream, WORD, OTHER)))
    slots = net.host.tender(stream, ACCOUNTS[0])
    assert (slots.bids_root, slots.bids_head) == (WORD, OTHER)
    assert (slots.result, slots.result_head) == (OTHER, WORD)
    assert slots.result_at >= slots.bids_at > 0


# Beacon


def test_a_whole_round(net: Net) -> None:
    before = net.host.latest().number
    round_id, _ = open_for_three(net)
    secrets = [fresh() for _ in range(3)]
    commit_all(net, round_id, secrets)
    for member, secret in zip(net.members, secrets, strict=False):
        assert member.reveal(round_id, ACCOUNTS[0], secret)
        assert member.reveal(round_id, ACCOUNTS[0], secret) is None
    seen = net.host.round(round_id, ACCOUNTS[0])
    assert seen is not None
    assert (seen.commits, seen.reveals, seen.members) == (3, 3, tuple(sorted(ACCOUNTS[:3])))
    assert [net.host.secret(round_id, ACCOUNTS[0], a) for a in ACCOUNTS[:3]] == secrets
    opened, *said = net.guest.look(before + 1).told
    by = (seen.commit_by, seen.reveal_by)
    assert opened == RoundOpened(round_id, ACCOUNTS[0], tuple(sorted(ACCOUNTS[:3])), *by)
    assert said == [
        RoundSaid(round_id, ACCOUNTS[0], account, word, revealed=revealed)
        for revealed in (False, True)
        for account, secret in zip(ACCOUNTS[:3], secrets, strict=True)
        for word in [secret if revealed else commitment(round_id, account, secret)]
    ]


def test_nobody_reveals_before_all_have_committed(net: Net) -> None:
    round_id, _ = open_for_three(net)
    commit_all(net, round_id, [WORD, WORD])
    call = ("beacon", "reveal", (round_id, ACCOUNTS[0], WORD))
    refused("BeaconCommitsMissing", net.host, call)
    refused("BeaconNotMember", net.members[3], call)


def test_a_secret_must_match_and_a_step_is_taken_once(net: Net) -> None:
    round_id, _ = open_for_three(net)
    commit_all(net, round_id, [WORD, WORD, WORD])
    again = ("beacon", "commit", (round_id, ACCOUNTS[0], OTHER))
    refused("BeaconAlreadyDone", net.host, again)
    refused("BeaconMismatch", net.host, ("beacon", "reveal", (round_id, ACCOUNTS[0], OTHER)))
    refused("BeaconZero", net.host, ("beacon", "reveal", (round_id, ACCOUNTS[0], bytes(32))))
    assert net.host.reveal(round_id, ACCOUNTS[0], WORD)
    refused("BeaconAlreadyDone", net.host, ("beacon", "reveal", (round_id, ACCOUNTS[0], WORD)))


def test_copying_anothers_commitment_does_not_let_one_copy_the_secret(net: Net) -> None:
    round_id, _ = open_for_three(net)
    said = commitment(round_id, ACCOUNTS[0], WORD)
    for member in net.members[:3]:
        member.commit(round_id, ACCOUNTS[0], said)
    assert net.host.reveal(round_id, ACCOUNTS[0], WORD)
    refused("BeaconMismatch", net.guest, ("beacon", "reveal", (round_id, ACCOUNTS[0], WORD)))


def test_who_is_no_member_and_what_is_nothing_does_not_count_as_a_commitment(net: Net) -> None:
    round_id, _ = open_for_three(net)
    refused("BeaconNotMember", net.members[3], ("beacon", "commit", (round_id, ACCOUNTS[0], WORD)))
    refused("BeaconZero", net.host, ("beacon", "commit", (round_id, ACCOUNTS[0], bytes(32))))
    seen = net.host.round(round_id, ACCOUNTS[0])
    assert seen is not None
    assert seen.commits == 0


def step_in_the_last_second(net: Net) -> bool:
    """Commit and reveal right at both deadlines; False if this machine took over a second."""
    round_id, now = open_for_three(net)
    commit_all(net, round_id, [WORD, WORD])
    said = commitment(round_id, ACCOUNTS[2], WORD)
    steps: list[tuple[int, Call]] = [
        (now + 500, ("beacon", "commit", (round_id, ACCOUNTS[0], said))),
        (now + 1000, ("beacon", "reveal", (round_id, ACCOUNTS[0], WORD))),
    ]
    for at, call in steps:
        net.jump_to(at)
        try:
            net.members[2].send([call])
        except ChainError as error:
            if error.name != "BeaconTooLate":
                raise
            return False
    return True


def test_the_last_second_is_in_time(net: Net) -> None:
    assert any(step_in_the_last_second(net) for _ in range(5))


def test_late_steps_are_refused(net: Net) -> None:
    round_id, now = open_for_three(net)
    commit_all(net, round_id, [WORD, WORD])
    net.jump_to(now + 501)
    late = ("beacon", "commit", (round_id, ACCOUNTS[0], WORD))
    refused("BeaconTooLate", net.members[2], late)
    other, now = open_for_three(net)
    commit_all(net, other, [WORD, WORD, WORD])
    net.jump_to(now + 1001)
    refused("BeaconTooLate", net.host, ("beacon", "reveal", (other, ACCOUNTS[0], WORD)))


def test_a_foreign_opener_cannot_block_or_change_a_round(net: Net) -> None:
    """Members know round ids before the host opens: the opener is part of the key."""
    round_id = fresh()
    assert net.guest.open_round(round_id, sorted(ACCOUNTS[1:3]), 500, 500)
    assert net.host.open_round(round_id, ACCOUNTS[:2], 500, 500)
    assert net.host.open_round(round_id, ACCOUNTS[:2], 500, 500) is None
    seen = net.host.round(round_id, ACCOUNTS[0])
    assert seen is not None
    assert seen.members == tuple(sorted(ACCOUNTS[:2]))
    members = sorted(ACCOUNTS[:3])
    again = ("beacon", "open", (round_id, members, 5000, 5000))
    refused("BeaconAlreadyOpened", net.host, again)
    assert net.host.round(round_id, ACCOUNTS[2]) is None
    call = ("beacon", "commit", (round_id, ACCOUNTS[2], WORD))
    refused("BeaconNotOpened", net.host, call)


def test_who_is_left_out_of_a_round_opens_it_all_the_same(net: Net) -> None:
    """The host was silent in the round before: the others hold this one."""
    round_id = fresh()
    assert net.host.open_round(round_id, sorted(ACCOUNTS[1:3]), 500, 500)
    refused("BeaconNotMember", net.host, ("beacon", "commit", (round_id, ACCOUNTS[0], WORD)))
    for member, account in zip(net.members[1:3], ACCOUNTS[1:3], strict=True):
        assert member.commit(round_id, ACCOUNTS[0], commitment(round_id, account, WORD))
    for member in net.members[1:3]:
        assert member.reveal(round_id, ACCOUNTS[0], WORD)


@pytest.mark.parametrize(
    ("name", "members", "times"),
    [
        ("BeaconBadMembers", [], (500, 500)),
        ("BeaconBadMembers", [ACCOUNTS[0]], (500, 500)),
        ("BeaconBadMembers", sorted(ACCOUNTS[:3])[::-1], (500, 500)),
        ("BeaconBadMembers", [ACCOUNTS[0]] * 2, (500, 500)),
        ("BeaconBadTimes", sorted(ACCOUNTS[:2]), (500, 0)),
        ("BeaconBadTimes", sorted(ACCOUNTS[:2]), (0, 500)),
    ],
)
def test_a_round_that_cannot_be_is_not_opened(
    net: Net, name: str, members: list[str], times: tuple[int, int]
) -> None:
    call = ("beacon", "open", (fresh(), members, *times))
    refused(name, net.host, call)
