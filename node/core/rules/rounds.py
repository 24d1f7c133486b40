"""The beacon's rounds of one seed: who holds each, when it may open, how long, and what it gives.

Source: protocol.md 6 (Beacon), 10.10; ADR 16; chain/contracts/Beacon.sol. A round is opened after
all that its seed decides existed; one that is not complete is void, and the next one may not be
opened before its reveals are over: so nobody knows a seed and asks for another. The host asks here
before it opens a round and before it states a seed, each guest before it takes that seed, the
verifier in check 5. Ids, accounts and words are lower-case hex, times block times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from node.core.errors import RuleError
from node.core.rules.draw import check_seed, remaining

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from node.core.records.kinds.draws import DrawSeeded
    from node.core.rules.draw import Purpose, Said

ARTICLE: Final = "protocol 6"
INPUTS: Final[Mapping[Purpose, frozenset[str]]] = {
    "slate": frozenset({"draw.requested/v1", "draw.joined/v1"}),
    "pick": frozenset({"draw.seeded/v1", "expert.contacted/v1"}),
    "lot": frozenset(
        {"bid.opened/v1", "review.checked/v1", "rejection.voted/v1", "sheet.opened/v1"}
    ),
}
"""What must have existed before a round for this purpose is opened."""
AWAITED: Final = frozenset().union(*INPUTS.values())
"""All of these types: where the last of each stands is all that a seed asks for."""


class EarlyRoundError(RuleError):
    """A round was opened before it might be."""


@dataclass(frozen=True, slots=True)
class BeaconRound:
    """A beacon round as the chain has it; what nobody has said yet is not in the mappings."""

    round: str
    opened_at: int
    commit_by: int
    reveal_by: int
    members: tuple[str, ...]
    commits: Mapping[str, str]
    secrets: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        """Have all its members committed and revealed? It gives its seed and has no next one."""
        return set(self.commits) == set(self.secrets) == set(self.members)


@dataclass(frozen=True, slots=True)
class Seeding:
    """What records and rule set ask of the rounds of one seed.

    `rounds` are their ids by number, `members` the accounts that hold the first one, ascending,
    `existed` is by when all existed that the seed decides, `seconds` how long a round takes.
    """

    purpose: Purpose
    rounds: tuple[str, ...]
    members: tuple[str, ...]
    existed: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The round that is next: who holds it, and the time after which it is opened.

    `void` is what was said in those before it.
    """

    seeding: Seeding
    members: tuple[str, ...]
    after: int
    void: tuple[Said, ...] = ()


def last_input(last: Mapping[str, int], purpose: Purpose) -> int:
    """The place that must exist before a round for this purpose; `last` by type of record."""
    return max(last.get(kind, 0) for kind in INPUTS[purpose])


def first_turn(seeding: Seeding) -> Turn:
    """The first round of a seed."""
    return Turn(seeding, seeding.members, seeding.existed)


def turn_after(turn: Turn, void: BeaconRound | None) -> Turn:
    """The round after this one, which is over and brought no seed.

    Raises RuleError if it was complete, or not the one whose turn it was.
    """
    found = _checked(turn, void)
    if found.is_complete:
        raise RuleError("a complete round was passed over", article=ARTICLE)
    said = (*turn.void, (found.commits.keys(), found.secrets.keys()))
    members = remaining(turn.seeding.members, said)
    return replace(turn, members=members, after=found.reveal_by, void=said)


def check_rounds(
    seeding: Seeding, told: Iterable[BeaconRound | None], body: DrawSeeded
) -> tuple[BeaconRound, ...]:
    """Accept only a seed that the rounds give which the rules ask for; gives these rounds.

    `told` are the rounds by number as the chain has them, None where one is not open. Raises
    RuleError; EarlyRoundError for one that was opened too early.
    """
    turn, judged = first_turn(seeding), list[BeaconRound]()
    for one in told:
        found = _checked(turn, one)
        judged.append(found)
        if found.round == body.round:
            _check_last(found, body)
            return tuple(judged)
        turn = turn_after(turn, found)
    raise RuleError("the seed is of no round that is open", article=ARTICLE)


def _checked(turn: Turn, found: BeaconRound | None) -> BeaconRound:
    """Accept only the round whose turn it is, opened as the rules want it."""
    number, asked = len(turn.void), turn.seeding
    if found is None or (found.round, found.members) != (asked.rounds[number], turn.members):
        raise RuleError(f"round {number} is not open to exactly its members", article=ARTICLE)
    if found.opened_at <= turn.after:
        raise EarlyRoundError(f"round {number} of the {asked.purpose}", article=ARTICLE)
    # Half of the time to commit, half to reveal: who opens a round shuts nobody out of it.
    times = (found.commit_by - found.opened_at, found.reveal_by - found.opened_at)
    if times != (asked.seconds // 2, asked.seconds):
        detail = "not the time to commit and to reveal that the rules give"
        raise RuleError(detail, article=ARTICLE)
    return found


def _check_last(found: BeaconRound, body: DrawSeeded) -> None:
    """The seed is that of exactly the secrets that all members committed to and revealed."""
    if {one.account: one.secret for one in body.secrets} != found.secrets:
        raise RuleError("the secrets are not those on the chain", article=ARTICLE)
    commits = {member: found.commits.get(member, "") for member in found.members}
    check_seed(found.round, _raw(commits), _raw(found.secrets), bytes.fromhex(body.seed))


def _raw(words: Mapping[str, str]) -> dict[bytes, bytes]:
    return {bytes.fromhex(account): bytes.fromhex(word) for account, word in words.items()}
