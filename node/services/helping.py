"""What we give back to a partner that lost a part of its store: what is its own, and no more.

Everything given stands in our store already, because every member mirrors every log and follows
every stream it may know (ADR 3). Who asks is known by its certificate; he gets only places of
streams that he keeps, the log that he writes and the records that he was to receive. He checks all
of it: we need not be believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from node.core.errors import MissingError, NodeError
from node.core.records.kinds import decode_body
from node.services.lodging import kept_item, lodged_key, payload_of, refused_key
from node.services.ports import Followed, Known, KnownLog, LogPart
from node.services.standing import mark_of

if TYPE_CHECKING:
    from node.services.members import Members
    from node.services.ports import Blobs, Lodged, PlaceRow, Store, StreamRow, Submission
    from node.services.publisher import Publisher

NOTES: Final = 256
"""Checkpoints that are read from the store together."""


@dataclass(frozen=True, slots=True)
class Helping:
    """Gives partners what is theirs."""

    store: Store
    blobs: Blobs
    members: Members
    publisher: Publisher

    async def known(self) -> Known:
        """What we know of every member's log."""
        return await asyncio.to_thread(self._known)

    def _known(self) -> Known:
        logs = tuple(self._known_of(name) for name in self.members.by_id)
        return Known(logs, old=mark_of(self.store) is not None)

    def _known_of(self, name: str) -> KnownLog:
        origin = self.members.by_id[name].origin
        size, root = self.store.witnessed(origin) or (0, "")
        if name == self.members.me:
            own = self.publisher.newest
            return KnownLog(origin, 0, "", own.note if own else "")
        newest = self.store.newest(origin)
        return KnownLog(origin, size, root, (newest.quorum if newest else "") or "")

    async def log(self, after: int, peer: str) -> AsyncIterator[LogPart]:
        """The peer's log from size `after` on, at each checkpoint that we mirrored."""
        origin, size = self._origin(peer), after
        while notes := await asyncio.to_thread(self.store.notes, origin, size, limit=NOTES):
            for note in notes:
                entries = await asyncio.to_thread(self.store.entries, origin, size, note.size)
                yield LogPart(size, tuple(entries), note.quorum or "")
                size = note.size

    def _origin(self, peer: str) -> str:
        if (member := self.members.by_id.get(peer)) is None:
            raise MissingError(f"{peer} is no member")
        return member.origin

    async def places(
        self, held: Mapping[str, int], peer: str
    ) -> AsyncIterator[tuple[StreamRow, Followed]]:
        """What we hold of the peer's streams beyond `held`, with the bodies that we were shown."""
        for row in await asyncio.to_thread(self.store.streams):
            if row.keeper == peer and not row.own:
                after = held.get(row.id, 0) - 1
                for place in await asyncio.to_thread(self.store.places, row.id, after):
                    yield row, _followed(place)

    async def lodged(self, streams: Sequence[str], peer: str) -> AsyncIterator[Lodged]:
        """What we lodged for these streams of the peer and it has not refused."""
        for item in await asyncio.to_thread(self._lodged, frozenset(streams), peer):
            yield item, await asyncio.to_thread(self._ciphertext, item)

    def _lodged(self, streams: frozenset[str], peer: str) -> list[Submission]:
        prefix = lodged_key("")
        return [
            item
            for key, text in self.store.facts(prefix).items()
            if payload_of(text)["host"] == peer
            and (item := kept_item(text)).opened.stream in streams
            and self.store.fact(refused_key(key.removeprefix(prefix))) is None
        ]

    def _ciphertext(self, item: Submission) -> bytes | None:
        box = box_of(item)
        return None if box is None else self.blobs.get(box)


def box_of(item: Submission) -> str | None:
    """The name of the ciphertext that belongs to a record, if it has one."""
    try:
        box = getattr(decode_body(item.opened.header.type, item.body), "box", None)
    except NodeError:
        return None
    return None if box is None else str(box.ciphertext.sha256)


def _followed(place: PlaceRow) -> Followed:
    return Followed(place.seq, place.what, place.where, place.envelope, place.body)
