"""Whom a pool lists for a draw, and how the regulator checks that it left nobody out.

Source: protocol.md section 6.2; EC12 art. 12 and TBL art. 37 (who may not sit). A pool lists all of
its snapshot that know the stratum's specialty, are old enough at the tender's deadline and have no
ground to be recused. Pool and regulator run the same function; the regulator gets entries, salts
and grounds at once, everybody else only the lists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from node.core.errors import NodeError, RuleError
from node.core.records.canonical import Hex32, digest_of, epoch_of, prepare
from node.core.records.kinds.base import MAX_LIST, CentreId, Part
from node.core.records.kinds.draws import DrawJoined, DrawList, PoolPublished
from node.core.rules import draw as law
from node.core.rules.pool import (
    EntryFacts,
    PoolEntry,
    check_signed,
    entry_leaf,
    is_old_enough,
    snapshot_root,
)

if TYPE_CHECKING:
    from node.core.rules.state import Draw, TenderState

LISTING = "protocol 6"
Ground = Literal["relative", "authority", "interest", "punished", "employer"]
"""EC12 art. 12 (1)-(4), and TBL art. 37 for people of a bidder's or the owner's own house."""


class Exclusion(Part, frozen=True, kw_only=True):
    """One expert whom the pool recused from a draw, and the legal ground."""

    ground: Ground
    pseudonym: Hex32


class NamedPerson(Part, frozen=True, kw_only=True):
    """Who a person of a draw is: opens H("person", {"draw","pseudonym","salt"})."""

    person: Hex32
    pseudonym: Hex32
    salt: Hex32


class SnapshotDisclosure(Part, frozen=True, kw_only=True):
    """The entries of a published snapshot, in the order of their leaves, for the regulator."""

    entries: Annotated[tuple[PoolEntry, ...], msgspec.Meta(max_length=MAX_LIST)]
    pool: CentreId
    root: Hex32


class PoolDisclosure(Part, frozen=True, kw_only=True):
    """What a pool gives the regulator of a draw at once: recusals, and all salts.

    Exclusions stand by pseudonym, persons ascending.
    """

    draw: Hex32
    excluded: Annotated[tuple[Exclusion, ...], msgspec.Meta(max_length=MAX_LIST)]
    excluded_salt: Hex32
    persons: Annotated[tuple[NamedPerson, ...], msgspec.Meta(max_length=MAX_LIST)]
    pool: CentreId


prepare(NamedPerson, PoolDisclosure, SnapshotDisclosure)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a draw asks of every pool: specialties by stratum, and how old an entry must be when.

    `deadline` is the tender's, in epoch seconds; `age_days` comes from the article `cite`.
    """

    draw: str
    specialties: tuple[str, ...]
    deadline: int
    age_days: int
    cite: str


def asked_of(state: TenderState, draw: Draw) -> Asked:
    """What one draw of a tender asks."""
    age = state.rules.draw.entry_age_days
    return Asked(
        draw=draw.id,
        specialties=tuple(stratum.specialty for stratum in draw.request.strata),
        deadline=epoch_of(state.terms.deadline),
        age_days=age.value,
        cite=state.rules.article(age.article).cite,
    )


def is_fit(facts: EntryFacts, specialty: str, asked: Asked) -> bool:
    """Does an expert know this specialty, and was the entry old enough at the deadline?"""
    return specialty in facts.specialties and is_old_enough(facts, asked.deadline, asked.age_days)


def fit_for(
    asked: Asked, entries: Iterable[PoolEntry], excluded: Collection[str]
) -> tuple[frozenset[str], ...]:
    """Pseudonyms to be listed, by stratum: all that are fit and not excluded."""
    found = tuple(one.facts for one in entries if one.facts.pseudonym not in excluded)
    return tuple(
        frozenset(facts.pseudonym for facts in found if is_fit(facts, specialty, asked))
        for specialty in asked.specialties
    )


def lists_of(fit: Iterable[Collection[str]], persons: Mapping[str, str]) -> tuple[DrawList, ...]:
    """The lists of `draw.joined`; `persons` gives each fit pseudonym's one person in this draw."""
    return tuple(
        DrawList(persons=tuple(sorted(persons[one] for one in group)), stratum=number)
        for number, group in enumerate(fit)
    )


def excluded_digest(draw: str, excluded: Iterable[Exclusion], salt: str) -> str:
    """The commitment `excluded` of `draw.joined`: H("excluded", {"draw","excluded","salt"})."""
    grounds = [{"ground": one.ground, "pseudonym": one.pseudonym} for one in excluded]
    return digest_of("excluded", {"draw": draw, "excluded": grounds, "salt": salt})


def check_disclosure(
    told: PoolDisclosure, asked: Asked, joined: DrawJoined, entries: Mapping[str, PoolEntry]
) -> None:
    """Accept a pool's lists only if they are all of its fit experts and nobody else.

    `entries` are those of the snapshot, checked (`check_snapshot`), by pseudonym. In this order:
    the disclosure is of this draw; exclusions are those committed, each on a legal ground; every
    person opens; the lists are recomputed. Raises RuleError naming the first thing that is wrong.
    """
    if (told.draw, joined.draw) != (asked.draw, asked.draw):
        raise RuleError("disclosure or list is of another draw", article=LISTING)
    _check_excluded(told, joined, entries)
    persons = _check_persons(told, entries)
    excluded = {one.pseudonym for one in told.excluded}
    fit = fit_for(asked, entries.values(), excluded)
    if [listed.stratum for listed in joined.lists] != list(range(len(fit))):
        raise RuleError("one list for each stratum, in order", article=LISTING)
    for listed, group in zip(joined.lists, fit, strict=True):
        _check_list(listed, group, persons)


def check_joined(joined: DrawJoined, published: PoolPublished) -> None:
    """Accept a list only if it is drawn from the snapshot published. Raises RuleError."""
    stated = (joined.snapshot.epoch, joined.snapshot.root)
    if stated != (published.epoch, published.root):
        raise RuleError("the snapshot is not the one published", article=LISTING)


def check_snapshot(told: SnapshotDisclosure, published: PoolPublished) -> None:
    """Accept only the entries of the snapshot published, each signed by its expert.

    Raises RuleError naming the first thing that is wrong.
    """
    if (told.root, len(told.entries)) != (published.root, published.size):
        raise RuleError("the snapshot is not the one published", article=LISTING)
    leaves = [entry_leaf(one) for one in told.entries]
    if leaves != sorted(leaves) or snapshot_root(told.entries) != published.root:
        raise RuleError("the entries are not those of the snapshot", article=LISTING)
    for one in told.entries:
        try:
            check_signed(one.facts, bytes.fromhex(one.sig))
        except NodeError as error:
            detail = f"entry {one.facts.pseudonym} is not its expert's own: {error.detail}"
            raise RuleError(detail, article=LISTING) from None


def _check_excluded(
    told: PoolDisclosure, joined: DrawJoined, entries: Mapping[str, PoolEntry]
) -> None:
    names = [one.pseudonym for one in told.excluded]
    if names != sorted(set(names)) or not set(names) <= entries.keys():
        raise RuleError("recused experts stand sorted, once, and in the pool", article=LISTING)
    if excluded_digest(told.draw, told.excluded, told.excluded_salt) != joined.excluded:
        raise RuleError("the recusals are not those committed", article=LISTING)


def _check_persons(told: PoolDisclosure, entries: Mapping[str, PoolEntry]) -> Mapping[str, str]:
    """Pseudonym -> person, each opened by its salt."""
    persons = [one.person for one in told.persons]
    found = {one.pseudonym: one.person for one in told.persons}
    if persons != sorted(set(persons)) or len(found) != len(persons):
        raise RuleError("persons stand ascending, one an expert", article=LISTING)
    for one in told.persons:
        opened = law.person(told.draw, one.pseudonym, one.salt)
        if one.pseudonym not in entries or opened != one.person:
            detail = f"person {one.person} is nobody of the snapshot"
            raise RuleError(detail, article=LISTING)
    return found


def _check_list(listed: DrawList, fit: Collection[str], persons: Mapping[str, str]) -> None:
    if missing := sorted(fit - persons.keys()):
        raise RuleError(f"expert {missing[0]} is fit and left out", article=LISTING)
    wanted = {persons[one] for one in fit}
    stratum = f"stratum {listed.stratum}"
    if missing := sorted(wanted - set(listed.persons)):
        raise RuleError(f"person {missing[0]} is fit and left out of {stratum}", article=LISTING)
    if added := sorted(set(listed.persons) - wanted):
        raise RuleError(f"person {added[0]} is not fit for {stratum}", article=LISTING)
    if list(listed.persons) != sorted(wanted):
        raise RuleError(f"the list of {stratum} is not ascending", article=LISTING)
