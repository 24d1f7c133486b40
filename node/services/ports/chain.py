"""The permissioned chain as one member's account sees it. Blocking; called on threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.core.rules.registry import Change
from node.core.rules.rounds import BeaconRound


@dataclass(frozen=True, slots=True)
class Block:
    """A block: number, hash (hex), time (epoch seconds)."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class RegistryView:
    """All changes up to block `height`, whose hash is `hash`; `proof` proves the head there."""

    changes: tuple[Change, ...]
    height: int
    hash: str
    contract: str
    proof: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change of the registry that was proposed; `open`: not executed, and not lapsed.

    Anybody active may propose any bytes: nothing here is checked. `op` is its id (hex), `member`
    and `account` whom it is about (`0x` and hex where it is no member's id), `active` whether
    that account may write afterwards, `voters` the accounts that voted for it.
    """

    op: str
    member: str
    account: str
    active: bool
    descriptor: bytes
    voters: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class RoundWord:
    """What we say in a round (id, opener's account): a commitment or a secret, hex."""

    round: str
    opener: str
    word: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the three slots of our tender `stream` and what it must hold.

    `deadline`: its time, as records have it; `bids`: their root and the stream's head; `result`:
    its id and the stream's head; hex.
    """

    stream: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TenderSlots:
    """One keeper's three slots of a tender; "", zero or 64 zeros where not written yet."""

    keeper: str
    deadline: int
    bids_at: int
    bids_root: str
    bids_head: str
    result_at: int
    result: str
    result_head: str


@dataclass(frozen=True, slots=True)
class TenderProof:
    """What is to be proven of a tender (stream, its keeper's account).

    `accounts`: whose checkpoint slots stand beside its own; `rounds`: ids of beacon rounds that
    the keeper opened, with their members' accounts.
    """

    stream: str
    keeper: str
    accounts: tuple[str, ...]
    rounds: tuple[tuple[str, tuple[str, ...]], ...]


class Chain(Protocol):
    """The permissioned chain as one member's account sees it. Blocking; writers are idempotent.

    Every method raises UnavailableError (`chain`) if the chain does not answer, and
    NodeError if it refuses.
    """

    @property
    def account(self) -> str:
        """Our account, 40 hex digits."""
        ...

    def latest(self) -> Block:
        """The newest block. Registry and rounds are given as of it from then on."""
        ...

    def seen(self) -> Block:
        """The newest block that `latest` gave; the chain is asked only if none was given yet."""
        ...

    def registry(self) -> RegistryView:
        """The registry as it stood at the block that was seen, or later, with its proof."""
        ...

    def tender(self, stream: str, keeper: str) -> TenderSlots:
        """The three slots that this account keeps for a tender."""
        ...

    def set_slots(self, slots: Sequence[Slot]) -> None:
        """Write slots of our tenders in this order; what stands is left out.

        Raises NodeError (`anchor`) if one is refused; which of the others were written is open:
        asked for again they are.
        """
        ...

    def anchored(self, accounts: Sequence[str]) -> list[tuple[int, str, int]]:
        """(size, root hex, block time) of each account's newest anchored checkpoint, or zeros."""
        ...

    def anchor(self, size: int, root: str) -> None:
        """Anchor a checkpoint of our own log; a smaller size than stands is left out."""
        ...

    def open_round(self, round_id: str, members: Sequence[str], reveal_seconds: int) -> None:
        """Open a beacon round; nothing is sent if it is open."""
        ...

    def round(self, round_id: str, opener: str) -> BeaconRound | None:
        """A round as it stood at the block that was seen, or later; None if it was not open."""
        ...

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        """Those of these rounds (id, opener account) that were opened, in the same way.

        The chain is asked once for those that nobody asked for before.
        """
        ...

    def say(self, commitments: Sequence[RoundWord], secrets: Sequence[RoundWord]) -> None:
        """Commit to our secrets and reveal them; what stands is left out.

        One that is refused stops no other.
        """
        ...

    def prove(self, tenders: Sequence[TenderProof]) -> list[list[str]]:
        """The operator's notes over each tender, all as of one block that is the newest.

        A tender's first note is over its slots and the accounts' checkpoint slots, its second, if
        it has rounds, over the slots of those.
        """
        ...


class Ballots(Protocol):
    """The members' votes over the registry, cast by our account. Blocking; voting is idempotent.

    Every method raises UnavailableError (`chain`) if the chain does not answer, and StateError
    (`registry`) if the contract refuses.
    """

    def proposed(self) -> tuple[list[Proposed], int]:
        """Every change of the registry that was ever proposed, and how many votes one needs now."""
        ...

    def propose(self, member: str, account: str, descriptor: bytes, *, active: bool) -> str:
        """Propose a change, or vote for it if it stands proposed; gives its id."""
        ...

    def vote(self, op: str) -> None:
        """Vote for a proposed change, once."""
        ...

    def execute(self, op: str) -> None:
        """Make a change that has its votes. Raises NodeError if it has not, or has lapsed."""
        ...
