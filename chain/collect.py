"""Fetches what evidence shows of the chain: a contract's name and the note over its slots.

This side only fetches; `node/core/evidence/anchor_devnet.py` alone judges. They share the format
(protocol.md 10.12) and no code. Choose one block `number` for all notes of one piece of evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain.client import ChainClient
from chain.errors import ChainError
from chain.slots import (
    checkpoint_slots,
    registry_head_slots,
    round_slots,
    secret_slot,
    tender_slots,
)


@dataclass(frozen=True, slots=True)
class Collected:
    """One proof: "registry", "anchor" or "beacon", and the operator's signed note."""

    contract: str
    note: str


def registry_proof(client: ChainClient, number: int) -> Collected:
    """The registry's head as of a block."""
    return _collect(client, "registry", number, registry_head_slots())


def checkpoint_proof(client: ChainClient, account: str, number: int) -> Collected:
    """An account's newest anchored checkpoint as of a block."""
    return _collect(client, "anchor", number, checkpoint_slots(account))


def tender_proof(client: ChainClient, stream: bytes, keeper: str, number: int) -> Collected:
    """All slots of this keeper's tender as of a block."""
    return _collect(client, "anchor", number, tender_slots(stream, keeper))


def round_proof(client: ChainClient, round_id: bytes, opener: str, number: int) -> Collected:
    """A round with its members and their secrets as of a block.

    Raises ChainError if this opener had not opened it then.
    """
    opened = client.round(round_id, opener, number)
    if opened is None:
        raise ChainError(f"round {round_id.hex()} was not opened by {opener} up to block {number}")
    slots = round_slots(round_id, opener, len(opened.members))
    secrets = [secret_slot(round_id, opener, member) for member in opened.members]
    return _collect(client, "beacon", number, slots + secrets)


def _collect(client: ChainClient, contract: str, number: int, slots: list[str]) -> Collected:
    return Collected(contract, client.prove(contract, number, slots))
