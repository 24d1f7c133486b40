"""What a pool publishes of itself: the root over its salted entries, and counts that betray nobody.

Protocol section 6. Entries stay in their centre (the regulator may have them); the world gets a
Merkle root and merged counts, so that a pool cannot change its list after a seed is known and yet
nobody learns who is in it. Who changes a pool's store can leave people out of the next snapshot;
he cannot add one, because each entry bears its expert's own signature and an age.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec

from node.core.errors import RuleError
from node.core.log.merkle import leaf_hash, root_of
from node.core.records.box import SEALED_NAME_SIZE
from node.core.records.canonical import END, Hex32, Time, digest, encode, epoch_of, prepare
from node.core.records.keys import PublicKey, key_id, verify
from node.core.records.kinds.base import Slug
from node.core.rules.calendar import DAY_SECONDS

OTHER = "other"
"""Specialty or region of a merged cell."""

SealedName = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{{2 * SEALED_NAME_SIZE}}}" + END)]


class EntryFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the expert signs when he enters a pool: his key, what he knows, where, since when.

    `pseudonym` is the id of his key: whoever opens a seat's link after the award shows the key
    alone. `name` is his name, sealed to the regulator (`seal_name`).
    """

    entry: PublicKey
    name: SealedName
    pseudonym: Hex32
    region: Slug
    since: Time
    specialties: Annotated[tuple[Slug, ...], msgspec.Meta(min_length=1, max_length=100)]


class PoolEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One expert of a pool: the signed facts, the signature (hex) and the pool's salt."""

    facts: EntryFacts
    salt: Hex32
    sig: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}" + END)]


prepare(EntryFacts, PoolEntry)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """How many experts have this specialty in this region; `other` stands for merged ones."""

    specialty: str
    region: str
    count: int


def entry_message(facts: EntryFacts) -> bytes:
    """The 32 bytes an expert signs to enter a pool: H("pool-entry", facts)."""
    return digest("pool-entry", encode(facts))


def check_signed(facts: EntryFacts, signature: bytes) -> None:
    """Accept only facts that their own expert signed, under the pseudonym of his key.

    Raises SignatureError, or RuleError if the pseudonym is another than the key's id.
    """
    if facts.pseudonym != key_id(facts.entry):
        raise RuleError("the pseudonym is not the id of the entry's key", article="protocol 6")
    verify(facts.entry, entry_message(facts), signature)


def is_old_enough(facts: EntryFacts, at: int, age_days: int) -> bool:
    """Had the entry the age that the rule set asks for at epoch second `at`?"""
    return epoch_of(facts.since) + age_days * DAY_SECONDS <= at


def entry_leaf(entry: PoolEntry) -> bytes:
    """The salted 32-byte leaf of an entry: H("pool-leaf", entry)."""
    return digest("pool-leaf", encode(entry))


def snapshot_root(entries: Iterable[PoolEntry]) -> str:
    """Hex root (RFC 6962) over the entries' leaves in ascending order of their bytes.

    The order follows from the salted leaves, so it tells nothing about who joined when. Raises
    RuleError if one pseudonym or one key stands in the pool twice.
    """
    found = tuple(entries)
    if len({one.facts.pseudonym for one in found}) != len(found):
        raise RuleError("one pseudonym stands twice in the pool")
    if len({one.facts.entry for one in found}) != len(found):
        raise RuleError("one key stands twice in the pool")
    return root_of([leaf_hash(leaf) for leaf in sorted(map(entry_leaf, found))]).hex()


def cells_of(entries: Iterable[PoolEntry], small: int) -> tuple[Cell, ...]:
    """Counts by specialty and region, sorted, in which no cell is smaller than `small`.

    Small cells of a specialty are merged over the regions, what is still small over everything,
    taking the smallest other cells with it until `small` people stand in it. People are counted,
    not mentions: whoever has three rare specialties counts once in a merged cell. A pool of fewer
    than `small` experts publishes no cell.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        for specialty in entry.facts.specialties:
            key = (specialty, entry.facts.region)
            found.setdefault(key, set()).add(entry.facts.pseudonym)
    kept = _merge(found, small)
    return tuple(sorted(Cell(key[0], key[1], len(people)) for key, people in kept.items()))


def _merge(found: dict[tuple[str, str], set[str]], small: int) -> dict[tuple[str, str], set[str]]:
    cells: dict[tuple[str, str], set[str]] = {}
    for (specialty, region), people in found.items():
        key = (specialty, region if len(people) >= small else OTHER)
        cells.setdefault(key, set()).update(people)
    rest: set[str] = set()
    for key in sorted(cells, key=lambda one: (len(cells[one]), one)):
        if len(cells[key]) >= small and (not rest or len(rest) >= small):
            break
        rest |= cells.pop(key)
    if len(rest) >= small:
        cells[OTHER, OTHER] = rest
    return cells
