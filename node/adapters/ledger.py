"""The chain as services see it: the port `Chain` over the network's contracts.

Who writes: this node's own account only; what an attacker gains who answers in the chain's place:
a false view of members and slots, which partners and the offline verifier do not share. Accounts
are 40 hex digits without prefix here, as in records; `chain` writes them with one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from chain import facts
from chain.calls import Call
from chain.client import ChainClient
from chain.collect import registry_proof
from chain.errors import ChainError, ChainUnavailable
from chain.slots import checkpoint_slots, commit_slot, round_slots, secret_slot, tender_slots
from node.adapters.rounds import Rounds, round_of
from node.core.errors import NodeError, StateError, UnavailableError
from node.core.evidence.registry import padded_id
from node.core.records.canonical import epoch_of
from node.core.records.envelope import NODE_ID
from node.core.rules.registry import Change
from node.core.rules.rounds import BeaconRound
from node.services.ports import (
    Block,
    Proposed,
    RegistryView,
    RoundWord,
    Slot,
    TenderProof,
    TenderSlots,
)

_ID = re.compile(NODE_ID.encode())


@contextmanager
def _answering(code: str = "anchor") -> Iterator[None]:
    """Turn what the chain client raises into our errors; `code` says what it refused."""
    try:
        yield
    except ChainUnavailable as error:
        raise UnavailableError(f"the chain does not answer: {error.detail}", code="chain") from None
    except ChainError as error:
        refused = StateError if code == "registry" else NodeError
        raise refused(f"the chain refused: {error}", code=code) from None


def _change(one: facts.Change, time: int) -> Change:
    return Change(name_of(one.id), one.account[2:], one.descriptor, one.block, time)


def name_of(padded: bytes) -> str:
    """A member's id from the 32 bytes of the contract; `0x` and their hex if they hold none.

    The contract lets any active member propose any bytes: nobody is stopped by what one proposes.
    No id begins with a digit, so such a name is no member's.
    """
    found = padded.rstrip(b"\0")
    return found.decode("ascii") if _ID.fullmatch(found) else f"0x{padded.hex()}"


def _block(found: facts.Block) -> Block:
    return Block(found.number, found.hash, found.time)


def _proven(tender: TenderProof) -> list[tuple[str, list[str]]]:
    """The contracts with the slots that a tender's notes are over."""
    opener = f"0x{tender.keeper}"
    anchors, beacon = tender_slots(bytes.fromhex(tender.stream), opener), []
    for account in tender.accounts:
        anchors += checkpoint_slots(f"0x{account}")
    for round_id, members in tender.rounds:
        raw = bytes.fromhex(round_id)
        beacon += round_slots(raw, opener, len(members))
        beacon += [commit_slot(raw, opener, f"0x{member}") for member in members]
        beacon += [secret_slot(raw, opener, f"0x{member}") for member in members]
    return [("anchor", anchors), *([("beacon", beacon)] if beacon else [])]


def _raw(word: RoundWord) -> tuple[bytes, str, bytes]:
    return bytes.fromhex(word.round), f"0x{word.opener}", bytes.fromhex(word.word)


def _call(slot: Slot) -> Call:
    """The call that writes a slot."""
    stream = bytes.fromhex(slot.stream)
    if slot.name == "deadline":
        return ("anchor", "setDeadline", (stream, epoch_of(slot.values[0])))
    name = {"bids": "closeBids", "result": "setResult"}[slot.name]
    return ("anchor", name, (stream, *map(bytes.fromhex, slot.values)))


class ChainLedger:
    """One member's account on the network; every method is blocking and safe for threads.

    What `latest` saw is kept in memory: the block, the registry's head, and the beacon's rounds,
    which it brings up to that block.
    """

    def __init__(self, client: ChainClient) -> None:
        self._chain = client
        self._lock = threading.Lock()  # nobody is told of a round while memory is brought up
        self._look: facts.Look | None = None
        self._heard = 0  # up to this block no event is missing
        self._rounds = Rounds()
        self._view: tuple[bytes, RegistryView] | None = None

    @property
    def account(self) -> str:
        """Our account, 40 hex digits."""
        return self._chain.account[2:]

    def latest(self) -> Block:
        """The newest block, in one request; registry and rounds are given as of it from then on."""
        with self._lock, _answering():
            return _block(self._looked().block)

    def seen(self) -> Block:
        """The newest block that `latest` gave; the chain is asked only if none was given yet."""
        look = self._look
        return self.latest() if look is None else _block(look.block)

    def _looked(self) -> facts.Look:
        """Look at the chain and remember what it told; with the lock."""
        before, look = self._look, self._chain.look(self._heard + 1 if self._look else None)
        if before is not None:
            self._rounds.see(before.block, look)
        # Events of blocks that came while we looked may be missing: they are asked for again.
        self._heard = min(before.block.number if before else look.block.number, look.block.number)
        self._look = look
        return look

    def registry(self) -> RegistryView:
        """The registry as of the block that was seen, with the operator's note over its head.

        As long as the head stays the same the view of before is given again.
        """
        self.seen()
        with _answering():
            head = self._look.head if self._look else b""
            if self._view is not None and self._view[0] == head:
                return self._view[1]
            block = self._chain.latest()
            changes = self._chain.registry_changes(block.number)
            proof = registry_proof(self._chain, block.number)
            blocks = {change.block for change in changes}
            times = {number: self._chain.block(number).time for number in blocks}
        read = tuple(_change(one, times[one.block]) for one in changes)
        contract = self._chain.contracts["registry"][2:]
        view = RegistryView(read, block.number, block.hash, contract, proof.note)
        self._view = (head, view)
        return view

    def proposed(self) -> tuple[list[Proposed], int]:
        """Every change of the registry that was ever proposed, and how many votes one needs now."""
        with _answering():
            found, needed = self._chain.operations(), self._chain.votes_needed()
        return [
            Proposed(
                op=one.op.hex(),
                member=name_of(one.id),
                account=one.account[2:],
                active=one.active,
                descriptor=one.descriptor,
                voters=tuple(voter[2:] for voter in one.voters),
                open=one.open,
            )
            for one in found
        ], needed

    def propose(self, member: str, account: str, descriptor: bytes, *, active: bool) -> str:
        """Propose a change, or vote for it if it stands proposed; gives its id."""
        raw = padded_id(member)
        with _answering("registry"):
            return self._chain.propose(raw, f"0x{account}", active, descriptor).hex()

    def vote(self, op: str) -> None:
        """Vote for a proposed change, once."""
        with _answering("registry"):
            self._chain.vote(bytes.fromhex(op))

    def execute(self, op: str) -> None:
        """Make a change that has its votes."""
        with _answering("registry"):
            self._chain.execute(bytes.fromhex(op))

    def tender(self, stream: str, keeper: str) -> TenderSlots:
        """The three slots that this account keeps for a tender."""
        with _answering():
            found = self._chain.tender(bytes.fromhex(stream), f"0x{keeper}")
        return TenderSlots(
            found.keeper[2:],
            found.deadline,
            found.bids_at,
            found.bids_root.hex(),
            found.bids_head.hex(),
            found.result_at,
            found.result.hex(),
            found.result_head.hex(),
        )

    def set_slots(self, slots: Sequence[Slot]) -> None:
        """Write slots of our tenders in this order, in two requests; what stands is left out.

        One that is refused keeps only those from being written that the chain wants after it.
        """
        self._write(lambda chain: chain.set_slots(list(map(_call, slots))))

    def anchored(self, accounts: Sequence[str]) -> list[tuple[int, str, int]]:
        """(size, root hex, block time) of each account's newest anchored checkpoint, or zeros."""
        with _answering():
            found = self._chain.checkpoints([f"0x{account}" for account in accounts])
        return [(one.size, one.root.hex(), one.at) for one in found]

    def anchor(self, size: int, root: str) -> None:
        """Anchor a checkpoint of our own log; a smaller size than stands is left out."""
        self._write(lambda chain: chain.anchor_checkpoint(size, bytes.fromhex(root)))

    def open_round(self, round_id: str, members: Sequence[str], reveal_seconds: int) -> None:
        """Open a beacon round: half the time to commit, half to reveal, from its block on.

        Nothing is sent if it is open by then.
        """
        self.latest()
        if self.round(round_id, self.account) is not None:
            return
        raw, accounts = bytes.fromhex(round_id), tuple(sorted(f"0x{one}" for one in members))
        commit_s = reveal_seconds // 2
        call: Call = ("beacon", "open", (raw, accounts, commit_s, reveal_seconds - commit_s))
        self._write(lambda chain: chain.send([call]))
        with self._lock:  # the next answer from memory must not have it opened again
            self._rounds.open((round_id, self.account))

    def round(self, round_id: str, opener: str) -> BeaconRound | None:
        """A round with what its members committed and revealed, or None."""
        return next(iter(self.rounds([(round_id, opener)])), None)

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        """Those of these rounds (id, opener) that were opened; from memory but the first time."""
        known = self._rounds.of(asked)
        if missing := [key for key in asked if key not in known]:
            with self._lock, _answering():
                if self._look is None:
                    self._looked()
                fresh = dict(zip(missing, self._asked(missing), strict=True))
                self._rounds.take(fresh)
            known |= fresh | self._rounds.of(missing)
        return [found for key in asked if (found := known[key]) is not None]

    def _asked(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound | None]:
        """These rounds as the chain's storage has them, in two requests."""
        raw = [(bytes.fromhex(name), f"0x{opener}") for name, opener in asked]
        found = self._chain.rounds(raw)
        opened = [(key, one) for key, one in zip(raw, found, strict=True) if one is not None]
        words = iter(self._chain.round_words([(*key, one.members) for key, one in opened]))
        both = zip(raw, found, strict=True)
        return [None if one is None else round_of(key[0], one, next(words)) for key, one in both]

    def say(self, commitments: Sequence[RoundWord], secrets: Sequence[RoundWord]) -> None:
        """Commit to our secrets and reveal them, in two requests; what stands is left out."""
        raw = [list(map(_raw, words)) for words in (commitments, secrets)]
        self._write(lambda chain: chain.say_all(*raw))
        ours = self._chain.account
        with self._lock:
            for words, revealed in zip(raw, (False, True), strict=True):
                for round_id, opener, word in words:
                    self._rounds.hear(facts.RoundSaid(round_id, opener, ours, word, revealed))

    def prove(self, tenders: Sequence[TenderProof]) -> list[list[str]]:
        """The operator's notes over each tender as of the newest block, in two requests."""
        wanted = [_proven(one) for one in tenders]
        number = self.latest().number
        with _answering():
            notes = iter(self._chain.prove_all(number, [one for two in wanted for one in two]))
        return [[next(notes) for _ in two] for two in wanted]

    def _write(self, call: Callable[[ChainClient], object]) -> None:
        with _answering():
            call(self._chain)
