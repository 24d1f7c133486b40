"""What the chain proves of a tender: asked for, and kept for the day on which nobody answers.

A chain may be given up, and with a development chain it dies with its operator. So every member
keeps the proof of each tender that is over, and the registry it stands on: its own database alone
then gives the evidence. Who writes: this node. What an attacker gains who can change what is kept:
evidence that does not verify; every note is signed by the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import MissingError, StateError, UnavailableError
from node.core.evidence.anchor_devnet import BlockFact, Proof, read_checkpoint, read_tender
from node.core.evidence.extent import Needs
from node.core.log.note import parse_note
from node.core.records.canonical import Count, decode, encode, epoch_of, prepare
from node.core.records.kinds.base import Hex20, Part
from node.core.rules.registry import Change
from node.services.ports import RegistryView, TenderProof

if TYPE_CHECKING:
    from node.services.members import Members
    from node.services.ports import Chain, Store, StreamRow

PREFIX: Final = "proof/"
"""Facts under this prefix hold, by stream, the notes of a tender that is over."""
REGISTRY: Final = "registry/kept"
Sizes = Mapping[str, int]
"""Of each keeper's log, the size that the chain holds."""
Proven = tuple[Sequence[str], Sizes]
"""The notes over a tender, and the sizes they show."""
MADE_MOST: Final = 64
"""So many tenders' newest notes are remembered: those made for a reader may be those to keep."""


class TenderKept(Part, frozen=True, kw_only=True):
    """The notes over a tender's slots and the rounds of its draws, and for whom they are enough."""

    keepers: tuple[str, ...]
    rounds: tuple[str, ...]
    notes: tuple[str, ...]


class ChangeKept(Part, frozen=True, kw_only=True):
    """One change of the registry; `descriptor` is the text that stands on the chain."""

    id: str
    account: Hex20
    descriptor: str
    block: Count
    time: Count


class RegistryKept(Part, frozen=True, kw_only=True):
    """The registry as we last saw it grow."""

    changes: tuple[ChangeKept, ...]
    height: Count
    hash: str
    contract: Hex20
    proof: str


prepare(TenderKept)
prepare(RegistryKept)


@dataclass(slots=True)
class Proofs:
    """The chain's notes over a tender; `chain` is None where there is none to ask.

    `made` are the newest ones of each tender, and what they were made for.
    """

    store: Store
    members: Members
    chain: Chain | None
    made: dict[str, tuple[Needs, Proven]] = field(default_factory=dict, init=False)
    _changes: int = field(default=0, init=False)

    def of(self, host: StreamRow, needs: Needs) -> Proven:
        """The notes that these needs ask for, and the sizes they show: as kept, else as asked for.

        Raises UnavailableError (`chain`) if they were not kept and the chain does not answer,
        StateError (`anchor`) for a round that the chain does not show.
        """
        kept = self._kept(host, needs)
        if kept is not None:
            return kept
        if self.chain is None:
            detail = "the chain does not answer, and no proof for this reader was kept"
            raise UnavailableError(detail, code="chain")
        return self.asked(self.chain, [(host, needs)])[0]

    def asked(self, chain: Chain, wanted: Sequence[tuple[StreamRow, Needs]]) -> list[Proven]:
        """The notes of many tenders as the chain gives them now. Raises what it answers."""
        asked = [self._tender(chain, host, needs) for host, needs in wanted]
        found: list[Proven] = []
        for (host, needs), notes in zip(wanted, chain.prove(asked), strict=True):
            proven = (notes, self._sizes(notes[0], needs))
            if len(self.made) >= MADE_MOST:
                self.made.clear()
            self.made[host.id] = (needs, proven)
            found.append(proven)
        return found

    def _tender(self, chain: Chain, host: StreamRow, needs: Needs) -> TenderProof:
        """What is to be proven of a tender."""
        keeper = self.members.by_id[host.keeper].account
        accounts = tuple(self.members.by_id[name].account for name in needs.keepers)
        rounds = chain.rounds([(one, keeper) for one in needs.rounds])
        if len(rounds) != len(needs.rounds):
            raise StateError("the chain does not show a round that was used", code="anchor")
        members = tuple((one.round, one.members) for one in rounds)
        return TenderProof(host.id, keeper, accounts, members)

    def is_kept(self, stream: str) -> bool:
        """Whether a tender's notes are in our store."""
        return self.store.fact(PREFIX + stream) is not None

    def keep(self, host: StreamRow, needs: Needs, notes: Sequence[str]) -> None:
        """Keep them durably, and the registry if it has grown since."""
        self._keep_registry()
        kept = TenderKept(keepers=needs.keepers, rounds=needs.rounds, notes=tuple(notes))
        self.store.put_fact(PREFIX + host.id, encode(kept).decode())
        self.made.pop(host.id, None)

    def _kept(self, host: StreamRow, needs: Needs) -> Proven | None:
        text = self.store.fact(PREFIX + host.id)
        if text is None:
            return None
        kept = decode(text.encode(), TenderKept)
        if (kept.keepers, kept.rounds) != (needs.keepers, needs.rounds):
            return None  # another reader sees fewer of the streams
        return kept.notes, self._sizes(kept.notes[0], needs)

    def _sizes(self, note: str, needs: Needs) -> Sizes:
        fact = read_fact(note)
        sizes = {
            name: read_checkpoint(fact, bytes.fromhex(self.members.by_id[name].account)).size
            for name in needs.keepers
        }
        return {name: size for name, size in sizes.items() if size}

    def _keep_registry(self) -> None:
        view = self.members.view
        if view is None or len(view.changes) == self._changes:
            return
        changes = tuple(
            ChangeKept(
                id=one.id,
                account=one.account,
                descriptor=one.descriptor.decode(),
                block=one.block,
                time=one.time,
            )
            for one in view.changes
        )
        kept = RegistryKept(
            changes=changes,
            height=view.height,
            hash=view.hash,
            contract=view.contract,
            proof=view.proof,
        )
        self.store.put_fact(REGISTRY, encode(kept).decode())
        self._changes = len(view.changes)


def kept_registry(store: Store) -> RegistryView:
    """The registry as it was kept. Raises MissingError if it never was."""
    text = store.fact(REGISTRY)
    if text is None:
        raise MissingError("no proof of the chain was ever kept in this store")
    kept = decode(text.encode(), RegistryKept)
    changes = tuple(
        Change(one.id, one.account, one.descriptor.encode(), one.block, one.time)
        for one in kept.changes
    )
    return RegistryView(changes, kept.height, kept.hash, kept.contract, kept.proof)


def shows(note: str, tender: tuple[str, str], names: Iterable[str]) -> bool:
    """Whether the note of a tender (stream, keeper's account) shows these slots as written."""
    stream, account = map(bytes.fromhex, tender)
    slots = read_tender(read_fact(note), stream, account)
    written = {"deadline": slots.deadline, "bids": slots.bids_at, "result": slots.result_at}
    return all(written[name] for name in names)


def read_fact(note: str) -> BlockFact:
    """What a note of the chain's operator says; who signed it is the verifier's question."""
    proof = decode(parse_note(note).text.rstrip("\n").encode(), Proof)
    slots = {bytes.fromhex(slot): bytes.fromhex(word) for slot, word in proof.slots.items()}
    return BlockFact(proof.contract, proof.number, proof.hash, epoch_of(proof.time), slots)
