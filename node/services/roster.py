"""What a pool keeps of its experts and draws, as facts of the node's store.

Who writes: this node alone. What an attacker gains who can read it: who is in the pool (key,
specialty, region; names are sealed to the regulator) and who the persons of its draws are. Who can
write it can leave people out of a snapshot or a list, which the regulator sees; he cannot add one.

Keys: `pool/entry/<pseudonym>`, `pool/epoch/<number>`, `pool/recused/<stream>/<pseudonym>`, and of
each draw `pool/draw/<draw>/…`: `joined`, `persons`, `call/<person>`, `answer/<person>`,
`contacted/<person>`, `link/<person>/<seat key>`, `told/<regulator>`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from node.core.errors import MissingError, RuleError
from node.core.records.canonical import Count, Hex32, decode, encode, prepare
from node.core.records.kinds.base import MAX_LIST, HexBytes, Part
from node.core.records.kinds.draws import DrawJoined, ExpertContacted
from node.core.rules.contact import ContactEvidence
from node.core.rules.listing import Exclusion, Ground, NamedPerson
from node.core.rules.pool import PoolEntry, snapshot_root
from node.services.ports import Batch

if TYPE_CHECKING:
    from node.services.ports import Store

P = TypeVar("P", bound=Part)


class Epoch(Part, frozen=True, kw_only=True):
    """Who stood in one snapshot."""

    pseudonyms: Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=MAX_LIST)]
    root: Hex32


class Joined(Part, frozen=True, kw_only=True):
    """What was said in `draw.joined`, and what opens its commitment `excluded`."""

    body: DrawJoined
    excluded: tuple[Exclusion, ...]
    excluded_salt: Hex32


class Persons(Part, frozen=True, kw_only=True):
    """All persons that were listed in a draw, ascending."""

    persons: Annotated[tuple[NamedPerson, ...], msgspec.Meta(max_length=MAX_LIST)]


class CallMade(Part, frozen=True, kw_only=True):
    """That an expert was called, and when (epoch seconds)."""

    at: Count


class AnswerKept(Part, frozen=True, kw_only=True):
    """An expert's own answer with its signature."""

    accepted: bool
    sig: HexBytes


class Contacted(Part, frozen=True, kw_only=True):
    """What was said in `expert.contacted`, and what opens its commitment `evidence`."""

    body: ExpertContacted
    evidence: ContactEvidence


class LinkKept(Part, frozen=True, kw_only=True):
    """What opens the link of a seat after the award."""

    link_salt: Hex32
    sig: HexBytes


class Recused(Part, frozen=True, kw_only=True):
    """The legal ground for which an expert may not sit in a tender."""

    ground: Ground


prepare(Epoch, Joined, Persons, CallMade, AnswerKept, Contacted, LinkKept, Recused)


def key_of(draw: str, what: str, name: str = "") -> str:
    """The key of a fact about a draw."""
    return f"pool/draw/{draw}/{what}/{name}" if name else f"pool/draw/{draw}/{what}"


def text_of(part: msgspec.Struct) -> str:
    """A fact as it is stored."""
    return encode(part).decode()


@lru_cache(maxsize=256)
def _persons(text: str) -> Persons:
    """The hundreds of one draw, asked for with each call and seat of it."""
    return decode(text.encode(), Persons)


@dataclass(frozen=True, slots=True)
class Roster:
    """The pool's facts, typed. Blocking; what it reads is decoded strictly."""

    store: Store

    def entry(self, pseudonym: str) -> PoolEntry | None:
        """One expert's entry, or None."""
        text = self.store.fact(f"pool/entry/{pseudonym}")
        return None if text is None else decode(text.encode(), PoolEntry)

    def entries(self) -> list[PoolEntry]:
        """Everybody who ever entered, by pseudonym."""
        found = self.store.facts("pool/entry/")
        return [decode(found[key].encode(), PoolEntry) for key in sorted(found)]

    def enter(self, entry: PoolEntry) -> None:
        """Store an entry durably."""
        self.store.put_fact(f"pool/entry/{entry.facts.pseudonym}", text_of(entry))

    def newest_epoch(self) -> tuple[int, Epoch] | None:
        """The last snapshot that was published, or None."""
        found = self.store.facts("pool/epoch/")
        if not found:
            return None
        number = max(int(key.rpartition("/")[2]) for key in found)
        return number, decode(found[f"pool/epoch/{number}"].encode(), Epoch)

    def snapshot(self, number: int, root: str) -> list[PoolEntry]:
        """The entries of a published snapshot. Raises MissingError; RuleError if they changed."""
        text = self.store.fact(f"pool/epoch/{number}")
        if text is None:
            raise MissingError(
                f"the entries of snapshot {number} of this pool are not in this store; tenders "
                "whose bids end after the next snapshot can be joined"
            )
        members = set(decode(text.encode(), Epoch).pseudonyms)
        entries = [one for one in self.entries() if one.facts.pseudonym in members]
        if snapshot_root(entries) != root:
            raise RuleError("entries of a published snapshot were changed", article="protocol 6")
        return entries

    def recused(self, stream: str) -> list[Exclusion]:
        """Who may not sit in a tender, and why; by pseudonym."""
        prefix = f"pool/recused/{stream}/"
        found = self.store.facts(prefix)
        return [
            Exclusion(
                ground=decode(found[key].encode(), Recused).ground,
                pseudonym=key.removeprefix(prefix),
            )
            for key in sorted(found)
        ]

    def recuse(self, stream: str, excluded: Exclusion) -> None:
        """Remember durably that an expert may not sit in a tender."""
        part = Recused(ground=excluded.ground)
        self.store.put_fact(f"pool/recused/{stream}/{excluded.pseudonym}", text_of(part))

    def joined(self, draw: str) -> Joined | None:
        """What we said in `draw.joined`, or None."""
        return self.find(Joined, key_of(draw, "joined"))

    def person(self, draw: str, person: str) -> NamedPerson:
        """Who a person of a draw is. Raises MissingError if it is none of ours."""
        found = next((one for one in self.persons(draw) if one.person == person), None)
        if found is None:
            raise MissingError(f"person {person[:16]}… is not of this pool")
        return found

    def persons(self, draw: str) -> list[NamedPerson]:
        """All persons that we listed in a draw, ascending."""
        text = self.store.fact(key_of(draw, "persons"))
        return [] if text is None else list(_persons(text).persons)

    def find(self, kind: type[P], key: str) -> P | None:
        """One fact of a kind, or None."""
        text = self.store.fact(key)
        return None if text is None else decode(text.encode(), kind)

    def by_person(self, kind: type[P], draw: str, what: str) -> dict[str, P]:
        """All facts of a kind about the persons of a draw."""
        prefix = key_of(draw, what) + "/"
        found = self.store.facts(prefix)
        return {key.removeprefix(prefix): decode(found[key].encode(), kind) for key in found}

    def keep(self, parts: Iterable[tuple[str, msgspec.Struct]]) -> None:
        """Store facts durably, all or none."""
        self.store.commit(Batch(facts={key: text_of(part) for key, part in parts}))
