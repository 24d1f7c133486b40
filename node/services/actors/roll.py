"""The experts of one centre: their keys, their entries in its pool, and their answers to calls.

The experts are invented. Each has a key of its own and a name that only the regulator can open. The
sealed name differs at every sealing, so an entry is kept as it was signed, and entered so again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from node.core.records.box import seal_name
from node.core.records.canonical import Hex32, digest, encode, prepare, time_of
from node.core.records.keys import PublicKey, Signer, key_id, signer_from_seed
from node.core.records.kinds.base import HexBytes, Part
from node.core.rules.contact import answer_message
from node.core.rules.pool import EntryFacts, entry_message
from node.services.actors.drawer import Drawer, fresh_seed, put_in, take_out
from node.services.ports.door import CallAnswer

if TYPE_CHECKING:
    from node.services.ports import Entropy
    from node.services.ports.door import Call

ROLL = "experts.json"
DAY = 86_400
OTHER = ("landscape", "lighting")
"""What those know who are fit for no stratum of the tender."""


class ExpertKept(Part, frozen=True, kw_only=True):
    """One expert: secret key, what she signed when she entered, and her signature."""

    facts: EntryFacts
    seed: Hex32
    sig: HexBytes

    @property
    def signer(self) -> Signer:
        """The key of her entry."""
        return signer_from_seed("ed25519", bytes.fromhex(self.seed))


class RollKept(Part, frozen=True, kw_only=True):
    """All experts of one centre."""

    experts: Annotated[tuple[ExpertKept, ...], msgspec.Meta(max_length=4096)]


prepare(RollKept)


@dataclass(frozen=True, slots=True)
class Invented:
    """What experts are invented: how many, where, what the tender asks for, since when (epoch).

    `regulator` is the key that names are sealed to.
    """

    centre: str
    region: str
    count: int
    specialties: tuple[str, ...]
    now: int
    regulator: PublicKey


@dataclass(frozen=True, slots=True)
class Calendar:
    """How many of a hundred experts are busy, and how many do not answer."""

    busy: int = 8
    silent: int = 0

    def answer(self, call: Call) -> bool | None:
        """Can she come? None if she does not answer. The same call gets the same answer."""
        chance = digest("calendar", f"{call.draw}/{call.pseudonym}".encode())
        mark = int.from_bytes(chance[:8], "big") % 100
        if mark < self.busy:
            return False
        return None if mark < self.busy + self.silent else True


def roll_in(drawer: Drawer, invented: Invented, entropy: Entropy) -> RollKept:
    """The experts of this centre; made, and on the disk, before the first of them enters."""
    kept = take_out(drawer, ROLL, RollKept)
    if kept is None:
        numbers = range(1, invented.count + 1)
        kept = RollKept(experts=tuple(_expert(n, invented, entropy) for n in numbers))
        put_in(drawer, ROLL, kept)
    return kept


def _expert(number: int, invented: Invented, entropy: Entropy) -> ExpertKept:
    seed = fresh_seed("ed25519", entropy)
    signer = signer_from_seed("ed25519", bytes.fromhex(seed))
    pseudonym = key_id(signer.public)
    name = f"{invented.centre} 评标专家 {number:03}"
    facts = EntryFacts(
        entry=signer.public,
        name=seal_name(name, pseudonym, invented.regulator).hex(),
        pseudonym=pseudonym,
        region=invented.region,
        since=time_of(invented.now - (60 + 7 * (number % 200)) * DAY),
        specialties=_specialties(number, invented.specialties),
    )
    return ExpertKept(facts=facts, seed=seed, sig=signer.sign(entry_message(facts)).hex())


def _specialties(number: int, asked: tuple[str, ...]) -> tuple[str, ...]:
    """One of seven is fit for nothing that is asked; one of five for everything."""
    if number % 7 == 0:
        return (OTHER[number % len(OTHER)],)
    known = asked if number % 5 == 0 else (asked[number % len(asked)],)
    return tuple(sorted(set(known)))


def answer_to(call: Call, expert: ExpertKept, *, accepted: bool) -> CallAnswer:
    """An expert's answer, signed with the key of her entry."""
    message = answer_message(call.draw, call.person, accepted=accepted)
    return CallAnswer(call.draw, call.person, accepted, expert.signer.sign(message))


def entry_of(expert: ExpertKept) -> tuple[bytes, bytes]:
    """What is said at the door to enter the pool: facts and signature."""
    return encode(expert.facts), bytes.fromhex(expert.sig)
