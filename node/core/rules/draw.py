"""The draw of experts: lists, slate, picks, beacon rounds, and what a pool publishes of itself.

Protocol sections 6, 10.9 and 10.10. Everybody who has the lists and the seeds computes the same
slate and the same picks; who a person is, only his pool knows. Ids, persons and rounds are
lower-case hex as in records; seeds, secrets and (but in `remaining`) accounts are raw bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from typing import Literal

from node.core.errors import InvalidError, RuleError
from node.core.records.canonical import digest, digest_of, tagged

Purpose = Literal["slate", "pick", "lot"]
ROUND_PURPOSES: tuple[Purpose, ...] = ("slate", "pick", "lot")
HASH_BYTES = 32
ACCOUNT_BYTES = 20
LEAST_MEMBERS = 2
"""So many secrets a seed needs: one member alone would choose it."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """One group of seats to fill: its number in `draw.requested` (from 0) and how many seats."""

    number: int
    seats: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < 2**32 or self.seats < 1:
            raise InvalidError(f"stratum {self.number} with {self.seats} seats")


@dataclass(frozen=True, slots=True, order=True)
class Slated:
    """A person of the slate, called by the pool that listed him."""

    person: str
    pool: str


def person(draw_id: str, pseudonym: str, salt: str) -> str:
    """The name of one expert in one draw: H("person", {"draw","pseudonym","salt"}), hex.

    Source: protocol 6.2. The salt is fresh for each draw, so two draws cannot be joined and
    nobody who lacks the salt can try the pool's pseudonyms. One value an expert and draw, the
    same in every stratum he is fit for. Raises InvalidError if draw id or salt is no digest.
    """
    raw_hash(draw_id, "draw id")
    raw_hash(salt, "salt")
    return digest_of("person", {"draw": draw_id, "pseudonym": pseudonym, "salt": salt})


def check_list(persons: Sequence[str], others: Collection[str], minimum: int, cite: str) -> None:
    """Accept only one pool's lawful list for one stratum.

    Source: protocol 6.2. Strictly ascending (so nobody stands in it twice and its order tells
    nothing), nobody whom another pool listed (`others`: all persons of the other pools in this
    draw), at least `minimum` long: the length is the anonymity set. Raises RuleError with the
    article `cite`.
    """
    for one in persons:
        raw_hash(one, "person")
    if any(left >= right for left, right in pairwise(persons)):
        raise RuleError("the list is not in strictly ascending order", article=cite)
    if not set(others).isdisjoint(persons):
        raise RuleError("a person of this list stands in another pool's list", article=cite)
    if len(persons) < minimum:
        raise RuleError(f"{len(persons)} fit experts listed; need {minimum}", article=cite)


def slate_size(seats: int, factor: Fraction) -> int:
    """How many persons are called for a stratum: ⌈factor × seats⌉, exactly (protocol 10.9)."""
    return -(-factor.numerator * seats // factor.denominator)


def rank_slate(
    seed: bytes,
    draw_id: str,
    stratum: Stratum,
    persons_by_pool: Mapping[str, Iterable[str]],
    size: int,
) -> tuple[Slated, ...]:
    """The slate of one stratum: the `size` lowest H("rank", seed 1 || draw || stratum || person).

    Source: protocol 6.4, 10.9; the lowest stands first, compared as unsigned bytes. It does not
    depend on the order of pools or lists. Fewer listed than `size`: all of them. Raises
    InvalidError for malformed ids, RuleError if a person stands in two lists.
    """
    pool_of: dict[str, str] = {}
    for pool, persons in persons_by_pool.items():
        for one in persons:
            if one in pool_of:
                raise RuleError(f"person {one} stands in two lists: {pool_of[one]}, {pool}")
            pool_of[one] = pool
    ranked = _ranked("rank", _prefix(seed, draw_id, stratum), pool_of)
    return tuple(Slated(one, pool_of[one]) for one in ranked[:size])


def rank_slates(
    seed: bytes,
    draw_id: str,
    lists: Sequence[tuple[Stratum, Mapping[str, Collection[str]]]],
    factor: Fraction,
) -> tuple[tuple[Slated, ...], ...]:
    """All slates of a draw, strata in filling order; nobody is slated twice.

    Who stands in the slate of an earlier stratum is left out of the later ones, so nobody is
    called for two groups. Raises as `rank_slate`.
    """
    taken: set[str] = set()
    slates = []
    for stratum, by_pool in lists:
        left = {pool: [p for p in found if p not in taken] for pool, found in by_pool.items()}
        slate = rank_slate(seed, draw_id, stratum, left, slate_size(stratum.seats, factor))
        taken.update(slated.person for slated in slate)
        slates.append(slate)
    return tuple(slates)


def order_picks(
    seed: bytes, draw_id: str, stratum: Stratum, accepted: Iterable[str]
) -> tuple[str, ...]:
    """Those who accepted, in the order of H("pick", seed 2 || draw || stratum || person).

    Source: protocol 6.6. The first `stratum.seats` sit; substitutes follow in this order, now and
    later. Raises InvalidError for malformed ids or a person named twice.
    """
    persons = tuple(accepted)
    if len(set(persons)) != len(persons):
        raise InvalidError("a person accepted twice")
    return _ranked("pick", _prefix(seed, draw_id, stratum), persons)


def round_id(n: int, of: str, purpose: Purpose) -> str:
    """Id of a beacon round: H("round", {"n","of","purpose"}), hex (protocol 10.10).

    `of` is the draw id, or for a lot among equals the stream's id; n counts from 0 and goes up by
    one after a voided round. Raises InvalidError for anything else.
    """
    raw_hash(of, "draw or stream")
    if purpose not in ROUND_PURPOSES or not 0 <= n < 2**53:
        raise InvalidError(f"round {n} for {purpose!r}")
    return digest_of("round", {"n": n, "of": of, "purpose": purpose})


def commitment(round_of: str, account: bytes, secret: bytes) -> bytes:
    """What a member commits on the chain before he reveals (protocol 10.10).

    SHA-256("yuanping/commit/v1\\n" || round || 20-byte account || 32-byte secret): bound to round
    and account, so that nobody can copy another member's commitment and open it after him.
    """
    if len(account) != ACCOUNT_BYTES or len(secret) != HASH_BYTES:
        raise InvalidError("an account has 20 bytes and a secret 32")
    return digest("commit", raw_hash(round_of, "round") + account + secret)


def seed_of(round_of: str, secrets: Mapping[bytes, bytes]) -> bytes:
    """The seed of a round: H("beacon", round || secrets by ascending account) (protocol 10.10).

    Raises InvalidError if there is no secret or one has another length than 32.
    """
    if not secrets or any(len(secret) != HASH_BYTES for secret in secrets.values()):
        raise InvalidError("a seed needs at least one secret, each of 32 bytes")
    joined = b"".join(secrets[account] for account in sorted(secrets))
    return digest("beacon", raw_hash(round_of, "round") + joined)


def check_seed(
    round_of: str, commitments: Mapping[bytes, bytes], secrets: Mapping[bytes, bytes], seed: bytes
) -> None:
    """Accept a seed only if every member opened exactly what he had committed.

    `commitments` are those of all members of the round, fixed at its opening: a missing reveal
    voids the round, never shrinks it (protocol 6, Beacon). Raises RuleError naming the account.
    """
    if missing := sorted(set(commitments) - set(secrets)):
        raise RuleError(f"round {round_of}: no reveal by {missing[0].hex()}; the round is void")
    for account, secret in sorted(secrets.items()):
        if account not in commitments:
            raise RuleError(f"round {round_of}: {account.hex()} is no member of this round")
        if commitment(round_of, account, secret) != commitments[account]:
            raise RuleError(f"round {round_of}: {account.hex()} did not open its commitment")
    if seed_of(round_of, secrets) != seed:
        raise RuleError(f"round {round_of}: the seed is not that of its secrets")


Said = tuple[Collection[str], Collection[str]]
"""Who committed in a round, and who revealed: accounts in hex."""


def remaining(members: Sequence[str], void: Sequence[Said]) -> tuple[str, ...]:
    """The members of the round that follows these void ones of one seed, in their order.

    `members` are those of the first round. Reveals are possible only once everybody has committed.
    Who then reveals nothing may have seen the others' secrets: he is left out from there on. Who
    gave no commitment had seen nothing: he is left out of one round. Where fewer than two would be
    left, those come back who had seen nothing, and if that is not enough all, and it begins anew:
    one alone would choose the seed, and a draw that can never end serves nobody (ADR 16).
    """
    now, barred = tuple(members), set[str]()
    for commits, reveals in void:
        late = {member for member in now if member not in commits}
        if not late:
            barred |= {member for member in now if member not in reveals}
        if len(now := _without(members, barred | late)) < LEAST_MEMBERS:
            now = _without(members, barred)
        if len(now) < LEAST_MEMBERS:
            now, barred = tuple(members), set()
    return now


def _without(members: Sequence[str], out: Collection[str]) -> tuple[str, ...]:
    return tuple(member for member in members if member not in out)


def raw_hash(text: str, what: str) -> bytes:
    """The 32 bytes of a lower-case hex digest; one spelling only, so nobody counts twice.

    Raises InvalidError, naming `what`.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != HASH_BYTES or raw.hex() != text:
        raise InvalidError(f"{what}: not 32 bytes in lower-case hex")
    return raw


def _prefix(seed: bytes, draw_id: str, stratum: Stratum) -> bytes:
    if len(seed) != HASH_BYTES:
        raise InvalidError(f"a seed has {HASH_BYTES} bytes, not {len(seed)}")
    return seed + raw_hash(draw_id, "draw id") + stratum.number.to_bytes(4, "big")


def _ranked(tag: str, prefix: bytes, persons: Iterable[str]) -> tuple[str, ...]:
    head = tagged(tag) + prefix  # once, and not for each of the hundreds that a pool lists

    def rank(one: str) -> bytes:
        return sha256(head + raw_hash(one, "person")).digest()

    return tuple(sorted(persons, key=rank))
