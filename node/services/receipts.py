"""Receipts: the proof that a record has its place in our log under a quorum's checkpoint.

Source: protocol.md sections 3 and 10.6; C2SP tlog-proof. A receipt opens *what* and shows *where*
as a hash only. It is made when asked, from committed rows; nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import LogError, UnavailableError
from node.core.log.merkle import leaf_hash
from node.core.log.proof import TlogProof
from node.core.records.canonical import encode
from node.core.records.place import Extra, entry_bytes, where_hash

if TYPE_CHECKING:
    from node.services.model import Book, OwnLog
    from node.services.ports import Store


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes receipts for records in our own streams."""

    book: Book
    log: OwnLog
    store: Store

    def receipt(self, record: str) -> str | None:
        """The receipt under the first quorum that covers the record's place; None until then.

        Also None for a record that stands in no stream of ours. Blocking. Raises UnavailableError
        (`store`), also if what the store says is not what the log holds.
        """
        if self.book.answer(record) is None:
            return None
        row = self.store.find(record)
        if row is None or row.index is None:
            return None
        notes = self.store.notes(self.log.origin, row.index, limit=1)
        if not notes:
            return None
        note = notes[0]
        extra = encode(Extra(row.what, where_hash(row.where)))
        try:
            path = self.log.tree.inclusion(row.index, note.size)
            proof = TlogProof(row.index, extra, path, note.quorum or "")
            proof.check(leaf_hash(entry_bytes(row.entry)))
        except LogError as error:
            detail = "the log in our store does not hold this record's place"
            raise UnavailableError(detail, code="store") from error
        return proof.encode()
