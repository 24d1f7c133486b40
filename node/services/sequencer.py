"""The sequencer: it alone appends to the streams this node keeps.

It takes whatever is waiting, judges it in one draft, and commits it in one transaction. The order
is written once, here:

    1  judge      on a draft; memory and disk unchanged
    2  commit     records, places, shares, tasks, refusals, facts: one transaction, fsync
    3  memory     the book takes over the streams as committed
    4  answer     each caller; then ring the bell

What happens if it stops there:

    before 2            nothing happened; the sender sends again
    in 2, not on disk   the same; whoever still lives reloads and answers `store`
    in 2, on disk       reload shows it; the sender gets the same answer as from 4
    between 2 and 4     the place stands; sending again gives the same answer (by record id)
    after 4             the publisher takes it at its tick; the bell was a hint only

After a commit that failed the outcome is unknown: nothing more is judged until our own streams
have been read back from the store, by the very functions that judge (`Book.load`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from node.core.errors import LimitError, NodeError, UnavailableError
from node.services.bell import STREAMS, Bell
from node.services.draft import Answer, Draft, Intake
from node.services.ports import Accepted, Submission, Task
from node.services.promise import fail

MAX_ITEMS: Final = 1024
"""Records in one call, and about as many in one transaction."""
MAX_WAITING: Final = 16 * MAX_ITEMS
Find = Callable[[str], Accepted | None]
_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class _Call:
    items: Sequence[Submission]
    tasks: Sequence[Task]
    facts: Mapping[str, str]
    answer: asyncio.Future[list[Answer]]


@dataclass(slots=True)
class _Round:
    """What a round gave: answers by call, the draft now on the disk, why there is none."""

    answers: list[list[Answer]]
    draft: Draft | None = None
    failed: NodeError | None = None


@dataclass(slots=True)
class Sequencer:
    """Accepts records into our own streams. One for a node, on one event loop.

    `told` hears every answer, to count it.
    """

    intake: Intake
    bell: Bell
    told: Callable[[Sequence[Answer]], None] | None = None
    _waiting: deque[_Call] = field(default_factory=deque)
    _held: int = 0  # records in them
    _worker: asyncio.Task[None] | None = None
    _in_doubt: bool = False
    _closed: bool = False

    async def accept(
        self,
        items: Sequence[Submission],
        *,
        tasks: Sequence[Task] = (),
        facts: Mapping[str, str] = _NO_FACTS,
    ) -> list[Answer]:
        """Take records into our streams; each is answered by its place or by why not.

        What is answered as Accepted is on the disk, with `tasks` and `facts` if all of `items`
        were accepted. A record that stands already gets its first answer again. `stream.opened`
        and its `registry.noted` come in this order and stand together or not at all.

        Raises LimitError above 1024 records; UnavailableError while too much is waiting or, for a
        call without records, if its tasks and facts could not be stored.
        """
        if len(items) > MAX_ITEMS:
            raise LimitError(f"at most {MAX_ITEMS} records at once, not {len(items)}")
        if self._closed or self._held > MAX_WAITING:
            raise UnavailableError("this node takes no more records just now")
        answer: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(tuple(items), tuple(tasks), dict(facts), answer))
        self._held += len(items)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await answer

    async def accept_all(
        self,
        items: Sequence[Submission],
        *,
        tasks: Sequence[Task] = (),
        facts: Mapping[str, str] = _NO_FACTS,
    ) -> list[Accepted]:
        """The same for records of our own: raises the first refusal instead of giving it."""
        answers = await self.accept(items, tasks=tasks, facts=facts)
        accepted = [answer for answer in answers if isinstance(answer, Accepted)]
        for answer in answers:
            if isinstance(answer, NodeError):
                raise answer
        return accepted

    async def rest(self) -> None:
        """Return once nothing is under way."""
        if self._worker is not None:
            await self._worker

    async def close(self) -> None:
        """Answer what is waiting, then take nothing more."""
        self._closed = True
        await self.rest()

    async def _drain(self) -> None:
        while self._waiting:
            calls = self._next_calls()
            try:
                done = await asyncio.to_thread(self._round, calls)
            except BaseException as error:
                self._in_doubt = True
                for call in calls:
                    fail(call.answer, error)
                if not isinstance(error, Exception):
                    raise
                continue
            self._finish(calls, done)

    def _next_calls(self) -> list[_Call]:
        calls = [self._waiting.popleft()]
        count = len(calls[0].items)
        while self._waiting and count + len(self._waiting[0].items) <= MAX_ITEMS:
            calls.append(self._waiting.popleft())
            count += len(calls[-1].items)
        self._held -= count
        return calls

    def _round(self, calls: list[_Call]) -> _Round:
        """Steps 1 and 2, on a thread."""
        try:
            self._settle_doubt()
            draft = Draft(self.intake, self.intake.clock.now())
        except NodeError as error:
            return _Round([[error] * len(call.items) for call in calls], failed=error)
        answers = [draft.add(call.items, call.tasks, call.facts) for call in calls]
        if draft.is_empty:
            return _Round(answers)
        try:
            self.intake.store.commit(draft.batch())
        except NodeError as error:
            self._in_doubt = True
            return _Round(self._after_doubt(answers, error), failed=error)
        return _Round(answers, draft)

    def _settle_doubt(self) -> None:
        self.intake.log.check()
        if self._in_doubt:
            self.intake.book.load(self.intake.store, own_only=True)
            self._in_doubt = False

    def _after_doubt(self, answers: list[list[Answer]], error: NodeError) -> list[list[Answer]]:
        """Answer by what the store holds, if it can be read; else nothing counts as accepted."""
        stands: Find = self.intake.book.answer
        try:
            self._settle_doubt()
        except NodeError:
            stands = _nothing
        return [[_still(answer, stands, error) for answer in row] for row in answers]

    def _finish(self, calls: list[_Call], done: _Round) -> None:
        """Steps 3 and 4, on the event loop."""
        if done.draft is not None:
            done.draft.hand_over()
        for call, answers in zip(calls, done.answers, strict=True):
            if call.answer.done():  # the caller has gone; its records stand all the same
                continue
            if done.failed is not None and not call.items:
                call.answer.set_exception(done.failed)
            else:
                call.answer.set_result(answers)
        if self.told is not None:
            self.told([answer for answers in done.answers for answer in answers])
        if done.draft is not None:
            self.bell.ring(STREAMS, *done.draft.streams)


def _nothing(record: str) -> None:
    """No record is known to stand."""


def _still(answer: Answer, stands: Find, error: NodeError) -> Answer:
    """An acceptance as the store has it, whatever the draft had said; a refusal as it was."""
    return (stands(answer.record) or error) if isinstance(answer, Accepted) else answer
