"""log.append: records on their way into the log: rows committed, then a signed checkpoint stored.

Value: the store on its disk (synchronous=FULL, all its indexes) and the publisher with its salts,
padding, Merkle tree and signature, as the node uses them; a tick for each thousand records. Floor:
the same bytes as C2SP tiles, the way a log without a database writes them: entry bundles, hash
tiles, checkpoint; each file and each folder that changed is synced. Both on one thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from node.adapters.clock import SystemClock
from node.adapters.durable import sync_folder
from node.adapters.entropy import SystemEntropy
from node.adapters.sql.store import SqlStore
from node.cli.bench.measure import Pair, Work
from node.core.log.checkpoint import Checkpoint, sign_checkpoint
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.tiles import ENTRIES, TILE_WIDTH, tile_bytes, tiles_of
from node.core.records.canonical import b64encode, encode, time_of
from node.core.records.envelope import PAYLOAD_TYPE, Envelope, SignatureLine
from node.core.records.keys import Signer, signer_from_seed
from node.core.records.place import FIRST_PREV, What, Where, entry_of
from node.services.bell import Bell
from node.services.model import OwnLog
from node.services.ports import Batch, PlaceRow, StreamRow
from node.services.publisher import Publisher
from node.services.timekeeping import Timekeeping

if TYPE_CHECKING:
    from node.cli.bench.setting import Setting
    from node.core.log.tiles import Tile

ORIGIN = "bench.example/log"
TICK = 1024
"""Records of one tick, and of one transaction."""
HEADER, BODY = 330, 700
"""Bytes of a record's two parts, as of a sealed bid."""


def append(setting: Setting) -> Pair:
    """Append some thousands of records, each run to a new log."""
    ticks, names = setting.amount(8, 2), count()
    signer = signer_from_seed("ed25519", SystemEntropy().bytes(32))

    def value() -> Work:
        shelf = Shelf(setting.part(f"append-{next(names)}"), signer)
        batches = [shelf.records(TICK) for _ in range(ticks)]
        log = shelf.log()
        setting.stack.callback(log.store.close)
        return lambda: log.append(batches)

    def floor() -> Work:
        shelf = Shelf(setting.part(f"append-{next(names)}"), signer)
        batches = [[_bytes(row) for row in shelf.records(TICK)] for _ in range(ticks)]
        return lambda: write_tiles(shelf.folder, batches, signer)

    return Pair(value, floor)


def write_tiles(folder: Path, batches: Sequence[Sequence[bytes]], signer: Signer) -> int:
    """The floor: tiles and bundles of each batch, then its checkpoint, all of it synced."""
    tree, public, held = Tree(), bytes.fromhex(signer.public.key), list[bytes]()
    for batch in batches:
        before = tree.size
        tree.extend(leaf_hash(entry) for entry in batch)
        held += batch
        folders = {folder}
        for tile in tiles_of(before, tree.size):
            data = _bundle(held, tile) if tile.level == ENTRIES else tile_bytes(tree, tile)
            _write(folder / tile.path(), data)
            folders.add((folder / tile.path()).parent)
        head = Checkpoint(ORIGIN, tree.size, tree.root())
        _write(
            folder / "checkpoint.new", sign_checkpoint(head, signer.sign, public).encode().encode()
        )
        os.replace(folder / "checkpoint.new", folder / "checkpoint")
        for changed in folders:
            sync_folder(changed)
    return len(held)


def _bundle(held: Sequence[bytes], tile: Tile) -> bytes:
    entries = held[tile.start : tile.start + TILE_WIDTH]
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _bytes(row: PlaceRow) -> bytes:
    return encode(row.envelope) + (row.body or b"")


@dataclass(slots=True)
class Shelf:
    """A log of our own in a new store, and records of a right size for it."""

    folder: Path
    signer: Signer
    rows: list[PlaceRow] = field(default_factory=list)
    stream: str = ""

    def records(self, number: int) -> list[PlaceRow]:
        """The next places of one stream; what they say is random, so that nothing compresses."""
        entropy, clock = SystemEntropy(), SystemClock()
        self.stream = self.stream or entropy.bytes(32).hex()
        first = len(self.rows)
        for seq in range(first, first + number):
            record, prev = entropy.bytes(32).hex(), self.rows[-1].entry if self.rows else FIRST_PREV
            sig, *salts = (entropy.bytes(32).hex() for _ in range(3))
            what = What(record, time_of(clock.now()), salts[0], sig, self.stream)
            where = Where(prev, salts[1], seq)
            line = SignatureLine(b64encode(entropy.bytes(64)))
            envelope = Envelope(b64encode(entropy.bytes(HEADER)), PAYLOAD_TYPE, (line,))
            entry, body = entry_of(what, where), entropy.bytes(BODY)
            self.rows.append(PlaceRow(self.stream, seq, record, what, where, entry, envelope, body))
        return self.rows[first:]

    def log(self) -> OwnLogWork:
        """A new store and its publisher, ready for the first record."""
        store, clock = SqlStore(f"sqlite:///{self.folder}/node.db"), SystemClock()
        log = OwnLog(ORIGIN, Timekeeping(grace_s=60))
        publisher = Publisher(log, self.signer, store, clock, SystemEntropy(), Bell())
        publisher.load()
        row = StreamRow(self.stream, "tender", "bench", own=True)
        store.commit(Batch(streams=(row,), now=clock.now()))
        return OwnLogWork(store, publisher, clock)


@dataclass(frozen=True, slots=True)
class OwnLogWork:
    """What is measured: store and publisher of a node."""

    store: SqlStore
    publisher: Publisher
    clock: SystemClock

    def append(self, batches: Sequence[Sequence[PlaceRow]]) -> int:
        """Commit each batch, then publish its tick."""
        with asyncio.Runner() as runner:
            for batch in batches:
                self.store.commit(Batch(places=tuple(batch), now=self.clock.now()))
                runner.run(self.publisher.publish_tick())
        return sum(map(len, batches))
