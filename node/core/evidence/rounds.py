"""Check 5, last part: beacon rounds, when they were opened, by whom, and who kept silent.

Source: protocol.md 6 (Beacon), 10.10; chain/contracts/Beacon.sol. Here the rounds are read from the
chain's note; `rules.rounds` judges them, as it does at the host and at each guest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.anchor_devnet import (
    ROUND_WORDS,
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
from node.core.rules import rounds as law
from node.core.rules.draw import ROUND_PURPOSES, round_id
from node.core.rules.drawing import MAX_VOIDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from node.core.evidence.anchor_devnet import BlockFact
    from node.core.evidence.bundle import Place
    from node.core.evidence.case import Case
    from node.core.rules.draw import Purpose


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
        if place.kind in law.AWAITED:
            walk = replace(walk, last={**walk.last, place.kind: place.seq})


def _seeded(walk: _Walk, place: Place, body: DrawSeeded, tender: tuple[str, str]) -> Seeded:
    stream, host = tender
    for purpose in ROUND_PURPOSES:
        of = stream if purpose == "lot" else walk.draw or stream
        rounds = tuple(round_id(n, of, purpose) for n in range(MAX_VOIDED))
        if body.round in rounds:
            used = rounds[: rounds.index(body.round) + 1]
            after = law.last_input(walk.last, purpose)
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
        except law.EarlyRoundError as error:
            raise LinkError("round-early", seeded.place.path, error.detail) from None
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
    """The rounds of one seed, read from the note one after the other as they are judged."""
    opener = accounts[case.host.keeper]
    seeding = law.Seeding(
        purpose=seeded.purpose,
        rounds=seeded.rounds,
        members=tuple(account.hex() for account in _members(seeded, accounts)),
        existed=case.existed_by(case.host, seeded.after),
        seconds=case.rules.draw.reveal_seconds.value,
    )
    told = (_told(fact, round_of, opener) for round_of in seeded.rounds)
    judged = law.check_rounds(seeding, told, seeded.body)
    return wanted_slots((one.round, opener, _raw(one.members)) for one in judged)


def _raw(accounts: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(account) for account in accounts]


def _told(fact: BlockFact, round_of: str, opener: bytes) -> law.BeaconRound | None:
    """A round as the note shows it, with what each of its members said."""
    key = bytes.fromhex(round_of)
    found = read_round(fact, key, opener)
    if found is None:
        return None
    commits = {m.hex(): read_commit(fact, key, opener, m) for m in found.members}
    secrets = {m.hex(): read_secret(fact, key, opener, m) for m in found.members}
    return law.BeaconRound(
        round=round_of,
        opened_at=found.opened_at,
        commit_by=found.commit_by,
        reveal_by=found.reveal_by,
        members=tuple(member.hex() for member in found.members),
        commits={who: word.hex() for who, word in commits.items() if any(word)},
        secrets={who: word.hex() for who, word in secrets.items() if any(word)},
    )
