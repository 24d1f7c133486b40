"""Checks a store from its rows alone, by other code than the node's own."""

from __future__ import annotations

import json
from hashlib import sha256

from node.core.log.checkpoint import open_checkpoint
from node.core.log.merkle import leaf_hash, root_of
from node.core.log.note import VerifierKey
from node.core.records.envelope import open_envelope
from node.services.ports import PlaceRow, Store


def check_store(store: Store, log: VerifierKey) -> None:
    """Every place follows the one before it, stands once in the log, and every root is right."""
    rows = [row for stream in store.streams() for row in check_stream(store, stream.id)]
    assert len({row.record for row in rows}) == len(rows)
    entries = store.entries(log.name)
    assert len(set(entries)) == len(entries)
    for row in rows:
        logged = [n for n, entry in enumerate(entries) if entry.hex() == row.entry]
        assert logged == ([] if row.index is None else [row.index])
    notes = store.notes(log.name, quorum=False)
    assert (notes[-1].size if notes else 0) == len(entries)
    for note in notes:
        root = root_of([leaf_hash(entry) for entry in entries[: note.size]])
        _, head = open_checkpoint(note.note, log)
        assert (head.size, head.root, note.root) == (note.size, root, root.hex())


def check_stream(store: Store, stream: str) -> list[PlaceRow]:
    """Places 0 … n of one stream, hashed anew from their parts."""
    rows = store.places(stream)
    prev, received = "0" * 64, ""
    for seq, row in enumerate(rows):
        opened = open_envelope(row.envelope)
        what = {
            "id": opened.id,
            "received": row.what.received,
            "salt": row.what.salt,
            "sig": sha256(opened.signature).hexdigest(),
            "stream": stream,
        }
        where = {"prev": prev, "salt": row.where.salt, "seq": seq}
        entry = hashed(
            "entry", bytes.fromhex(hashed_json("what", what) + hashed_json("where", where))
        )
        assert (row.seq, row.record, row.entry) == (seq, opened.id, entry)
        assert row.body is not None
        assert opened.header.body == hashed("body", row.body)
        assert row.what.received >= received
        prev, received = row.entry, row.what.received
    return rows


def hashed(tag: str, data: bytes) -> str:
    """H(tag, data) of protocol.md."""
    return sha256(f"yuanping/{tag}/v1\n".encode() + data).hexdigest()


def hashed_json(tag: str, value: object) -> str:
    """H over the RFC 8785 bytes of plain ASCII values."""
    return hashed(tag, json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
