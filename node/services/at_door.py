"""The whole node as its servers call it: records, and for its own people pools and seats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import ForbiddenError
from node.services.application import Records
from node.services.bell import POOL

if TYPE_CHECKING:
    from node.core.records.kinds.streams import MemberStatus
    from node.services.calling import Calling
    from node.services.helping import Helping
    from node.services.oversight import Oversight
    from node.services.ports import Accepted, Followed, Known, Lodged, LogPart, StreamRow
    from node.services.ports.door import Call, CallAnswer, Invitation, SeatTaken
    from node.services.ports.operator import Ballot
    from node.services.seats import Seats
    from node.services.voting import Voting


@dataclass(slots=True)
class AtDoor(Records):
    """Adds what experts' programs, pools and regulators ask. Made complete by `bootstrap`."""

    calling: Calling | None = None
    seats: Seats | None = None
    oversight: Oversight | None = None
    voting: Voting | None = None
    helping: Helping | None = None

    async def disclose(self, draw: str, payload: bytes, peer: str) -> None:
        """A pool gives us, a regulator, the salts of its lists of a draw."""
        if self.oversight is None:
            raise ForbiddenError("this node is no regulator's: it may not know who was listed")
        await asyncio.to_thread(self.oversight.take, draw, payload, peer)
        self.bell.ring(POOL)

    async def disclose_snapshot(self, root: str, payload: bytes, peer: str) -> None:
        """A pool gives us, a regulator, the entries of a snapshot that it published."""
        if self.oversight is None:
            raise ForbiddenError("this node is no regulator's: it may not know who is listed")
        await asyncio.to_thread(self.oversight.take_snapshot, root, payload, peer)
        self.bell.ring(POOL)

    async def enter(self, facts: bytes, signature: bytes) -> None:
        """An expert enters our pool."""
        await asyncio.to_thread(self._calling().pools.enter, facts, signature)
        self.bell.ring(POOL)

    def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        """Calls for these pseudonyms."""
        return self._calling().calls(pseudonyms)

    async def answer(self, answer: CallAnswer) -> None:
        """Take an expert's answer."""
        await self._calling().answer(answer)

    def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        """Seats drawn for these pseudonyms."""
        return self._seats().invitations(pseudonyms)

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        """Keep the link, and bring `expert.seated` to the host."""
        return await self._seats().take_seat(taken)

    async def ballot(self) -> Ballot:
        """The members, and every change that was proposed."""
        return await asyncio.to_thread(self._voting().ballot)

    async def propose(self, descriptor: bytes) -> str:
        """Propose to admit or change a member."""
        return await asyncio.to_thread(self._voting().propose, descriptor)

    async def propose_status(self, member: str, status: MemberStatus) -> str:
        """Propose to suspend a member, or to take it back."""
        return await asyncio.to_thread(self._voting().propose_status, member, status)

    async def vote(self, op: str) -> str:
        """Vote for a change."""
        return await asyncio.to_thread(self._voting().vote, op)

    async def execute(self, op: str) -> str:
        """Make a change that has its votes."""
        return await asyncio.to_thread(self._voting().execute, op)

    async def known(self, peer: str) -> Known:
        """What we know of every member's log; no secret between members."""
        del peer
        return await self._helping().known()

    def given_log(self, after: int, peer: str) -> AsyncIterator[LogPart]:
        """The peer's own log, as we mirrored it."""
        return self._helping().log(after, peer)

    def given_places(
        self, held: Mapping[str, int], peer: str
    ) -> AsyncIterator[tuple[StreamRow, Followed]]:
        """Places of the streams that the peer keeps."""
        return self._helping().places(held, peer)

    def given_lodged(self, streams: Sequence[str], peer: str) -> AsyncIterator[Lodged]:
        """Records that we lodged for the peer."""
        return self._helping().lodged(streams, peer)

    def _helping(self) -> Helping:
        if self.helping is None:
            raise AssertionError("bootstrap lets every node help")
        return self.helping

    def _voting(self) -> Voting:
        if self.voting is None:
            raise AssertionError("bootstrap gives every node its vote")
        return self.voting

    def _calling(self) -> Calling:
        if self.calling is None:
            raise ForbiddenError("this node keeps no pool")
        return self.calling

    def _seats(self) -> Seats:
        if self.seats is None:
            raise ForbiddenError("this node keeps no pool")
        return self.seats
