"""The chain in memory: slots of the three contracts as the real ones write them, and its operator.

It keeps the contracts' layout (the judge's own constants, held to the compiler's by other tests)
and not their refusals: a test that forges wants to write what a contract would refuse.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256

from node.core.evidence import anchor_devnet as layout
from node.core.evidence.registry import padded_id
from node.core.log.note import sign_note
from node.core.records.canonical import encode, time_of
from node.core.rules.draw import commitment
from tests.world.chance import Chance
from tests.world.members import Member, raw

COMMIT_S, ROUND_S = 300, 600
"""Half of the rule sets' `reveal_seconds`, and all of it."""

CHAIN_ID = 20260
Slots = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the registry."""

    id: str
    account: str
    descriptor: bytes
    block: int


@dataclass(frozen=True, slots=True)
class View:
    """The registry as of a block, with the operator's note."""

    height: int
    block: int
    hash: str
    contract: str
    proof: str


@dataclass
class Chain:
    """Blocks, contracts and operator."""

    chance: Chance
    now: int
    height: int = 3
    changes: tuple[Change, ...] = ()
    slots: dict[str, Slots] = field(
        default_factory=lambda: {"registry": {}, "anchor": {}, "beacon": {}}
    )
    members_of: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.operator = self.chance.signer()
        self.contracts = {name: self.chance.draw(20).hex() for name in self.slots}

    def found(self, members: list[Member]) -> None:
        """Deploy the registry."""
        self.changes = tuple(Change(m.id, m.account, m.descriptor(), self.height) for m in members)
        changes = ((padded_id(c.id), c.block, c.descriptor) for c in self.changes)
        head = layout.registry_head_of(changes)
        self.slots["registry"][layout.registry_head_slot()] = head

    def mine(self, now: int) -> None:
        """One more block."""
        self.height += 1
        self.now = max(now, self.now)

    def prove(self, contract: str, slots: list[bytes]) -> str:
        """The operator's note over these slots as of the newest block."""
        fact = {
            "contract": self.contracts[contract],
            "hash": self.block_hash(),
            "number": self.height,
            "slots": {s.hex(): self.slots[contract].get(s, bytes(32)).hex() for s in slots},
            "time": time_of(self.now),
        }
        name = f"yuanping-devnet/{CHAIN_ID}"
        text = encode(fact).decode() + "\n"
        return sign_note(text, name, self.operator.sign, raw(self.operator)).encode()

    def block_hash(self) -> str:
        """The newest block's hash."""
        return sha256(f"block {self.height}".encode()).hexdigest()

    def view(self) -> View:
        """The registry now."""
        proof = self.prove("registry", [layout.registry_head_slot()])
        block = max(change.block for change in self.changes)
        return View(self.height, block, self.block_hash(), self.contracts["registry"], proof)

    def anchor_checkpoint(self, account: str, size: int, root: bytes) -> None:
        """Anchor a log's checkpoint."""
        slots = layout.checkpoint_slots(bytes.fromhex(account))
        self._write("anchor", slots, (_pack((size, 8), (self.now, 8)), root))

    def set_tender(self, stream: str, keeper: bytes, **values: bytes | int) -> None:
        """Write parts of a keeper's slots of a tender, keeping the others."""
        if "deadline" in values:
            values.setdefault("keeper", keeper)
        slots = layout.tender_slots(bytes.fromhex(stream), keeper)
        have = self.slots["anchor"]
        fact = layout.BlockFact("", 0, "", 0, {s: have.get(s, bytes(32)) for s in slots})
        old = layout.read_tender(fact, bytes.fromhex(stream), keeper)
        new = {name: values.get(name, getattr(old, name)) for name in layout.TenderAnchor.__slots__}
        words = (
            _pack((new["keeper"], 20), (new["deadline"], 8)),
            _pack((new["bids_at"], 8), (new["result_at"], 8)),
            *(bytes(new[n]) for n in ("bids_root", "bids_head", "result", "result_head")),
        )
        self._write("anchor", slots, words)

    def run_round(
        self,
        round_id: str,
        opener: str,
        members: list[str],
        silent: Collection[str] = (),
        *,
        away: bool = False,
    ) -> dict[str, str]:
        """Open a round now; all commit, all but these accounts reveal: the secrets by account.

        `away`: the chain takes nothing more until it is over.
        """
        raw_id, who = bytes.fromhex(round_id), bytes.fromhex(opener)
        accounts = tuple(bytes.fromhex(one) for one in sorted(members))
        opened, commit_by, reveal_by = self.now, self.now + COMMIT_S, self.now + ROUND_S
        secrets = {} if away else {one: self.chance.draw(32) for one in accounts}
        shown = {o: s for o, s in secrets.items() if o.hex() not in silent}
        words = (
            _pack((opened, 8), (commit_by, 8), (reveal_by, 8)),
            _pack((who, 20), (len(secrets), 4), (len(shown), 4)),
            _pack((len(accounts), 8)),
            *(_pack((one, 20)) for one in accounts),
        )
        self._write("beacon", layout.round_slots(raw_id, who, len(accounts)), words)
        for one, secret in secrets.items():
            slot = layout.commit_slot(raw_id, who, one)
            self.slots["beacon"][slot] = commitment(round_id, one, secret)
        for one, secret in shown.items():
            self.slots["beacon"][layout.secret_slot(raw_id, who, one)] = secret
        self.members_of[round_id] = accounts
        self.mine(reveal_by + 1)
        return {one.hex(): secret.hex() for one, secret in shown.items()}

    def _write(self, contract: str, slots: tuple[bytes, ...], words: tuple[bytes, ...]) -> None:
        self.slots[contract].update(zip(slots, words, strict=True))


def _pack(*parts: tuple[bytes | int, int]) -> bytes:
    """Values from a word's low end, as Solidity packs them."""
    word = b""
    for value, size in parts:
        word = (value if isinstance(value, bytes) else value.to_bytes(size, "big")) + word
    return word.rjust(32, b"\0")
