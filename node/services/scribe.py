"""Making a member's own records: body, header, signature; nothing is sent or stored here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.records.canonical import encode, time_of
from node.core.records.envelope import Header, Seen, body_digest, seal
from node.core.records.keys import key_id
from node.core.rules.fold import WHOLE_TENDER
from node.services.ports import Submission

if TYPE_CHECKING:
    from node.core.records.keys import Signer
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.ports import Clock


@dataclass(frozen=True, slots=True)
class Scribe:
    """Signs as one author (`centre:<id>` or `regulator:<id>`) with its record key."""

    author: str
    signer: Signer
    clock: Clock

    def first(self, kind: str, body: Body) -> Submission:
        """A stream's first record: it has no stream yet."""
        return self._make(kind, body, None, None, None)

    def own(self, kind: str, body: Body, stream: str) -> Submission:
        """A record for a stream of our own that asks for neither lot nor `seen`."""
        return self._make(kind, body, stream, None, None)

    def tender(self, kind: str, body: Body, state: TenderState) -> Submission:
        """A record for a tender's stream, with the lot and with what we have seen of it."""
        lot = None if kind in WHOLE_TENDER else state.lot.id
        return self._make(kind, body, state.stream, lot, seen_of(state))

    def _make(
        self, kind: str, body: Body, stream: str | None, lot: str | None, seen: Seen | None
    ) -> Submission:
        data = encode(body)
        header = Header(
            type=kind,
            author=self.author,
            key=key_id(self.signer.public),
            at=time_of(self.clock.now()),
            body=body_digest(data),
            stream=stream,
            lot=lot,
            seen=seen,
        )
        return Submission(seal(header, self.signer), data)


def seen_of(state: TenderState) -> Seen | None:
    """What `seen` must say: the newest place we hold, once `bids.closed` stands."""
    if state.closed is None:
        return None
    return Seen(seq=len(state.entries) - 1, entry=state.entries[-1])
