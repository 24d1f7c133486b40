"""What a pool publishes: a root that fixes every entry, and counts that betray nobody."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from node.core.log.merkle import EMPTY_ROOT, leaf_hash, node_hash
from node.core.records.box import SEALED_NAME_SIZE
from node.core.records.keys import PublicKey, key_id
from node.core.rules.pool import Cell, EntryFacts, PoolEntry, cells_of, entry_leaf, snapshot_root


def entry(number: int, region: str, *specialties: str) -> PoolEntry:
    """An entry whose signature is not looked at."""
    key = PublicKey(sha256(b"%d" % number).hexdigest(), "ed25519")
    facts = EntryFacts(
        entry=key,
        name="00" * SEALED_NAME_SIZE,
        pseudonym=key_id(key),
        region=region,
        since="2026-01-01T00:00:00Z",
        specialties=specialties,
    )
    return PoolEntry(facts=facts, salt=sha256(b"s%d" % number).hexdigest(), sig="00" * 64)


def many(start: int, count: int, region: str, *specialties: str) -> list[PoolEntry]:
    return [entry(start + i, region, *specialties) for i in range(count)]


def test_root_is_that_of_the_sorted_leaves() -> None:
    two = [entry(1, "zhuzhou", "roads"), entry(2, "altay", "roads")]
    low, high = sorted(map(entry_leaf, two))
    root = node_hash(leaf_hash(low), leaf_hash(high)).hex()
    assert snapshot_root(two) == snapshot_root(two[::-1]) == root
    assert snapshot_root([]) == EMPTY_ROOT.hex()


def test_salt_and_every_fact_are_in_the_root() -> None:
    one = entry(1, "zhuzhou", "roads")
    others = [
        msgspec.structs.replace(one, salt="11" * 32),
        msgspec.structs.replace(one, sig="11" * 64),
        entry(1, "altay", "roads"),
        entry(1, "zhuzhou", "bridges"),
    ]
    assert len({snapshot_root([each]) for each in (one, *others)}) == 5


def test_large_cells_stand_alone() -> None:
    pool = many(0, 10, "zhuzhou", "roads") + many(10, 12, "altay", "roads")
    assert cells_of(pool, 10) == (Cell("roads", "altay", 12), Cell("roads", "zhuzhou", 10))


def test_small_regions_of_a_specialty_are_merged() -> None:
    pool = many(0, 9, "zhuzhou", "roads") + many(9, 4, "altay", "roads")
    assert cells_of(pool, 10) == (Cell("roads", "other", 13),)


def test_a_rare_specialty_takes_the_smallest_cell_with_it() -> None:
    pool = (
        many(0, 3, "zhuzhou", "tunnels")
        + many(3, 11, "zhuzhou", "roads")
        + many(14, 20, "altay", "water")
    )
    assert cells_of(pool, 10) == (Cell("other", "other", 14), Cell("water", "altay", 20))


def test_every_rare_specialty_is_merged_not_only_until_there_are_ten() -> None:
    pool = many(0, 7, "zhuzhou", "a") + many(7, 8, "altay", "b") + many(15, 9, "altay", "c")
    assert cells_of(pool, 10) == (Cell("other", "other", 24),)


def test_one_expert_of_ten_rare_specialties_is_one_person() -> None:
    polymath = entry(0, "zhuzhou", *(f"s{i}" for i in range(10)))
    assert cells_of([polymath], 10) == ()
    pool = [polymath, *many(1, 15, "zhuzhou", "roads")]
    assert cells_of(pool, 10) == (Cell("other", "other", 16),)


def test_a_pool_of_nine_says_nothing() -> None:
    assert cells_of(many(0, 9, "zhuzhou", "roads"), 10) == ()
