"""The permissioned chain as one member's account sees it. Blocking; called on threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.core.rules.registry import Change


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

    `op` is its id (hex), `member` and `account` whom it is about, `active` whether that account
    may write afterwards, `voters` the accounts that voted for it.
    """

    op: str
    member: str
    account: str
    active: bool
    descriptor: bytes
    voters: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class BeaconRound:
    """A beacon round as the chain has it; times are epoch seconds, accounts and values hex."""

    round: str
    opened_at: int
    commit_by: int
    reveal_by: int
    members: tuple[str, ...]
    commits: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RoundWord:
    """What we say in a round (id, opener's account): a commitment or a secret, hex."""

    round: str
    opener: str
    word: str


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
        """The newest block."""
        ...

    def registry(self) -> RegistryView:
        """The registry at the newest block, with its proof."""
        ...

    def tender(self, stream: str, keeper: str) -> TenderSlots:
        """The three slots that this account keeps for a tender."""
        ...

    def set_deadline(self, stream: str, time: int) -> None:
        """Write the deadline slot, as our account's like the two below."""
        ...

    def close_bids(self, stream: str, root: str, head: str) -> None:
        """Write the bids slot, once."""
        ...

    def set_result(self, stream: str, result: str, head: str) -> None:
        """Write the result slot, once."""
        ...

    def anchored(self, account: str) -> tuple[int, str, int]:
        """(size, root hex, block time) of an account's newest anchored checkpoint, or zeros."""
        ...

    def anchor(self, size: int, root: str) -> None:
        """Anchor a checkpoint of our own log; a smaller size than stands is left out."""
        ...

    def open_round(self, round_id: str, members: Sequence[str], reveal_seconds: int) -> None:
        """Open a beacon round."""
        ...

    def round(self, round_id: str, opener: str) -> BeaconRound | None:
        """A round, or None if nobody opened it."""
        ...

    def rounds_for_us(self) -> list[tuple[str, str]]:
        """(round id, opener account) of open rounds that name our account and wait for us."""
        ...

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        """Those of these rounds (id, opener account) that were opened."""
        ...

    def commit(self, words: Sequence[RoundWord]) -> None:
        """Commit to our secrets; what stands is left out, one that is refused stops no other."""
        ...

    def reveal(self, words: Sequence[RoundWord]) -> None:
        """Reveal our secrets, in the same way."""
        ...

    def prove_tender(self, stream: str, keeper: str, accounts: Sequence[str]) -> str:
        """The operator's note over a keeper's tender and these accounts' checkpoint slots."""
        ...

    def prove_rounds(self, rounds: Sequence[tuple[str, str, tuple[str, ...]]]) -> str:
        """The operator's note over the slots of (round id, opener, members)."""
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
