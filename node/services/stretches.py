"""Stretches of a log: one that somebody shows (does it fit on ours?), and those that we hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import LogError
from node.core.log.merkle import leaf_hash
from node.core.log.note import Note
from node.core.log.tiles import ENTRY_BYTES
from node.services.ports import LogNote, Stretch

if TYPE_CHECKING:
    from node.core.log.cosignature import QuorumNote
    from node.core.log.merkle import Tree
    from node.services.ports import LogPart, Store


def stretch_of(tree: Tree, part: LogPart, quorum: QuorumNote) -> Stretch:
    """What of a part is new to a tree, with the part's checkpoint, whose quorum was found.

    Raises LogError if the entries do not fit on the tree, or do not lead to the checkpoint.
    """
    head, held = quorum.checkpoint, tree.size - part.start
    if any(len(entry) != ENTRY_BYTES for entry in part.entries):
        raise LogError(f"an entry has {ENTRY_BYTES} bytes")
    if held < 0 or part.start < 0 or part.start + len(part.entries) != head.size:
        raise LogError("the stretch does not reach from what we hold to its checkpoint")
    fresh = part.entries[held:]
    if tree.root_with(leaf_hash(entry) for entry in fresh) != head.root:
        raise LogError(f"the entries do not lead to the checkpoint of {head.origin}")
    own = Note(quorum.note.text, quorum.note.signatures[:1]).encode()
    note = LogNote(head.origin, head.size, head.root.hex(), max(quorum.times), own, part.note)
    return Stretch(tree.size, fresh, note)


def ticks_of(store: Store, origin: str, since: int = 0) -> list[Stretch]:
    """A log as we hold it from a size on, one stretch for each of its checkpoints."""
    entries, start, found = store.entries(origin, since), since, list[Stretch]()
    for note in store.notes(origin, since, quorum=False):
        found.append(Stretch(start, entries[start - since : note.size - since], note))
        start = note.size
    return found
