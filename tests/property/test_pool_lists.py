"""A pool's lists: sorted, salted, whole; and a regulator who catches every way to cheat."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.errors import RuleError
from node.core.records.box import SEALED_NAME_SIZE
from node.core.records.canonical import decode, encode, time_of
from node.core.records.keys import key_id, signer_from_seed
from node.core.records.kinds.draws import DrawJoined, DrawList, PoolCell, PoolPublished, Snapshot
from node.core.rules import draw as law
from node.core.rules.listing import (
    Asked,
    Exclusion,
    NamedPerson,
    PoolDisclosure,
    SnapshotDisclosure,
    check_disclosure,
    check_joined,
    check_snapshot,
    excluded_digest,
    fit_for,
    lists_of,
)
from node.core.rules.pool import (
    EntryFacts,
    PoolEntry,
    cells_of,
    entry_leaf,
    entry_message,
    snapshot_root,
)

DAY = 86_400
DEADLINE = 20_000 * DAY
DRAW = sha256(b"draw").hexdigest()
ASKED = Asked(DRAW, ("roads", "water"), DEADLINE, 30, "ours")
replace = msgspec.structs.replace


def salt_of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def entry(number: int, specialties: tuple[str, ...], days: int) -> PoolEntry:
    signer = signer_from_seed("ed25519", sha256(b"expert %d" % number).digest())
    facts = EntryFacts(
        entry=signer.public,
        name="00" * SEALED_NAME_SIZE,
        pseudonym=key_id(signer.public),
        region="altay",
        since=time_of(DEADLINE - days * DAY),
        specialties=specialties,
    )
    sig = signer.sign(entry_message(facts)).hex()
    return PoolEntry(facts=facts, salt=salt_of(f"entry {number}"), sig=sig)


Case = tuple[PoolDisclosure, DrawJoined, PoolPublished, SnapshotDisclosure]


def check(case: Case) -> None:
    """All that a regulator checks of a list, its parts decoded from what the pool sent."""
    disclosure, joined, published, entries = case
    told = decode(encode(entries), SnapshotDisclosure)
    check_joined(joined, published)
    check_snapshot(told, published)
    by_pseudonym = {one.facts.pseudonym: one for one in told.entries}
    check_disclosure(decode(encode(disclosure), PoolDisclosure), ASKED, joined, by_pseudonym)


def honest(pool: list[PoolEntry], recused: set[int]) -> Case:
    """What an honest pool says of these entries."""
    excluded = tuple(
        sorted(
            (Exclusion(ground="interest", pseudonym=pool[i].facts.pseudonym) for i in recused),
            key=lambda one: one.pseudonym,
        )
    )
    fit = fit_for(ASKED, pool, {one.pseudonym for one in excluded})
    return told(pool, excluded, fit)


def told(
    pool: list[PoolEntry], excluded: tuple[Exclusion, ...], fit: tuple[frozenset[str], ...]
) -> Case:
    """What a pool says that lists exactly these."""
    named = sorted(
        (
            NamedPerson(
                person=law.person(DRAW, one, salt_of(one)), pseudonym=one, salt=salt_of(one)
            )
            for one in frozenset().union(*fit)
        ),
        key=lambda one: one.person,
    )
    entries = tuple(sorted(pool, key=entry_leaf))
    root, salt = snapshot_root(pool), salt_of("excluded")
    cells = tuple(
        PoolCell(count=c.count, region=c.region, specialty=c.specialty) for c in cells_of(pool, 10)
    )
    joined = DrawJoined(
        draw=DRAW,
        excluded=excluded_digest(DRAW, excluded, salt),
        lists=lists_of(fit, {one.pseudonym: one.person for one in named}),
        salt=salt_of("joined"),
        snapshot=Snapshot(epoch=3, root=root, seq=2, stream=salt_of("pool")),
    )
    disclosure = PoolDisclosure(
        draw=DRAW,
        excluded=excluded,
        excluded_salt=salt,
        persons=tuple(named),
        pool="altay",
    )
    size = len(pool)
    published = PoolPublished(cells=cells, epoch=3, root=root, salt=salt_of("p"), size=size)
    snapshot = SnapshotDisclosure(entries=entries, pool="altay", root=root)
    return disclosure, joined, published, snapshot


SPECIALTIES = st.sampled_from([("roads",), ("water",), ("roads", "water"), ("bridges",)])
POOLS = st.lists(st.tuples(SPECIALTIES, st.integers(0, 60)), min_size=1, max_size=12)


@given(POOLS, st.data())
@settings(max_examples=60, deadline=None)
def test_lists_are_all_that_is_fit_sorted_salted_and_without_the_recused(
    made: list[tuple[tuple[str, ...], int]], data: st.DataObject
) -> None:
    pool = [entry(i, specialties, days) for i, (specialties, days) in enumerate(made)]
    recused = data.draw(st.sets(st.sampled_from(range(len(pool)))))
    case = honest(pool, recused)
    check(case)
    joined = case[1]
    for listed, specialty in zip(joined.lists, ASKED.specialties, strict=True):
        wanted = [
            one.facts.pseudonym
            for i, one in enumerate(pool)
            if specialty in one.facts.specialties and made[i][1] >= 30 and i not in recused
        ]
        law.check_list(listed.persons, (), 0, "ours")
        assert len(listed.persons) == len(wanted)
        assert {law.person(DRAW, one, salt_of(one)) for one in wanted} == set(listed.persons)
        assert not {one.facts.pseudonym for one in pool} & set(listed.persons)


POOL = [entry(i, ("roads", "water") if i % 2 else ("roads",), 25 + i) for i in range(12)]
FIT = fit_for(ASKED, POOL, ())
YOUNG = POOL[4].facts.pseudonym
OLD = POOL[11].facts.pseudonym


def without_one(_case: Case) -> Case:
    return told(POOL, (), (FIT[0] - {OLD}, FIT[1]))


def not_at_all(_case: Case) -> Case:
    return told(POOL, (), (FIT[0] - {OLD}, FIT[1] - {OLD}))


def a_young_one(_case: Case) -> Case:
    return told(POOL, (), (FIT[0] | {YOUNG}, FIT[1]))


def an_unfit_one(_case: Case) -> Case:
    return told(POOL, (), (FIT[0], FIT[1] | {POOL[10].facts.pseudonym}))


def a_stranger(_case: Case) -> Case:
    return told(POOL, (), (FIT[0] | {salt_of("stranger")}, FIT[1]))


def left_the_snapshot(case: Case) -> Case:
    return *case[:3], replace(case[3], entries=case[3].entries[:-1])


def joined_afterwards(case: Case) -> Case:
    more = tuple(sorted((*case[3].entries, entry(99, ("roads",), 50)), key=entry_leaf))
    published = replace(case[2], size=len(more))
    return case[0], case[1], published, replace(case[3], entries=more)


def forged_entry(_case: Case) -> Case:
    forged = replace(POOL[4], facts=replace(POOL[4].facts, since=POOL[11].facts.since))
    return honest([*POOL[:4], forged, *POOL[5:]], set())


def older_snapshot(case: Case) -> Case:
    return case[0], replace(case[1], snapshot=replace(case[1].snapshot, epoch=2)), *case[2:]


def recused_in_secret(_case: Case) -> Case:
    lists = told(POOL, (), (FIT[0] - {OLD}, FIT[1] - {OLD}))
    excluded = (Exclusion(ground="interest", pseudonym=OLD),)
    return replace(lists[0], excluded=excluded), *lists[1:]


def wrong_salt(case: Case) -> Case:
    first = replace(case[0].persons[0], salt="00" * 32)
    return replace(case[0], persons=(first, *case[0].persons[1:])), *case[1:]


def one_expert_as_two(case: Case) -> Case:
    again = replace(case[0].persons[0], salt="00" * 32)
    again = replace(again, person=law.person(DRAW, again.pseudonym, again.salt))
    persons = tuple(sorted((*case[0].persons, again), key=lambda one: one.person))
    lists = replace(
        case[1].lists[0], persons=tuple(sorted((*case[1].lists[0].persons, again.person)))
    )
    joined = replace(case[1], lists=(lists, case[1].lists[1]))
    return replace(case[0], persons=persons), joined, *case[2:]


def unsorted_list(case: Case) -> Case:
    turned = DrawList(persons=case[1].lists[0].persons[::-1], stratum=0)
    return case[0], replace(case[1], lists=(turned, case[1].lists[1])), *case[2:]


def one_stratum_short(case: Case) -> Case:
    return case[0], replace(case[1], lists=case[1].lists[:1]), *case[2:]


def other_ground(_case: Case) -> Case:
    lists = honest(POOL, {11})
    excluded = tuple(replace(one, ground="employer") for one in lists[0].excluded)
    assert excluded != lists[0].excluded
    return replace(lists[0], excluded=excluded), *lists[1:]


def list_of_other_draw(case: Case) -> Case:
    return case[0], replace(case[1], draw="00" * 32), *case[2:]


def other_snapshot(case: Case) -> Case:
    other = replace(case[1].snapshot, root="00" * 32)
    return case[0], replace(case[1], snapshot=other), *case[2:]


def other_draw(case: Case) -> Case:
    return replace(case[0], draw="00" * 32), *case[1:]


@pytest.mark.parametrize(
    ("cheat", "found"),
    [
        (without_one, "fit and left out of stratum 0"),
        (not_at_all, "fit and left out"),
        (a_young_one, "not fit for stratum 0"),
        (an_unfit_one, "not fit for stratum 1"),
        (a_stranger, "nobody of the snapshot"),
        (left_the_snapshot, "not the one published"),
        (joined_afterwards, "not those of the snapshot"),
        (forged_entry, "not its expert's own"),
        (older_snapshot, "not the one published"),
        (recused_in_secret, "not those committed"),
        (wrong_salt, "nobody of the snapshot"),
        (one_expert_as_two, "one an expert"),
        (unsorted_list, "not ascending"),
        (one_stratum_short, "one list for each stratum"),
        (other_draw, "another draw"),
        (list_of_other_draw, "another draw"),
        (other_ground, "not those committed"),
        (other_snapshot, "not the one published"),
    ],
)
def test_the_regulator_catches_a_pool_that_cheats(
    cheat: Callable[[Case], Case], found: str
) -> None:
    case = honest(POOL, set())
    check(case)
    with pytest.raises(RuleError, match=found):
        check(cheat(case))
