"""A guest's records: judged by our own fold, logged here first, then sent until they are answered.

Source: protocol.md section 4. Commit order: (1) `record.lodged` in our side stream and the task
to send, in one transaction; (2) sent to the host, again and again, with the same bytes; (3) the
task is removed once the host answered with the place or with its refusal. A crash between any two
of them repeats a step that changes nothing the second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from node.core.errors import MissingError, NodeError, UnavailableError
from node.core.records.canonical import END, decode, encode, prepare
from node.core.records.envelope import Envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.session import ScoresSubmitted
from node.core.records.kinds.streams import RecordLodged
from node.core.records.kinds.tender import BidSealed
from node.services.ports import Accepted, Submission, Task

if TYPE_CHECKING:
    from node.core.rules.state import TenderState
    from node.services.desk import Desk

Own = Callable[
    [Sequence[Submission], Sequence[Task], Mapping[str, str]],
    Awaitable["list[Accepted]"],
]
"""Accepts records into our own streams together with tasks and facts, or raises (the sequencer)."""
Judge = Callable[["TenderState", Submission], None]
"""Raises what our fold says against a record at the next place of a stream."""
PayloadKey = Annotated[str, msgspec.Meta(pattern="^(body|envelope|host|sealed)" + END)]
Payload = dict[PayloadKey, str]
prepare(Payload)
ANSWER_S = 20.0
"""How long a caller waits for the host's answer before he is told that it will still be sent."""


@dataclass(slots=True)
class Lodging:
    """Lodges records in our side streams and brings them to their hosts.

    `stands` gives the place of a record in a stream that we keep or follow. `tasks` are what waits
    to be sent, as the store has it; None until it was read, and after a commit whose outcome is
    unknown. `refused` is what hosts refused, by key of the fact.
    """

    desk: Desk
    own: Own
    judge: Judge
    side_of: Callable[[str], str | None]
    stands: Callable[[str], Accepted | None]
    waiting: dict[str, asyncio.Future[Accepted]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: dict[str, Task] | None = None
    refused: dict[str, str] = field(default_factory=dict)

    async def say(self, state: TenderState, item: Submission, facts: Mapping[str, str]) -> Accepted:
        """Lodge one record for the host's stream and wait for the host's answer.

        Raises what our own fold says against it (then nothing is lodged), what the host refuses
        it for, or UnavailableError if the host is silent: lodged it is, and will be sent.
        """
        record = item.opened.id
        if (known := self.stands(record)) is not None:
            return known
        if not await self._is_lodged(record):
            await self._lodge(state, record, item, facts)
        answer = self.waiting.setdefault(record, _waiter())
        try:
            return await asyncio.wait_for(asyncio.shield(answer), ANSWER_S)
        except TimeoutError:
            raise UnavailableError("the host does not answer; the record is lodged here") from None

    async def _is_lodged(self, record: str) -> bool:
        """Is it on its way already? Raises what the host refused it for, if it did."""
        waiting = await self._open()
        if (refused := self.refused.get(refused_key(record))) is not None:
            code, _, detail = refused.partition(" ")
            raise NodeError(detail, code=code)
        return record in waiting

    async def _open(self) -> dict[str, Task]:
        """What waits to be sent, by record; with it what was refused is read."""
        if self.tasks is None:
            found, refused = await self.desk.off(self._stored)
            if self.tasks is None:  # nobody else has read it, and added to it, meanwhile
                self.tasks = {task.key: task for task in found}
                self.refused = refused
        return self.tasks

    def _stored(self) -> tuple[list[Task], dict[str, str]]:
        store = self.desk.store
        return store.tasks("submit"), store.facts(refused_key(""))

    @property
    def oldest(self) -> int | None:
        """Since when the oldest record waits; None if none does."""
        return min((task.since for task in (self.tasks or {}).values()), default=None)

    async def _lodge(
        self, state: TenderState, record: str, item: Submission, facts: Mapping[str, str]
    ) -> None:
        self.judge(state, item)
        side = self.side_of(state.stream)
        if side is None:
            raise MissingError("this node has not opened its side stream yet; try again")
        body = RecordLodged(records=(record,), salt=self.desk.salt())
        task = Task("submit", record, _payload(state.keeper, item), self.desk.clock.now())
        lodged = self.desk.scribe.own("record.lodged/v1", body, side)
        kept = {lodged_key(record): encode_payload(task.payload)}
        tasks = await self._open()
        try:
            await self.own([lodged], [task], {**facts, **kept})
        except UnavailableError:
            self.tasks = None
            raise
        tasks[record] = task
        self.wake.set()

    async def send_once(self) -> bool:
        """Send every waiting record once, host by host; True if none is left."""
        tasks = list((await self._open()).values())
        hosts = sorted({task.payload["host"] for task in tasks})
        outcomes = await asyncio.gather(
            *(self._send(host, [t for t in tasks if t.payload["host"] == host]) for host in hosts)
        )
        return all(outcomes)

    async def _send(self, host: str, tasks: list[Task]) -> bool:
        partner = self.desk.partners.get(host)
        if partner is None:
            return False
        items = [_item(task) for task in tasks]
        try:
            for item in items:
                await self._bring_blob(host, item)
            answers = await partner.submit(items)
        except UnavailableError:
            return False
        settled = [
            await self._settle(task.key, answer)
            for task, answer in zip(tasks, answers, strict=True)
        ]
        finished = [task.key for task, done in zip(tasks, settled, strict=True) if done]
        await self.desk.off(self.desk.store.done, "submit", finished)
        for record in finished:
            (await self._open()).pop(record, None)
        return len(finished) == len(tasks)

    async def _bring_blob(self, host: str, item: Submission) -> None:
        """A box's ciphertext goes before its record."""
        kind = item.opened.header.type
        body = decode_body(kind, item.body)
        if isinstance(body, BidSealed | ScoresSubmitted):
            data = await self.desk.off(self.desk.blobs.get, body.box.ciphertext.sha256)
            if data is not None:
                await self.desk.partners[host].put_blob(data)

    async def _settle(self, record: str, answer: Accepted | NodeError) -> bool:
        """Hand the host's answer to whoever waits; False if it must be sent again."""
        if isinstance(answer, UnavailableError):
            return False
        if isinstance(answer, NodeError):
            key, refused = refused_key(record), f"{answer.code} {answer}"
            await self.desk.off(self.desk.store.put_fact, key, refused)
            self.refused[key] = refused
        waiter = self.waiting.pop(record, None)
        if waiter is not None and not waiter.done():
            if isinstance(answer, NodeError):
                waiter.set_exception(answer)
            else:
                waiter.set_result(answer)
        return True


def _waiter() -> asyncio.Future[Accepted]:
    """A future whose failure nobody has to fetch: the caller may have gone."""
    future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


def refused_key(record: str) -> str:
    """The fact under which a guest keeps for what a host refused a record."""
    return f"refused/{record}"


def lodged_key(record: str) -> str:
    """The fact under which a guest keeps what it lodged, for ever (protocol.md section 4)."""
    return f"lodged/{record}"


def encode_payload(payload: Mapping[str, str]) -> str:
    """A lodged record as it is kept."""
    return encode(dict(payload)).decode()


def kept_item(text: str) -> Submission:
    """A lodged record read back."""
    return item_of(payload_of(text))


def payload_of(text: str) -> Mapping[str, str]:
    """What is kept of a lodged record, read back; `host` is for whom it was lodged."""
    return decode(text.encode(), Payload)


def _payload(host: str, item: Submission) -> dict[str, str]:
    """A record as its task keeps it: text only."""
    return {
        "host": host,
        "envelope": encode(item.envelope).decode(),
        "body": item.body.decode(),
        "sealed": ",".join(sealed.hex() for sealed in item.sealed),
    }


def _item(task: Task) -> Submission:
    """The record that a task keeps."""
    return item_of(task.payload)


def item_of(payload: Mapping[str, str]) -> Submission:
    """A record from the text it is kept as."""
    sealed = payload["sealed"]
    return Submission(
        decode(payload["envelope"].encode(), Envelope),
        payload["body"].encode(),
        tuple(bytes.fromhex(one) for one in sealed.split(",")) if sealed else (),
    )
