"""The chain as services see it: the port `Chain` over the network's contracts.

Who writes: this node's own account only; what an attacker gains who answers in the chain's place:
a false view of members and slots, which partners and the offline verifier do not share. Accounts
are 40 hex digits without prefix here, as in records; `chain` writes them with one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from chain import facts
from chain.client import ChainClient
from chain.collect import registry_proof
from chain.errors import ChainError, ChainUnavailable
from chain.facts import Round
from chain.slots import checkpoint_slots, commit_slot, round_slots, secret_slot, tender_slots
from node.core.errors import NodeError, StateError, UnavailableError
from node.core.evidence.registry import padded_id
from node.core.rules.registry import Change
from node.services.ports import (
    BeaconRound,
    Block,
    Proposed,
    RegistryView,
    RoundWord,
    TenderSlots,
)

ZERO = bytes(32)


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


def _words(members: Sequence[str], words: Sequence[bytes]) -> dict[str, str]:
    """Member's account -> its word in hex, of those that are there."""
    both = zip(members, words, strict=True)
    return {member[2:]: word.hex() for member, word in both if word != ZERO}


def _change(one: facts.Change, time: int) -> Change:
    return Change(name_of(one.id), one.account[2:], one.descriptor, one.block, time)


def name_of(padded: bytes) -> str:
    """A member's id from the 32 bytes of the contract."""
    return padded.rstrip(b"\0").decode()


def _round(
    key: tuple[bytes, str], found: Round, commits: Sequence[bytes], secrets: Sequence[bytes]
) -> BeaconRound:
    return BeaconRound(
        key[0].hex(),
        found.opened_at,
        found.commit_by,
        found.reveal_by,
        tuple(member[2:] for member in found.members),
        _words(found.members, commits),
        _words(found.members, secrets),
    )


def _raw(word: RoundWord) -> tuple[bytes, str, bytes]:
    return bytes.fromhex(word.round), f"0x{word.opener}", bytes.fromhex(word.word)


class ChainLedger:
    """One member's account on the network; every method is blocking and safe for threads."""

    def __init__(self, client: ChainClient) -> None:
        self._chain = client
        self._seen_block = 0
        self._view: tuple[bytes, RegistryView] | None = None
        self._rounds: dict[tuple[str, str], bool] = {}  # that name us: is our secret there?

    @property
    def account(self) -> str:
        """Our account, 40 hex digits."""
        return self._chain.account[2:]

    def latest(self) -> Block:
        """The newest block."""
        with _answering():
            found = self._chain.latest()
        return Block(found.number, found.hash, found.time)

    def registry(self) -> RegistryView:
        """The registry at the newest block, with the operator's note over its head.

        As long as the head stays the same the view of before is given again.
        """
        with _answering():
            head = self._chain.registry_head()
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

    def set_deadline(self, stream: str, time: int) -> None:
        """Write the deadline slot."""
        self._write(lambda chain: chain.set_deadline(bytes.fromhex(stream), time))

    def close_bids(self, stream: str, root: str, head: str) -> None:
        """Write the bids slot, once."""
        raw = [bytes.fromhex(one) for one in (stream, root, head)]
        self._write(lambda chain: chain.close_bids(*raw))

    def set_result(self, stream: str, result: str, head: str) -> None:
        """Write the result slot, once."""
        raw = [bytes.fromhex(one) for one in (stream, result, head)]
        self._write(lambda chain: chain.set_result(*raw))

    def anchored(self, account: str) -> tuple[int, str, int]:
        """(size, root hex, block time) of an account's newest anchored checkpoint, or zeros."""
        with _answering():
            found = self._chain.checkpoint(f"0x{account}")
        return found.size, found.root.hex(), found.at

    def anchor(self, size: int, root: str) -> None:
        """Anchor a checkpoint of our own log; a size not above the anchored one is left out."""
        if size > self.anchored(self.account)[0]:
            self._write(lambda chain: chain.anchor_checkpoint(size, bytes.fromhex(root)))

    def open_round(self, round_id: str, members: Sequence[str], reveal_seconds: int) -> None:
        """Open a beacon round: half the time to commit, half to reveal, from the newest block."""
        now = self.latest().time
        raw, accounts = bytes.fromhex(round_id), [f"0x{one}" for one in members]
        commit_by, reveal_by = now + reveal_seconds // 2, now + reveal_seconds
        self._write(lambda chain: chain.open_round(raw, accounts, commit_by, reveal_by))

    def round(self, round_id: str, opener: str) -> BeaconRound | None:
        """A round with what its members committed and revealed, or None."""
        return next(iter(self.rounds([(round_id, opener)])), None)

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        """Those of these rounds (id, opener) that were opened, in two requests."""
        raw = [(bytes.fromhex(name), f"0x{opener}") for name, opener in asked]
        with _answering():
            both = zip(raw, self._chain.rounds(raw), strict=True)
            opened = [(key, one) for key, one in both if one is not None]
            words = self._chain.round_words([(*key, one.members) for key, one in opened])
        return [_round(*one, *said) for one, said in zip(opened, words, strict=True)]

    def rounds_for_us(self) -> list[tuple[str, str]]:
        """(round id, opener account) of rounds that name us and do not have our secret yet."""
        with _answering():
            opened = self._chain.rounds_opened(self._seen_block)
            ours = self._chain.account
            # Whose secret stands already is asked once, when a round is first seen.
            fresh = [
                (one.round, one.opener)
                for one in opened
                if ours in one.members and (one.round.hex(), one.opener[2:]) not in self._rounds
            ]
            for key, secret in zip(fresh, self._chain.secrets(fresh, ours), strict=True):
                self._rounds[key[0].hex(), key[1][2:]] = secret != ZERO
            self._seen_block = max([self._seen_block, *(one.block for one in opened)])
        return [key for key, is_done in self._rounds.items() if not is_done]

    def commit(self, words: Sequence[RoundWord]) -> None:
        """Commit to our secrets."""
        self._write(lambda chain: chain.commit_all(list(map(_raw, words))))

    def reveal(self, words: Sequence[RoundWord]) -> None:
        """Reveal our secrets."""
        self._write(lambda chain: chain.reveal_all(list(map(_raw, words))))
        self._rounds.update({(one.round, one.opener): True for one in words})

    def prove_tender(self, stream: str, keeper: str, accounts: Sequence[str]) -> str:
        """The operator's note over a keeper's tender and these accounts' checkpoint slots."""
        slots = tender_slots(bytes.fromhex(stream), f"0x{keeper}")
        for account in accounts:
            slots += checkpoint_slots(f"0x{account}")
        return self._prove("anchor", slots)

    def prove_rounds(self, rounds: Sequence[tuple[str, str, tuple[str, ...]]]) -> str:
        """The operator's note over the slots of (round id, opener, members)."""
        slots: list[str] = []
        for round_id, opener, members in rounds:
            raw, who = bytes.fromhex(round_id), f"0x{opener}"
            slots += round_slots(raw, who, len(members))
            slots += [commit_slot(raw, who, f"0x{member}") for member in members]
            slots += [secret_slot(raw, who, f"0x{member}") for member in members]
        return self._prove("beacon", slots)

    def _prove(self, contract: str, slots: list[str]) -> str:
        with _answering():
            return self._chain.prove(contract, self._chain.latest().number, slots)

    def _write(self, call: Callable[[ChainClient], object]) -> None:
        with _answering():
            call(self._chain)
