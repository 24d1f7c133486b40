"""Own places and own entries that come back from partners, after the store was lost or restored.

The caller owns the transaction. Who writes: the loop that catches up, with what it has verified.
What an attacker gains who can write here: nothing lasting, see `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from node.adapters.sql import aside, logs, places
from node.services.ports import Batch, Stretch


def regain(db: Connection, origin: str, batch: Batch, stretches: Sequence[Stretch]) -> None:
    """Write all of it, then let the log's entries prove every own place."""
    places.put_streams(db, batch.streams)
    places.put_places(db, batch.places)
    aside.put_sealed(db, batch.sealed, again=True)
    aside.put_facts(db, batch.facts)
    for one in stretches:
        logs.append(db, one.start, one.entries, one.note)
    # Of an earlier round too: it may have brought the entry of a place that comes now.
    places.prove_ours(db, origin)
