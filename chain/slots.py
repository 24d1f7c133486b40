"""Slot numbers of the contracts' values, from the compiler's committed storage layout.

This is the collecting side; the judging side (`node.core.evidence.anchor_devnet`) has its own
code and constants on purpose, and a test holds the two together. Slots are 64 lower-case hex
digits. Source: Solidity, layout of state variables in storage (mappings and dynamic arrays).
"""

from __future__ import annotations

import hashlib
from typing import Any

from chain.abi import artifact, keccak


def registry_head_slots() -> list[str]:
    """The registry's running head."""
    return [_hex(_base("registry", "_head"))]


def checkpoint_slots(account: str) -> list[str]:
    """Size with time, and root, of the account's newest anchored checkpoint."""
    start = _mapped(_base("anchor", "_checkpoints"), _account(account))
    return [_hex(start + i) for i in range(_words("anchor", "Checkpoint"))]


def tender_slots(stream: bytes, keeper: str) -> list[str]:
    """All words of the slots of this keeper's tender, in the order of the struct."""
    start = _mapped(_base("anchor", "_tenders"), tender_key(stream, keeper))
    return [_hex(start + i) for i in range(_words("anchor", "Tender"))]


def round_slots(round_id: bytes, opener: str, members: int) -> list[str]:
    """A round's fixed words and then its members, one word each."""
    start = _mapped(_base("beacon", "_rounds"), round_key(round_id, opener))
    words = _words("beacon", "Round")
    array = int.from_bytes(keccak((start + words - 1).to_bytes(32, "big")), "big")
    return [_hex(start + i) for i in range(words)] + [_hex(array + i) for i in range(members)]


def commit_slot(round_id: bytes, opener: str, account: str) -> str:
    """A member's commitment."""
    return _of_member("_commits", round_id, opener, account)


def secret_slot(round_id: bytes, opener: str, account: str) -> str:
    """A member's secret."""
    return _of_member("_secrets", round_id, opener, account)


def tender_key(stream: bytes, keeper: str) -> bytes:
    """The key a tender is stored under: sha256(stream || keeper); see Anchor.sol."""
    return hashlib.sha256(stream + bytes.fromhex(keeper[2:])).digest()


def round_key(round_id: bytes, opener: str) -> bytes:
    """The key a round is stored under: sha256(round || opener); see Beacon.sol."""
    return hashlib.sha256(round_id + bytes.fromhex(opener[2:])).digest()


def _of_member(label: str, round_id: bytes, opener: str, account: str) -> str:
    inner = _mapped(_base("beacon", label), round_key(round_id, opener))
    return _hex(_mapped(inner, _account(account)))


def _mapped(slot: int, key: bytes) -> int:
    return int.from_bytes(keccak(key + slot.to_bytes(32, "big")), "big")


def _account(account: str) -> bytes:
    return bytes(12) + bytes.fromhex(account[2:])


def _hex(slot: int) -> str:
    return (slot % 2**256).to_bytes(32, "big").hex()


def _base(contract: str, label: str) -> int:
    items: list[dict[str, Any]] = artifact(contract)["storage"]["storage"]
    return next(int(item["slot"]) for item in items if item["label"] == label)


def _words(contract: str, struct: str) -> int:
    kind = artifact(contract)["storage"]["types"][f"t_struct({struct})_storage"]
    return int(kind["numberOfBytes"]) // 32
