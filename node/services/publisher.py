"""Publishing our log: a tick of entries, a signed checkpoint, and the partners' cosignatures.

Commit order of a tick, written once:

    1  read       own places without an index, from the store; padding beside them
    2  sign       the root that the tree will have; the tree is unchanged
    3  commit     entries, checkpoint, indexes: one transaction, fsync
    4  memory     the tree grows
    5  show       witnesses, followers and readers get it from here on

Before 3 nobody has seen the signature, so a tick that failed there never was. In 3 with unknown
outcome the tree is read back from the store before the next tick. After 3 the next start finds it.
The signature that is shown is always the one on the disk: two checkpoints of one size cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import UnavailableError
from node.core.log.checkpoint import Checkpoint, sign_checkpoint
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.tiles import ENTRIES, Tile, bundle_bytes, tile_bytes
from node.core.records.place import SMALLEST_TICK, entry_bytes, padded_count
from node.services.bell import TICK
from node.services.ports import LogNote, LogPart
from node.services.remaking import Remaker, padding

if TYPE_CHECKING:
    from node.core.records.keys import Signer
    from node.services.bell import Bell
    from node.services.model import OwnLog
    from node.services.ports import Clock, Entropy, Store

PADDING: Final = "log/padding"
"""Key of the fact from which the salts of all padding are made, so that accounting can open it."""


@dataclass(slots=True)
class Publisher:
    """The one writer of our own log. `newest` is the last checkpoint signed and stored.

    `failed` is why the last tick was not written: every tick is, so it says whether the disk takes
    what it is given.
    """

    log: OwnLog
    signer: Signer
    store: Store
    clock: Clock
    entropy: Entropy
    bell: Bell
    smallest: int = SMALLEST_TICK
    pad: bool = True
    _ticking: asyncio.Lock = field(default_factory=asyncio.Lock)
    failed: UnavailableError | None = None
    _in_doubt: bool = True  # until it was read
    newest: LogNote | None = None
    _secret: bytes = b""
    _part: LogPart | None = None  # the one made last: all followers ask for the same

    def load(self) -> None:
        """Read the log back and compare it with the newest checkpoint we signed. Blocking.

        Raises UnavailableError (`store`) if they do not fit: somebody else wrote there.
        """
        entries = self.store.entries(self.log.origin)
        tree = Tree(leaf_hash(entry) for entry in entries)
        newest = self.store.newest(self.log.origin, quorum=False)
        size, root = (newest.size, newest.root) if newest else (0, Tree().root().hex())
        if (tree.size, tree.root().hex()) != (size, root):
            raise UnavailableError("our log as stored is not the one we signed", code="store")
        if (secret := self.store.fact(PADDING)) is None:
            secret = self.entropy.bytes(32).hex()
            self.store.put_fact(PADDING, secret)
        self._secret, self.newest = bytes.fromhex(secret), newest
        self.log.quorum = self.store.newest(self.log.origin)
        self.log.tree, self._in_doubt = tree, False

    async def publish_tick(self) -> LogNote:
        """Append what the sequencer accepted since the last tick, and sign a checkpoint over it.

        An idle tick has the smallest number of entries, all padding; with `pad` off one, so that
        our partners vouch for our clock anew. Raises UnavailableError (`store`).
        """
        async with self._ticking:
            try:
                leaves, note = await asyncio.to_thread(self._append)
            except BaseException as error:
                self._in_doubt = True
                self.failed = error if isinstance(error, UnavailableError) else self.failed
                raise
            self.failed = None
            self.log.tree.extend(leaves)
            self.newest = note
        self.bell.ring(TICK)
        return note

    def _append(self) -> tuple[list[bytes], LogNote]:
        """Steps 1 to 3, on a thread: the tick's leaf hashes, and its note."""
        self.log.check()
        if self._in_doubt:
            self.load()
        start = self.log.tree.size
        entries = self._entries(start, self.store.unpublished())
        leaves = [leaf_hash(entry) for entry in entries]
        root = self.log.tree.root_with(leaves)
        note = self._sign(Checkpoint(self.log.origin, start + len(entries), root))
        self.store.publish(start, entries, note)
        return leaves, note

    def _entries(self, start: int, places: Sequence[str]) -> list[bytes]:
        """The tick's entries, ascending by value: nobody sees which of them are padding."""
        wanted = padded_count(len(places), self.smallest) if self.pad else max(1, len(places))
        entries = [entry_bytes(entry) for entry in places]
        entries += [padding(self._secret, start, number) for number in range(wanted - len(places))]
        return sorted(entries)

    def _sign(self, head: Checkpoint) -> LogNote:
        public = bytes.fromhex(self.signer.public.key)
        note = sign_checkpoint(head, self.signer.sign, public).encode()
        return LogNote(head.origin, head.size, head.root.hex(), self.clock.now(), note)

    async def reload(self) -> None:
        """Read the log back, at no tick's time. Raises UnavailableError as `load` does."""
        async with self._ticking:
            await asyncio.to_thread(self.load)

    def remaker(self) -> Remaker:
        """What makes our ticks anew; after `load`."""
        return Remaker(self._secret, self.smallest, self.pad)

    def signed(self, tree: Tree) -> LogNote:
        """A checkpoint over a tree that we MUST have signed before: its root was cosigned."""
        return self._sign(Checkpoint(self.log.origin, tree.size, tree.root()))

    def reread(self) -> None:
        """Take over from the store which checkpoint is the newest with a quorum. Blocking."""
        self.log.quorum, self._part = self.store.newest(self.log.origin), None

    def take_quorum(self, note: LogNote, quorum: str) -> LogNote:
        """Store a checkpoint's quorum form, then serve it. Blocking. Raises UnavailableError."""
        self.store.set_quorum(note.origin, note.size, quorum)
        stored = self.store.newest(note.origin)
        if stored is None:
            raise UnavailableError("the checkpoint is not in the store", code="store")
        self.log.quorum = stored
        return stored

    def checkpoint(self) -> str | None:
        """The newest checkpoint with its quorum (protocol 10.6), or None before the first."""
        return None if self.log.quorum is None else self.log.quorum.quorum

    def tile(self, tile: Tile) -> bytes | None:
        """A tile or bundle, whole or partial, below the checkpoint served; else None. Blocking."""
        size = 0 if self.log.quorum is None else self.log.quorum.size
        if not tile.is_in(size):
            return None
        if tile.level != ENTRIES:
            return tile_bytes(self.log.tree, tile)
        end = tile.start + tile.width
        return bundle_bytes(self.store.entries(self.log.origin, tile.start, end))

    def has_part(self, after: int) -> bool:
        """Whether there is a checkpoint with its quorum beyond size `after`."""
        return self.log.quorum is not None and self.log.quorum.size > after

    def kept_part(self, after: int) -> LogPart | None:
        """What `part` gives, if it is in memory."""
        kept = self._part
        return kept if kept is not None and kept.start == after else None

    def part(self, after: int) -> LogPart | None:
        """Our log from size `after` to the next checkpoint with its quorum; None if none is.

        Blocking. Raises UnavailableError.
        """
        if not self.has_part(after):
            return None
        if (kept := self.kept_part(after)) is not None:
            return kept
        found = self.store.notes(self.log.origin, after, limit=1)
        if not found:
            return None
        entries = self.store.entries(self.log.origin, after, found[0].size)
        self._part = LogPart(after, tuple(entries), found[0].quorum or "")
        return self._part
