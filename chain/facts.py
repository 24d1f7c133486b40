"""What the client reads from the contracts. Times are block times: seconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One block; `hash` is 64 lower-case hex digits."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the registry. The head covers id, block, descriptor; see Registry.sol."""

    id: bytes
    descriptor: bytes
    account: str
    block: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Operation:
    """A change of the registry that was proposed; `open`: it can still be voted for and executed.

    `op` is its id; `voters` are accounts in the order of their votes.
    """

    op: bytes
    id: bytes
    account: str
    active: bool
    descriptor: bytes
    block: int
    voters: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class CheckpointSlot:
    """The newest anchored checkpoint of one account; size 0: none."""

    size: int
    at: int
    root: bytes


@dataclass(frozen=True, slots=True)
class TenderSlots:
    """One keeper's slots of a tender; what is not yet written is "", 0 or zero bytes."""

    keeper: str
    deadline: int
    bids_at: int
    result_at: int
    bids_root: bytes
    bids_head: bytes
    result: bytes
    result_head: bytes


@dataclass(frozen=True, slots=True)
class Round:
    """One beacon round of one opener; accounts as `0x` and 40 lower-case hex digits, ascending."""

    opened_at: int
    commit_by: int
    reveal_by: int
    opener: str
    commits: int
    reveals: int
    members: tuple[str, ...]

    @property
    def commit_s(self) -> int:
        """How many seconds were for commitments."""
        return self.commit_by - self.opened_at

    @property
    def reveal_s(self) -> int:
        """How many seconds, after those, were for secrets."""
        return self.reveal_by - self.commit_by


@dataclass(frozen=True, slots=True)
class RoundOpened:
    """That a round was opened, as the beacon's event says it."""

    round: bytes
    opener: str
    members: tuple[str, ...]
    commit_by: int
    reveal_by: int


@dataclass(frozen=True, slots=True)
class RoundSaid:
    """That a member committed to a secret or, `revealed`, showed it: `word`, as the event says."""

    round: bytes
    opener: str
    account: str
    word: bytes
    revealed: bool


@dataclass(frozen=True, slots=True)
class Look:
    """The newest block, the registry's head, and what the beacon told, in order."""

    block: Block
    head: bytes
    told: tuple[RoundOpened | RoundSaid, ...]
