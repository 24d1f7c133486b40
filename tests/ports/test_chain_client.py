"""Proofs, door and client of the chain port, on a real development chain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chain.calls import Call
from chain.client import ChainClient
from chain.collect import checkpoint_proof, registry_proof, round_proof, tender_proof
from chain.deploy import head_of
from chain.errors import ChainError, ChainUnavailable
from chain.rpc import RpcError
from node.core.evidence import anchor_devnet as core
from tests.chain_net import OTHER, WORD, Net, commit_all, fresh, open_for_three
from tests.chain_process import ACCOUNTS, CHAIN_ID, KEYS, founders

# Proofs: what the chain signs, the core accepts


def fact(net: Net, note: str) -> core.BlockFact:
    return core.verify_note(note, net.host.operator(), CHAIN_ID)


def test_proofs_say_what_the_contracts_hold(net: Net) -> None:
    stream = fresh()
    net.host.anchor_checkpoint(9000, WORD)
    net.host.set_deadline(stream, 77)
    net.host.close_bids(stream, WORD, OTHER)
    round_id, _ = open_for_three(net)
    commit_all(net, round_id, [WORD, OTHER, WORD])
    net.guest.reveal(round_id, ACCOUNTS[0], OTHER)
    at, host = net.host.latest(), bytes.fromhex(ACCOUNTS[0][2:])

    head = fact(net, registry_proof(net.host, at.number).note)
    assert core.registry_head(head) == head_of(founders(), net.deployment.block)
    assert (head.contract, head.number) == (net.deployment.registry[2:], at.number)
    assert (head.hash, head.time) == (at.hash, at.time)

    proof = tender_proof(net.host, stream, ACCOUNTS[0], at.number)
    tender = core.read_tender(fact(net, proof.note), stream, host)
    slots = net.host.tender(stream, ACCOUNTS[0])
    assert (tender.keeper, tender.deadline) == (host, 77)
    assert (tender.bids_at, tender.bids_root, tender.bids_head) == (slots.bids_at, WORD, OTHER)
    assert (tender.result_at, tender.result) == (0, bytes(32))

    shown = core.read_checkpoint(
        fact(net, checkpoint_proof(net.host, ACCOUNTS[0], at.number).note), host
    )
    assert (shown.size, shown.root) == (9000, WORD)

    beacon = fact(net, round_proof(net.host, round_id, ACCOUNTS[0], at.number).note)
    seen, read = net.host.round(round_id, ACCOUNTS[0]), core.read_round(beacon, round_id, host)
    assert seen is not None
    assert read is not None
    assert read.members == tuple(bytes.fromhex(m[2:]) for m in seen.members)
    assert (read.opened_at, read.commit_by, read.reveal_by) == (
        seen.opened_at,
        seen.commit_by,
        seen.reveal_by,
    )
    assert (read.commits, read.reveals) == (3, 1)
    guest = bytes.fromhex(ACCOUNTS[1][2:])
    assert core.read_secret(beacon, round_id, host, guest) == OTHER
    assert core.read_secret(beacon, round_id, host, host) == bytes(32)
    wanted = [core.secret_slot(round_id, host, m) for m in read.members]
    core.check_shows_only(beacon, [*core.round_slots(round_id, host, 3), *wanted])


def test_what_cannot_be_proven_is_refused(net: Net) -> None:
    with pytest.raises(ChainError, match="no block"):
        registry_proof(net.host, net.host.latest().number + 9)
    with pytest.raises(ChainError, match="was not opened"):
        round_proof(net.host, fresh(), ACCOUNTS[0], net.host.latest().number)
    with pytest.raises(ChainError):
        net.host.prove("anchor", 1, ["XY"])
    for _ in range(40):
        net.host.jump(net.now() + 100)
    with pytest.raises(ChainError, match="kept no more"):
        registry_proof(net.host, net.host.latest().number - 39)
    kept = net.host.latest().number - 20
    assert fact(net, registry_proof(net.host, kept).note).number == kept


# Door and client


def test_time_goes_forward_only(net: Net) -> None:
    time = net.now() + 10_000
    net.host.jump(time)
    assert net.now() == time
    with pytest.raises(ChainError, match="forward only"):
        net.host.jump(time - 1)
    net.host.anchor_checkpoint(net.host.checkpoint(ACCOUNTS[0]).size + 1, WORD)
    assert time <= net.now() < time + 60


@pytest.mark.parametrize(
    "method", ["evm_mine", "anvil_setBalance", "eth_sendTransaction", "evm_revert", "debug_x"]
)
def test_what_would_not_be_in_the_journal_is_not_offered(net: Net, method: str) -> None:
    with pytest.raises(RpcError, match="not offered"):
        net.host.rpc.call(method)


def test_many_threads_share_one_key_without_losing_a_nonce(net: Net) -> None:
    streams = [fresh() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda s: net.members[2].set_deadline(s, 5), streams))
    assert all(done)
    assert len({r.hash for r in done if r}) == 40
    assert all(net.host.tender(s, ACCOUNTS[2]).keeper == ACCOUNTS[2] for s in streams)


def test_writes_that_come_together_share_a_block(net: Net) -> None:
    """One block costs anvil as much as its whole state: what waits goes into the next together."""
    before = net.host.latest().number
    jobs = [(member, fresh()) for member in net.members for _ in range(10)]
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda job: job[0].set_deadline(job[1], 5), jobs))
    assert all(r is not None and r.ok for r in done)
    assert net.host.latest().number - before < len(jobs)
    assert all(net.host.tender(s, m.account).deadline == 5 for m, s in jobs)


def test_two_clients_of_one_key_resend_from_the_chains_own_nonce(net: Net) -> None:
    one, two = (net.process.client(net.deployment, KEYS[3]) for _ in range(2))
    for client in (one, two, one, one, two):
        assert client.set_deadline(fresh(), 5)


def test_a_batch_goes_into_one_block_and_names_what_was_refused(net: Net) -> None:
    streams = [fresh() for _ in range(15)]
    calls: list[Call] = [("anchor", "setDeadline", (s, 5)) for s in streams]
    assert len({r.block for r in net.host.send(calls)}) == 1
    more = fresh()
    with pytest.raises(ChainError) as caught:
        net.host.send([calls[0], ("anchor", "setDeadline", (more, 5))])
    assert caught.value.name == "AnchorDeadlineMustGrow"
    assert net.host.tender(more, ACCOUNTS[0]).deadline == 5  # the other one stands


def test_a_reader_does_not_write_and_wrong_networks_are_seen(net: Net) -> None:
    reader = net.process.client(net.deployment)
    with pytest.raises(ChainError, match="no key"):
        reader.set_deadline(fresh(), 1)
    reader.check_network()
    with pytest.raises(ChainError, match="not 1"):
        ChainClient(net.process.url, 1, net.deployment.contracts).check_network()
    nothing = dict.fromkeys(("registry", "anchor", "beacon"), "0x" + "11" * 20)
    with pytest.raises(ChainError, match="no anchor at"):
        ChainClient(net.process.url, CHAIN_ID, nothing).tender(WORD, ACCOUNTS[0])
    with pytest.raises(ChainUnavailable):
        ChainClient("http://127.0.0.1:9", CHAIN_ID, nothing).latest()


@pytest.mark.parametrize(
    "spell", [str, str.upper, lambda address: address[2:]], ids=["0x", "X", "bare"]
)
def test_the_registry_alone_leads_to_the_network(net: Net, spell: Callable[[str], str]) -> None:
    spelled = spell(net.deployment.registry).replace("0X", "0x")
    found = ChainClient.at_registry(net.process.url, spelled, KEYS[1])
    assert (found.chain_id, found.contracts) == (CHAIN_ID, net.deployment.contracts)
    stream = fresh()
    assert found.set_deadline(stream, 5)
    assert found.tender(stream, ACCOUNTS[1]).deadline == 5
    reader = ChainClient.at_registry(net.process.url, spelled)
    assert reader.other_contracts() == (net.deployment.anchor, net.deployment.beacon)
    with pytest.raises(ChainError, match="no key"):
        reader.set_deadline(stream, 6)


def test_no_registry_leads_nowhere(net: Net) -> None:
    for other in ("0x" + "11" * 20, net.deployment.anchor):
        with pytest.raises(ChainError):
            ChainClient.at_registry(net.process.url, other)
    with pytest.raises(ChainUnavailable):
        ChainClient.at_registry("http://127.0.0.1:9", net.deployment.registry)


def test_connections_of_many_threads_do_not_mix_answers(net: Net) -> None:
    numbers = list(range(1, 21))
    wrong: list[int] = []

    def look() -> None:
        wrong.extend(n for n in numbers if net.host.block(n).number != n)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Many rounds at once


def test_words_of_many_rounds_go_together_and_one_refusal_stops_no_other(net: Net) -> None:
    rounds, host = [open_for_three(net)[0] for _ in range(3)], ACCOUNTS[0]
    net.host.commit(rounds[1], host, OTHER)
    words = [(one, host, WORD) for one in rounds]
    with pytest.raises(ChainError) as caught:
        net.host.say_all(words, [])
    assert caught.value.name == "BeaconAlreadyDone"
    said = net.host.round_words([(one, host, ACCOUNTS[:2]) for one in rounds])
    nothing = bytes(32)
    assert said == [([word, nothing], [nothing, nothing]) for word in (WORD, OTHER, WORD)]
    assert net.host.say_all([words[0], words[2]], []) == []
    assert net.host.rounds([(fresh(), host)]) == [None]
