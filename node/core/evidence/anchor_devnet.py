"""What the development chain proves: notes of its one operator, and what their slots mean.

Source: protocol.md 7, 10.12; C2SP signed-note. Slot numbers follow Solidity's "layout of state
variables in storage"; the constants below are held to the compiler's own layout by a test.
Everything hostile raises InvalidError with code `anchor`. Ids, roots, heads and secrets are 32 raw
bytes, accounts 20; times are block times in seconds since 1970, UTC.

Trust: the operator alone. Its note says nothing about what other people saw of the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from node.core.errors import InvalidError
from node.core.evidence.keccak import keccak256, keccak256_each
from node.core.log.note import ED25519, parse_note, parse_vkey, verify
from node.core.records.canonical import END, Count, Hex32, Time, decode, epoch_of, prepare
from node.core.rules.draw import LEAST_MEMBERS

WORD: Final = 32
ACCOUNT: Final = 20
MAX_MEMBERS: Final = 1024
SLOT_MASK: Final = (1 << 256) - 1

REGISTRY_HEAD: Final = 0
ANCHOR_CHECKPOINTS: Final = 0
ANCHOR_TENDERS: Final = 1
BEACON_ROUNDS: Final = 0
BEACON_COMMITS: Final = 1
BEACON_SECRETS: Final = 2
CHECKPOINT_WORDS: Final = 2
TENDER_WORDS: Final = 6
ROUND_WORDS: Final = 3


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one line of a note, RFC 8785. Hex is lower-case without a prefix."""

    contract: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}" + END)]
    hash: Hex32
    number: Count
    slots: dict[Hex32, Hex32]
    time: Time


prepare(Proof)


@dataclass(frozen=True, slots=True)
class BlockFact:
    """Proven: these slots of this contract held these words as of this block."""

    contract: str
    number: int
    hash: str
    time: int
    slots: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class CheckpointAnchor:
    """The newest checkpoint that an account anchored; size 0: none."""

    size: int
    at: int
    root: bytes


@dataclass(frozen=True, slots=True)
class TenderAnchor:
    """One keeper's slots of a tender; a part that was not written is zero."""

    keeper: bytes
    deadline: int
    bids_at: int
    result_at: int
    bids_root: bytes
    bids_head: bytes
    result: bytes
    result_head: bytes


@dataclass(frozen=True, slots=True)
class RoundAnchor:
    """One beacon round of one opener; `members` are accounts in ascending order."""

    opened_at: int
    commit_by: int
    reveal_by: int
    opener: bytes
    commits: int
    reveals: int
    members: tuple[bytes, ...]


def verify_note(note: str, operator_vkey: str, chain_id: int) -> BlockFact:
    """Accept a note only if the trusted operator of this chain signed it, alone.

    Raises InvalidError (code `anchor`) for another name, key, form, or a second signature line.
    """
    name = f"yuanping-devnet/{chain_id}"
    try:
        key, signed = parse_vkey(operator_vkey), parse_note(note)
        if key.kind != ED25519 or key.name != name:
            raise InvalidError(f"the operator's key must be an Ed25519 key named {name}")
        if len(signed.signatures) != 1:
            raise InvalidError("a chain note has exactly one signature")
        verify(signed, key)
        proof = decode(signed.text.removesuffix("\n").encode(), Proof)
        slots = {bytes.fromhex(s): bytes.fromhex(v) for s, v in proof.slots.items()}
        return BlockFact(proof.contract, proof.number, proof.hash, epoch_of(proof.time), slots)
    except InvalidError as error:
        raise _anchor_error(error.detail) from None


def check_shows_only(fact: BlockFact, slots: Iterable[bytes]) -> None:
    """Raise InvalidError unless the note shows exactly these slots, not one less or more."""
    if set(fact.slots) != set(slots):
        raise _anchor_error("the chain note shows other slots than the ones wanted")


# Where values are


def registry_head_slot() -> bytes:
    """The registry's running head."""
    return _slot(REGISTRY_HEAD)


def checkpoint_slots(account: bytes) -> tuple[bytes, ...]:
    """An account's newest checkpoint: size with time, root."""
    return _words(_mapped(ANCHOR_CHECKPOINTS, _padded(account)), CHECKPOINT_WORDS)


def tender_key(stream: bytes, keeper: bytes) -> bytes:
    """Key a tender is stored under: SHA-256(stream || keeper), so nobody takes another's slots."""
    return sha256(stream + keeper).digest()


def tender_slots(stream: bytes, keeper: bytes) -> tuple[bytes, ...]:
    """A tender's six words: keeper with deadline, times, bids' root, head, result, head."""
    return _words(_mapped(ANCHOR_TENDERS, tender_key(stream, keeper)), TENDER_WORDS)


def round_key(round_id: bytes, opener: bytes) -> bytes:
    """Key a round is stored under: SHA-256(round || opener), so nobody opens another's round."""
    return sha256(round_id + opener).digest()


def round_slots(round_id: bytes, opener: bytes, members: int) -> tuple[bytes, ...]:
    """A round's three words (times; opener with counts; number of members), then each member."""
    start = _mapped(BEACON_ROUNDS, round_key(round_id, opener))
    return _words(start, ROUND_WORDS) + _words(_array(start + ROUND_WORDS - 1), members)


def commit_slot(round_id: bytes, opener: bytes, account: bytes) -> bytes:
    """A member's commitment."""
    inner = _mapped(BEACON_COMMITS, round_key(round_id, opener))
    return _slot(_mapped(inner, _padded(account)))


def secret_slot(round_id: bytes, opener: bytes, account: bytes) -> bytes:
    """A member's secret."""
    inner = _mapped(BEACON_SECRETS, round_key(round_id, opener))
    return _slot(_mapped(inner, _padded(account)))


def locate_rounds(rounds: Iterable[tuple[bytes, bytes, Sequence[bytes]]]) -> None:
    """Hash at once where these rounds (id, opener, accounts) are; one by one takes far longer.

    Nothing else changes: what the functions above give afterwards is known already.
    """
    found = list(rounds)
    keys = [round_key(round_id, opener) for round_id, opener, _ in found]
    slots = [BEACON_ROUNDS] * len(keys) + [BEACON_COMMITS, BEACON_SECRETS] * len(keys)
    twice = [key for key in keys for _ in (BEACON_COMMITS, BEACON_SECRETS)]
    places = _mapped_each(zip(slots, (*keys, *twice), strict=True))
    starts, inner = places[: len(keys)], places[len(keys) :]
    both = [accounts for *_, accounts in found for _ in (BEACON_COMMITS, BEACON_SECRETS)]
    owned = [
        _padded(account) + _slot(slot)
        for slot, accounts in zip(inner, both, strict=True)
        for account in accounts
    ]
    keccak256_each([*(_slot(start + ROUND_WORDS - 1) for start in starts), *owned])


def locate_anchors(stream: bytes, keeper: bytes, accounts: Iterable[bytes]) -> None:
    """Hash at once where a keeper's tender and the accounts' checkpoints are."""
    tender = (ANCHOR_TENDERS, tender_key(stream, keeper))
    _mapped_each([tender, *((ANCHOR_CHECKPOINTS, _padded(one)) for one in accounts)])


# What values are


def registry_head(fact: BlockFact) -> bytes:
    """The head the note shows; to be compared with `registry_head_of`."""
    return _word(fact, registry_head_slot())


def registry_head_of(changes: Iterable[tuple[bytes, int, bytes]]) -> bytes:
    """The head over changes (id, block, descriptor) in order.

    From zero: SHA-256(head || id || block as 8 bytes || SHA-256(descriptor)).
    """
    head = bytes(WORD)
    for member, block, descriptor in changes:
        digest = sha256(descriptor).digest()
        head = sha256(head + member + block.to_bytes(8, "big") + digest).digest()
    return head


def read_checkpoint(fact: BlockFact, account: bytes) -> CheckpointAnchor:
    """An account's newest checkpoint. Raises InvalidError if the note does not show all of it."""
    packed, root = (_word(fact, slot) for slot in checkpoint_slots(account))
    size, at = _unpack(packed, 8, 8)
    return CheckpointAnchor(_number(size), _number(at), root)


def read_tender(fact: BlockFact, stream: bytes, keeper: bytes) -> TenderAnchor:
    """This account's slots of a tender.

    Raises InvalidError if the note does not show all of them, or shows what the contract refuses.
    """
    first, second, *rest = (_word(fact, slot) for slot in tender_slots(stream, keeper))
    account, raw = _unpack(first, ACCOUNT, 8)
    deadline = _number(raw)
    bids_at, result_at = (_number(part) for part in _unpack(second, 8, 8))
    if account != (keeper if deadline else bytes(ACCOUNT)):
        raise _anchor_error("the tender's slots are another account's")
    return TenderAnchor(account, deadline, bids_at, result_at, *rest)


def read_round(fact: BlockFact, round_id: bytes, opener: bytes) -> RoundAnchor | None:
    """A round with its members, or None if this opener had not opened it.

    Raises InvalidError if the note does not show all of it, or shows what the contract refuses.
    """
    times, who, length = (_word(fact, slot) for slot in round_slots(round_id, opener, 0))
    opened_at, commit_by, reveal_by = _unpack(times, 8, 8, 8)
    account, commits, reveals = _unpack(who, ACCOUNT, 4, 4)
    count = _number(length)
    if not _number(opened_at):
        return None
    if account != opener or not LEAST_MEMBERS <= count <= MAX_MEMBERS:
        raise _anchor_error("the round's opener or number of members cannot be")
    slots = round_slots(round_id, opener, count)[ROUND_WORDS:]
    members = tuple(_unpack(_word(fact, slot), ACCOUNT)[0] for slot in slots)
    if list(members) != sorted(set(members)):
        raise _anchor_error("the round's members are not ascending")
    times_and = (_number(opened_at), _number(commit_by), _number(reveal_by))
    return RoundAnchor(*times_and, opener, _number(commits), _number(reveals), members)


def read_commit(fact: BlockFact, round_id: bytes, opener: bytes, account: bytes) -> bytes:
    """A member's commitment; zero bytes if it had not committed."""
    return _word(fact, commit_slot(round_id, opener, account))


def read_secret(fact: BlockFact, round_id: bytes, opener: bytes, account: bytes) -> bytes:
    """A member's secret; zero bytes if it had not revealed."""
    return _word(fact, secret_slot(round_id, opener, account))


def _anchor_error(detail: str) -> InvalidError:
    return InvalidError(detail, code="anchor")


def _word(fact: BlockFact, slot: bytes) -> bytes:
    if slot not in fact.slots:
        raise _anchor_error(f"the chain note does not show slot {slot.hex()}")
    return fact.slots[slot]


def _unpack(word: bytes, *sizes: int) -> list[bytes]:
    """Part a word from its low end, as Solidity packs; what is left over must be zero."""
    parts, end = [], WORD
    for size in sizes:
        parts.append(word[end - size : end])
        end -= size
    if any(word[:end]):
        raise _anchor_error("a slot holds more than its contract writes")
    return parts


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _padded(account: bytes) -> bytes:
    return bytes(WORD - ACCOUNT) + account


def _slot(number: int) -> bytes:
    return (number & SLOT_MASK).to_bytes(WORD, "big")


def _words(start: int, count: int) -> tuple[bytes, ...]:
    return tuple(_slot(start + i) for i in range(count))


def _mapped(slot: int, key: bytes) -> int:
    return _number(keccak256(key + _slot(slot)))


def _mapped_each(places: Iterable[tuple[int, bytes]]) -> list[int]:
    return [_number(d) for d in keccak256_each([key + _slot(slot) for slot, key in places])]


def _array(slot: int) -> int:
    return _number(keccak256(_slot(slot)))
