"""Asking the partners to cosign our newest checkpoint, until a quorum has.

Source: C2SP tlog-witness; protocol.md section 3. All are asked at once; the quorum form is stored
as soon as enough have answered. A cosignature whose time is further than G from our own clock is
dropped: a log counts only those. A partner that knows more of our log than our own store does
says that we were restored from an old copy; if more than f say so, we only read until `CatchingUp`
has found what they know.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import LogError, NodeError, UnavailableError
from node.core.log.cosignature import cosignatures, earliest_quorum
from node.core.log.note import Note, NoteSignature, parse_note
from node.core.log.witness import (
    SIZE_TYPE,
    add_checkpoint,
    parse_cosignatures,
    parse_known_size,
)
from node.services.bell import QUORUM
from node.services.ports import LogNote

if TYPE_CHECKING:
    from node.core.log.policy import Quorum
    from node.services.members import Members
    from node.services.ports import Clock, Member, Witness
    from node.services.publisher import Publisher

ASK_S: Final = 5.0
"""One partner's time to answer, seconds."""
PATH: Final = "/witness/add-checkpoint"
_BEHIND: Final = (
    "伙伴见证过的本方日志多于本节点存储：正在核对",
    "partners have cosigned more of our log than our store holds: looking after it",
)


@dataclass(slots=True)
class Cosigning:
    """Collects cosignatures. `silent` says of each partner why its last answer did not count."""

    publisher: Publisher
    members: Members
    witness: Witness
    clock: Clock
    silent: dict[str, str] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)
    _ahead: set[str] = field(default_factory=set)

    async def collect(self) -> LogNote | None:
        """Bring our newest checkpoint to its quorum; None if it has one or too few answered.

        Raises UnavailableError (`store`), LogError (code `log`) if the members make no quorum.
        """
        publisher = self.publisher
        newest = publisher.newest
        if newest is None or publisher.has_part(newest.size - 1):
            return None
        quorum = self.members.quorum(self.members.me)
        form = await self._gather(newest, quorum)
        if form is None:
            return None
        stored = await asyncio.to_thread(publisher.take_quorum, newest, form)
        publisher.bell.ring(QUORUM)
        return stored

    async def _gather(self, newest: LogNote, quorum: Quorum) -> str | None:
        """Ask all; the quorum form as soon as enough have answered."""
        note = parse_note(newest.note)
        asked = [
            asyncio.create_task(self._ask(member, newest, quorum))
            for member in self.members.partners()
        ]
        lines: list[NoteSignature] = []
        try:
            for answer in asyncio.as_completed(asked):
                line = await answer
                lines += [] if line is None else [line]
                if line is not None and len(lines) >= quorum.q:
                    return earliest_quorum(note.with_signatures(*lines), quorum).encode()
        finally:
            for task in asked:
                task.cancel()
        return None

    async def _ask(self, member: Member, newest: LogNote, quorum: Quorum) -> NoteSignature | None:
        """One partner's cosignature, or None with the reason in `silent`."""
        try:
            async with asyncio.timeout(ASK_S):
                lines = await self._push(member, newest)
            line = self._fitting(member, Note(parse_note(newest.note).text, lines), quorum)
        except TimeoutError:
            self._is_silent(member, f"no answer in {ASK_S:.0f} s")
            return None
        except LogError as error:
            self.silent[member.id] = error.detail
            return None
        except NodeError as error:
            self._is_silent(member, error.detail)
            return None
        self.silent.pop(member.id, None)
        self._ahead.discard(member.id)
        return line

    def _is_silent(self, member: Member, why: str) -> None:
        """Who does not answer says nothing of our clock any more."""
        self.silent[member.id] = why
        self.publisher.log.times.offsets.pop(member.id, None)

    def _fitting(self, member: Member, note: Note, quorum: Quorum) -> NoteSignature:
        """The witness's own line, verified and near our clock. Raises LogError."""
        keys = [key for key in quorum.witnesses if key.name == member.witness]
        times = self.publisher.log.times
        for found in cosignatures(note, keys):
            apart = times.offsets[member.id] = found.time - self.clock.now()
            if abs(apart) <= times.grace_s:
                return found.signature
            raise LogError(f"its clock is {apart} s from ours")
        raise LogError("its answer has no cosignature of its own")

    async def _push(self, member: Member, newest: LogNote) -> tuple[NoteSignature, ...]:
        """Send the checkpoint with a proof from the size the witness knows; once more after 409."""
        url = member.http.rstrip("/") + PATH
        tree, note = self.publisher.log.tree, parse_note(newest.note)
        for _ in range(2):
            old = self._told.get(member.id, 0)
            proof = tree.consistency(old, newest.size)
            request = add_checkpoint(old, proof, note).encode()
            status, body = await self.witness.add_checkpoint(url, request)
            if status == 200:
                self._told[member.id] = newest.size
                return parse_cosignatures(body)
            if status != 409:
                break
            self._learn(member, newest, parse_known_size(body, SIZE_TYPE))
        if status == 422:
            self._is_ahead(member)
        raise UnavailableError(f"it answered {status}")

    def _learn(self, member: Member, newest: LogNote, size: int) -> None:
        """Take over the size that a witness knows, if our log has it."""
        if size > self.publisher.log.tree.size:
            self._is_ahead(member)
        if size > newest.size:
            raise UnavailableError("it has cosigned a newer checkpoint")
        self._told[member.id] = size

    def _is_ahead(self, member: Member) -> None:
        """Halt once more partners than may lie say that we lost a part of our log."""
        self._ahead.add(member.id)
        if len(self._ahead) > self.members.faulty():
            self.publisher.log.halt(*_BEHIND)
