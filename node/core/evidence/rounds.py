"""Check 5, last part: beacon rounds, when they were opened, by whom, and who kept silent.

Source: protocol.md 6 (Beacon), 10.10; chain/contracts/Beacon.sol. A round is opened after all that
its seed decides existed; a member who does not reveal voids it and is left out of the next one,
which may not be opened before the reveals are over: so nobody knows a seed and asks for another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from node.core.errors import NodeError
from node.core.evidence.anchor_devnet import (
    ROUND_WORDS,
    RoundAnchor,
    commit_slot,
    locate_rounds,
    read_commit,
    read_round,
    read_secret,
    round_slots,
    secret_slot,
)
from node.core.evidence.links import LinkError
from node.core.records.kinds.draws import DrawSeeded
from node.core.rules.draw import ROUND_PURPOSES, Said, check_seed, remaining, round_id
from node.core.rules.drawing import MAX_VOIDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from node.core.evidence.anchor_devnet import BlockFact
    from node.core.evidence.bundle import Place
    from node.core.evidence.case import Case
    from node.core.rules.draw import Purpose

INPUTS: dict[Purpose, frozenset[str]] = {
    "slate": frozenset({"draw.requested/v1", "draw.joined/v1"}),
    "pick": frozenset({"draw.seeded/v1", "expert.contacted/v1"}),
    "lot": frozenset(
        {"bid.opened/v1", "review.checked/v1", "rejection.voted/v1", "sheet.opened/v1"}
    ),
}
"""What must have existed before a round for this purpose is opened."""
AWAITED: Final = frozenset().union(*INPUTS.values())
"""All of these types: where the last of each stands is all that a seed asks for."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """One seed of the file: purpose, the ids of its round and of voided ones before it.

    `after` is the last place that had to exist first, `members` who took part in the draw.
    """

    place: Place
    body: DrawSeeded
    purpose: Purpose
    rounds: tuple[str, ...]
    after: int
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Walk:
    draw: str = ""
    joined: frozenset[str] = frozenset()
    last: dict[str, int] = field(default_factory=dict)


def seeds_of(places: Iterable[Place], stream: str, host: str) -> Iterator[Seeded]:
    """Every `draw.seeded` with the rounds that it needs from the chain, in order.

    A node that collects proofs asks this too. Raises LinkError for a round of no draw.
    """
    walk = _Walk()
    for place in places:
        if place.kind == "draw.requested/v1":
            walk = replace(walk, draw=place.id, joined=frozenset())
        elif place.kind == "draw.joined/v1":
            walk = replace(walk, joined=walk.joined | {place.author.partition(":")[2]})
        elif isinstance(place.body, DrawSeeded):
            yield _seeded(walk, place, place.body, (stream, host))
        if place.kind in AWAITED:
            walk = replace(walk, last={**walk.last, place.kind: place.seq})


def _seeded(walk: _Walk, place: Place, body: DrawSeeded, tender: tuple[str, str]) -> Seeded:
    stream, host = tender
    for purpose in ROUND_PURPOSES:
        of = stream if purpose == "lot" else walk.draw or stream
        rounds = tuple(round_id(n, of, purpose) for n in range(MAX_VOIDED))
        if body.round in rounds:
            used = rounds[: rounds.index(body.round) + 1]
            after = max(walk.last.get(kind, 0) for kind in INPUTS[purpose])
            return Seeded(place, body, purpose, used, after, walk.joined | {host})
    raise LinkError("round", place.path, "a round of no draw and no lot of this tender")


def wanted_slots(rounds: Iterable[tuple[str, bytes, Sequence[bytes]]]) -> list[bytes]:
    """The beacon's slots that prove these rounds: (round id, opener, members), accounts raw."""
    slots: list[bytes] = []
    for round_of, opener, members in rounds:
        key = bytes.fromhex(round_of)
        slots += round_slots(key, opener, len(members))
        slots += [commit_slot(key, opener, member) for member in members]
        slots += [secret_slot(key, opener, member) for member in members]
    return slots


def check_rounds(case: Case, fact: BlockFact, seeds: Sequence[Seeded]) -> list[bytes]:
    """Judge every round of every seed; gives the slots that the note must show, and no others."""
    slots: list[bytes] = []
    accounts = {c.id: bytes.fromhex(c.account) for c in case.evidence.form.registry}
    locate_rounds(_shown(case, fact, seeds, accounts))
    for seeded in seeds:
        try:
            slots += _check_seed(case, fact, seeded, accounts)
        except LinkError:
            raise
        except NodeError as error:
            raise LinkError("round", seeded.place.path, error.detail) from None
    return slots


def _shown(
    case: Case, fact: BlockFact, seeds: Iterable[Seeded], accounts: dict[str, bytes]
) -> Iterator[tuple[bytes, bytes, list[bytes]]]:
    """The rounds that the note has room for: a file that wants more of it is soon refused."""
    room = len(fact.slots)
    for seeded in seeds:
        members = _members(seeded, accounts)
        for round_of in seeded.rounds:
            room -= ROUND_WORDS + 2 * len(members)
            if room < 0:
                return
            yield bytes.fromhex(round_of), accounts[case.host.keeper], members


def _members(seeded: Seeded, accounts: dict[str, bytes]) -> list[bytes]:
    return sorted(accounts[m] for m in seeded.members if m in accounts)


def _check_seed(
    case: Case, fact: BlockFact, seeded: Seeded, accounts: dict[str, bytes]
) -> list[bytes]:
    opener, path = accounts[case.host.keeper], seeded.place.path
    first = members = _members(seeded, accounts)
    earliest = case.existed_by(case.host, seeded.after)
    void: list[Said] = []
    slots: list[bytes] = []
    for number, round_of in enumerate(seeded.rounds):
        found = read_round(fact, bytes.fromhex(round_of), opener)
        if found is None or list(found.members) != members:
            raise LinkError("round", path, f"round {number} is not open to exactly its members")
        if found.opened_at <= earliest:
            raise LinkError("round-early", path, f"round {number} of the {seeded.purpose}")
        _check_times(case, found, path)
        slots += wanted_slots([(round_of, opener, members)])
        commits, reveals = _said(fact, round_of, found)
        if number < len(seeded.rounds) - 1:
            if len(commits) == len(reveals) == len(members):
                raise LinkError("round", path, "a complete round was passed over")
        else:
            _check_last(fact, seeded, found)
        void.append((commits, reveals))
        members = list(remaining(first, void))
        earliest = found.reveal_by
    return slots


def _check_times(case: Case, found: RoundAnchor, path: str) -> None:
    """Half of the rule set's time to commit, half to reveal: who opens it shuts nobody out."""
    whole = case.rules.draw.reveal_seconds.value
    times = (found.commit_by - found.opened_at, found.reveal_by - found.opened_at)
    if times != (whole // 2, whole):
        raise LinkError("round", path, "not the time to commit and to reveal that the rules give")


def _said(fact: BlockFact, round_of: str, found: RoundAnchor) -> tuple[set[bytes], set[bytes]]:
    """Which of its members committed, and which revealed."""
    key = bytes.fromhex(round_of)
    commits = {m for m in found.members if any(read_commit(fact, key, found.opener, m))}
    reveals = {m for m in found.members if any(read_secret(fact, key, found.opener, m))}
    return commits, reveals


def _check_last(fact: BlockFact, seeded: Seeded, found: RoundAnchor) -> None:
    """The seed is that of exactly the secrets that all members committed to and revealed."""
    key, opener = bytes.fromhex(seeded.body.round), found.opener
    commits = {m: read_commit(fact, key, opener, m) for m in found.members}
    secrets = {m: read_secret(fact, key, opener, m) for m in found.members}
    shown = {bytes.fromhex(s.account): bytes.fromhex(s.secret) for s in seeded.body.secrets}
    if shown != secrets:
        raise LinkError("round", seeded.place.path, "the secrets are not those on the chain")
    check_seed(seeded.body.round, commits, secrets, bytes.fromhex(seeded.body.seed))
