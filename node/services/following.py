"""Following partners: their streams folded with our own rules, their logs mirrored.

Whatever a keeper shows us is judged as if a stranger had sent it. What breaks a rule is disputed
in our own log (`dispute.raised` in our side stream), that stream is followed no further, and
nothing more of it is endorsed. Each partner has one call for the list of its streams, one for the
places of all of them and one for its log; a lost one is taken up again where our store stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from node.core.errors import NodeError, UnavailableError
from node.services.arrivals import arrived
from node.services.ports import Followed, StreamRow, Wanted

if TYPE_CHECKING:
    from node.services.ports import LogPart, Partner

T = TypeVar("T")
Held = Callable[[str], int]
"""How many places of a stream our store holds."""
Take = Callable[[StreamRow, "list[Followed]"], Awaitable[None]]
"""Judge and store the next places of a followed stream; raises what is wrong with them."""
TakeLog = Callable[[str, "LogPart"], Awaitable[None]]
"""Check and store a stretch of a partner's log."""
Dispute = Callable[[StreamRow, "Followed", NodeError], Awaitable[None]]
MAX_TOGETHER = 1024
"""At most so many places are judged and committed at once."""


@dataclass(slots=True)
class Following:
    """All that we follow of one partner."""

    partner_id: str
    partner: Partner
    held: Held
    log_size: Callable[[], int]
    take: Take
    take_log: TakeLog
    dispute: Dispute
    report: Callable[[str, Exception], None]
    known: dict[str, StreamRow] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    silent: dict[str, str] = field(default_factory=dict)
    fresh: asyncio.Queue[StreamRow] = field(default_factory=asyncio.Queue)

    async def run_log(self) -> None:
        """Mirror the log alone until cancelled: of a suspended member, whose past still counts."""
        await self._again("log", self._follow_log)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again("log", self._follow_log))
            tasks.create_task(self._again("list", self._list))
            tasks.create_task(self._again("streams", self._follow))

    async def _again(self, what: str, once: Callable[[], Awaitable[None]]) -> None:
        """Repeat for ever: a partner that does not answer is asked again, with growing pauses.

        Why it does not is told once, and again after it has answered in between.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(NodeError), wait=wait_random_exponential(0.1, 2.0)
        ):
            with attempt:
                try:
                    await once()
                except NodeError as error:
                    if self.silent.get(what) != error.code:
                        self.report(f"{self.partner_id} {what}", error)
                    self.silent[what] = error.code
                    raise
                raise UnavailableError("the partner ended the call; it is taken up again")

    async def _heard(self, what: str, messages: AsyncIterator[T]) -> AsyncIterator[T]:
        """What the partner tells; with the first message it is silent no more."""
        async for message in messages:
            self.silent.pop(what, None)
            yield message

    async def _list(self) -> None:
        async for row in self._heard("list", self.partner.streams()):
            if row.keeper == self.partner_id and row.id not in self.known:
                self.known[row.id] = row
                self.fresh.put_nowait(row)

    async def _follow_log(self) -> None:
        async for part in self._heard("log", self.partner.follow_log(self.log_size())):
            await self.take_log(self.partner_id, part)

    async def _follow(self) -> None:
        """Follow all streams that are known, from where our store stands, and new ones as told."""
        rows: list[StreamRow] = []
        async for together in gathered(self._news(self._wanted(rows)), MAX_TOGETHER):
            found: dict[int, list[Followed]] = {}
            for number, place in together:
                found.setdefault(number, []).append(place)
            takes = (self._take(rows[number], places) for number, places in found.items())
            # All of them end before anything is asked anew from where our store stands.
            for error in await asyncio.gather(*takes, return_exceptions=True):
                if error is not None:
                    raise error

    async def _wanted(self, rows: list[StreamRow]) -> AsyncIterator[list[Wanted]]:
        """What to ask for, noted in `rows` in the order of asking."""
        self.fresh = asyncio.Queue()
        more = [row for row in self.known.values() if row.id not in self.broken]
        while True:
            rows += more
            yield [Wanted(row.id, self.held(row.id) - 1) for row in more]
            more = await arrived(self.fresh)

    async def _news(
        self, wanted: AsyncIterator[list[Wanted]]
    ) -> AsyncIterator[tuple[int, Followed]]:
        async for message in self._heard("streams", self.partner.follow_many(wanted)):
            for number, places in message:
                for place in places:
                    yield number, place

    async def _take(self, row: StreamRow, together: list[Followed]) -> None:
        if row.id in self.broken:
            return
        try:
            await self.take(row, together)
        except UnavailableError:
            raise
        except NodeError as error:
            await self._break(row, together, error)

    async def _break(self, row: StreamRow, together: list[Followed], error: NodeError) -> None:
        """Find the first place that is wrong, dispute it, and follow this stream no further."""
        held = self.held(row.id)
        wrong = next((item for item in together if item.seq >= held), together[-1])
        await self.dispute(row, wrong, error)
        self.broken.add(row.id)


async def gathered(places: AsyncIterator[T], most: int) -> AsyncIterator[list[T]]:
    """Give what has arrived meanwhile together, in order, so that one commit takes it all."""
    queue: asyncio.Queue[_Item[T] | Exception | None] = asyncio.Queue(most)

    async def pump() -> None:
        try:
            async for place in places:
                await queue.put(_Item(place))
            await queue.put(None)
        except NodeError as error:
            await queue.put(error)

    pumping = asyncio.create_task(pump())
    try:
        while True:
            together, end = _drain(await queue.get(), queue)
            if together:
                yield together
            if isinstance(end, Exception):
                raise end
            if end is _END:
                return
    finally:
        pumping.cancel()


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    """Something that came, as against what ends it."""

    value: T


_END = object()


def _drain(
    first: _Item[T] | Exception | None, queue: asyncio.Queue[_Item[T] | Exception | None]
) -> tuple[list[T], object]:
    """Everything that waits, and what ends it: an error, the end, or nothing yet (None)."""
    together: list[T] = []
    item = first
    while isinstance(item, _Item):
        together.append(item.value)
        if queue.empty():
            return together, None
        item = queue.get_nowait()
    return together, _END if item is None else item
