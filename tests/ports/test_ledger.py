"""The ledger's memory of the beacon: what it answers is what the contract holds, block by block."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

import pytest

from chain.calls import Call
from chain.client import ChainClient
from chain.errors import ChainError
from chain.facts import Block, Look
from node.adapters import rounds
from node.adapters.ledger import ChainLedger
from node.adapters.rounds import MOST
from node.core.errors import NodeError
from node.core.records.canonical import time_of
from node.core.rules.rounds import BeaconRound
from node.services.ports import RoundWord, Slot
from tests.chain_net import OTHER, WORD, Net, commitment, fresh, open_for_three
from tests.chain_process import ACCOUNTS

HOST = ACCOUNTS[0][2:]


def stored(net: Net, round_id: str, opener: str) -> BeaconRound | None:
    """A round as a ledger without a memory reads it from storage."""
    return ChainLedger(net.process.client(net.deployment)).round(round_id, opener)


@dataclass
class Play:
    """A few rounds of two openers, and somebody who does one step after another in them."""

    net: Net
    chance: random.Random

    def __post_init__(self) -> None:
        self.ids = [fresh() for _ in range(2)]
        self.keys = [(one.hex(), member[2:]) for one in self.ids for member in ACCOUNTS[:2]]

    def step(self) -> None:
        """One step; the contract refuses many."""
        who, round_id = self.chance.choice(self.net.members[:3]), self.chance.choice(self.ids)
        opener = self.chance.choice(ACCOUNTS[:2])
        kind = self.chance.choice(["open", *["commit"] * 3, *["reveal"] * 3, "jump"])
        now = self.net.now()
        call: Call = ("beacon", kind, (round_id, opener, WORD))
        if kind == "jump":
            self.net.jump_to(now + 60)
            return
        if kind == "open":
            accounts = tuple(sorted(ACCOUNTS[:3]))
            call = ("beacon", kind, (round_id, accounts, 50_000, 40_000))
        elif kind == "commit":
            said = commitment(round_id, who.account, WORD)
            call = ("beacon", kind, (round_id, opener, said))
        with suppress(ChainError):
            who.send([call])


@pytest.mark.parametrize(("seed", "most"), [(0, MOST), (1, MOST), (2, 3)])
def test_memory_is_what_the_contract_holds_whatever_happened(
    net: Net, seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where memory is too small, and forgets all again and again."""
    monkeypatch.setattr(rounds, "MOST", most)
    play, chance = Play(net, random.Random(seed)), random.Random(seed + 100)
    ledger = ChainLedger(net.process.client(net.deployment))
    asked_early = chance.sample(play.keys, 2)
    for number in range(150):
        play.step()
        if number == 10:
            ledger.rounds(asked_early)  # the others are first heard of by an event, or later
        if chance.random() < 0.3:
            ledger.latest()
            checked = [key for key in play.keys if number > 60 or key in asked_early]
            for key in checked:
                assert ledger.round(*key) == stored(net, *key)
    whole = [one for one in ledger.rounds(play.keys) if len(one.secrets) == 3]
    assert whole, "a play in which no round is completed shows little"


def test_what_was_asked_is_answered_without_a_request_until_a_look_brings_more(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = ChainLedger(client := net.process.client(net.deployment))
    round_id = fresh()
    assert ledger.round(round_id.hex(), HOST) is None
    now, posts = net.now(), list[int]()
    net.host.open_round(round_id, ACCOUNTS[:2], 500, 400)
    net.guest.commit(round_id, ACCOUNTS[0], commitment(round_id, ACCOUNTS[1], WORD))
    post = client.rpc.post

    def counted(body: bytes) -> bytes:
        posts.append(len(body))
        return post(body)

    monkeypatch.setattr(client.rpc, "post", counted)
    assert ledger.round(round_id.hex(), HOST) is None
    assert ledger.seen().time <= now
    assert posts == []
    ledger.latest()
    found = ledger.round(round_id.hex(), HOST)
    assert found is not None
    assert found.members == tuple(sorted(one[2:] for one in ACCOUNTS[:2]))
    assert list(found.commits) == [ACCOUNTS[1][2:]]
    ledger.registry()
    read = len(posts)
    for _ in range(3):
        ledger.latest()
        ledger.registry()
    assert len(posts) == read + 3, "one request each time for block, registry and rounds"


def test_what_we_did_is_known_at_once_and_done_once(net: Net) -> None:
    ledger, round_id = ChainLedger(net.guest), fresh()
    assert ledger.round(round_id.hex(), ledger.account) is None
    ledger.open_round(round_id.hex(), [one[2:] for one in ACCOUNTS[:2]], 1000)
    opened = ledger.round(round_id.hex(), ledger.account)
    assert opened is not None
    assert opened == stored(net, round_id.hex(), ledger.account)
    ledger.open_round(round_id.hex(), [one[2:] for one in ACCOUNTS[:2]], 9000)
    assert ledger.round(round_id.hex(), ledger.account) == opened
    other = fresh()  # opened by this account elsewhere: what memory said of it is old
    assert ledger.round(other.hex(), ledger.account) is None
    net.guest.open_round(other, ACCOUNTS[:2], 500, 400)
    ledger.open_round(other.hex(), [one[2:] for one in ACCOUNTS[:2]], 9000)
    assert ledger.round(other.hex(), ledger.account) == stored(net, other.hex(), ledger.account)
    theirs, _ = open_for_three(net)
    assert ledger.round(theirs.hex(), HOST) is not None
    said = commitment(theirs, ACCOUNTS[1], WORD).hex()
    ledger.say([RoundWord(theirs.hex(), HOST, said)], [])
    found = ledger.round(theirs.hex(), HOST)
    assert found is not None
    assert found.commits == {ledger.account: said}
    ledger.say([RoundWord(theirs.hex(), HOST, said)], [])
    ledger.latest()
    assert ledger.round(theirs.hex(), HOST) == found == stored(net, theirs.hex(), HOST)


class Answering:
    """A chain that shows what a test says, one look after the other."""

    account = ACCOUNTS[1]

    def __init__(self, net: Net, looks: list[Look]) -> None:
        self.net, self.looks, self.firsts = net, looks, list[int | None]()

    def look(self, first: int | None = None) -> Look:
        """The next one."""
        self.firsts.append(first)
        return self.looks.pop(0)

    def __getattr__(self, name: str) -> object:
        return getattr(self.net.host, name)


def test_a_chain_that_goes_back_is_asked_for_everything_again(net: Net) -> None:
    round_id, _ = open_for_three(net)
    look = net.host.look()
    back = replace(look, block=replace(look.block, number=look.block.number - 1))
    fork = replace(back, block=replace(back.block, hash="ab" * 32))
    ledger = ChainLedger(cast("ChainClient", Answering(net, [look, look, back, fork])))
    for number, member in enumerate(net.members[:3]):
        known = ledger.round(round_id.hex(), HOST)
        member.commit(round_id, ACCOUNTS[0], commitment(round_id, member.account, WORD))
        assert ledger.round(round_id.hex(), HOST) == known, "nothing was told"
        ledger.latest()
        found = ledger.round(round_id.hex(), HOST)
        assert found is not None
        assert len(found.commits) == (number + 1 if number else 0), "back and beside: asked again"


def test_a_round_that_was_opened_is_as_it_was_told_though_the_endpoint_answers_from_before(
    net: Net,
) -> None:
    """Several machines may answer for one endpoint, and one of them may be behind the others."""
    ledger, round_id = ChainLedger(client := net.process.client(net.deployment)), fresh()
    assert ledger.round(round_id.hex(), HOST) is None
    net.host.open_round(round_id, ACCOUNTS[:2], 500, 400)
    ledger.latest()
    net.guest.commit(round_id, ACCOUNTS[0], commitment(round_id, ACCOUNTS[1], WORD))
    ledger.latest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "rounds", lambda asked: [None for _ in asked])
        assert ledger.round(round_id.hex(), HOST) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "round_words", lambda _: [([bytes(32)] * 2, [bytes(32)] * 2)])
        found = ledger.round(round_id.hex(), HOST)
    assert found == stored(net, round_id.hex(), HOST)
    assert found is not None
    assert found.reveal_by - found.opened_at == 900


def test_events_of_blocks_that_came_during_a_look_are_asked_for_again(net: Net) -> None:
    """A look may show block 12 and events up to 10 only: the next one asks from 11 on."""
    looks = [Look(Block(number, f"{number:064x}", 0), b"", ()) for number in (10, 12, 12, 15)]
    chain = Answering(net, looks)
    ledger = ChainLedger(cast("ChainClient", chain))
    for _ in range(4):
        ledger.latest()
    assert chain.firsts == [None, 11, 11, 13]


def test_slots_are_written_together_and_a_refused_one_is_named(net: Net) -> None:
    ledger, streams = ChainLedger(net.members[2]), [fresh().hex() for _ in range(3)]
    past = time_of(net.now() - 5)
    slots = [Slot(one, "deadline", (past,)) for one in streams]
    slots += [Slot(one, "bids", (WORD.hex(), OTHER.hex())) for one in streams[:2]]
    slots += [Slot(streams[0], "result", (OTHER.hex(), WORD.hex()))]
    before = net.host.latest().number
    ledger.set_slots(slots)
    assert net.host.latest().number == before + 1, "one block"
    ledger.set_slots(slots)
    assert net.host.latest().number == before + 1, "what stands is not written again"
    shown = ledger.tender(streams[0], ledger.account)
    assert (shown.bids_root, shown.result) == (WORD.hex(), OTHER.hex())
    wrong = Slot(streams[0], "bids", (OTHER.hex(), WORD.hex()))
    with pytest.raises(NodeError) as caught:
        ledger.set_slots([wrong, Slot(streams[2], "bids", (WORD.hex(), OTHER.hex()))])
    assert caught.value.code == "anchor"
    assert ledger.tender(streams[2], ledger.account).bids_root == WORD.hex(), "the other stands"


def test_an_endpoint_that_does_not_reach_the_block_asked_for_tells_nothing(net: Net) -> None:
    newest = net.host.latest().number
    for ahead in (1, 2, 1000):
        assert net.host.look(newest + ahead).told == ()
