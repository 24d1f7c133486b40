"""Our witness: cosigns the logs of partners, each one as one log only.

Source: C2SP tlog-witness and tlog-cosignature. Commit order: judge against what we cosigned last;
replace that on the disk, only if it is still what was judged; then sign. A cosignature therefore
never goes back, whatever stops in between; a request that lost the race is judged again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from node.core.errors import LogError, UnavailableError
from node.core.log.cosignature import cosign
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.log.witness import (
    TEXT_TYPE,
    Accept,
    AddCheckpoint,
    Refuse,
    judge,
    malformed,
    parse_request,
)
from node.services.reads import WitnessAnswer

if TYPE_CHECKING:
    from node.core.records.keys import Signer
    from node.services.members import Members
    from node.services.ports import Clock, Store

TRIES: Final = 8
"""How often a request is judged again because another one of the same log came between."""


@dataclass(frozen=True, slots=True)
class WitnessDesk:
    """Answers add-checkpoint with the exact codes of the specification.

    `check` raises while nothing may be signed: our store may not say what we cosigned last.
    """

    signer: Signer
    store: Store
    clock: Clock
    members: Members
    check: Callable[[], None]

    async def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Judge, store, cosign. Raises UnavailableError (`store`, `catching-up`): not signed."""
        self.check()
        return await asyncio.to_thread(self._answer, body)

    def _answer(self, body: bytes) -> WitnessAnswer:
        try:
            request = parse_request(body)
        except LogError as error:
            return _refusal(malformed(error))
        for _ in range(TRIES):
            known = self.store.witnessed(request.checkpoint.origin)
            verdict = judge(_raw(known), request, self._logs())
            if isinstance(verdict, Refuse):
                return _refusal(verdict)
            if self._replace(known, request):
                return self._cosigned(verdict)
        raise UnavailableError("too many requests for one log at once")

    def _logs(self) -> dict[str, tuple[VerifierKey, ...]]:
        """The logs we cosign: those of the active members, but not our own."""
        return {
            member.origin: (VerifierKey(member.origin, ED25519, bytes.fromhex(key.key)),)
            for member in self.members.partners()
            if (key := member.key("log")) is not None
        }

    def _replace(self, known: tuple[int, str] | None, request: AddCheckpoint) -> bool:
        head = request.checkpoint
        old = 0 if known is None else known[0]
        return self.store.set_witnessed(head.origin, old, head.size, head.root.hex())

    def _cosigned(self, verdict: Accept) -> WitnessAnswer:
        name = self.members.by_id[self.members.me].witness
        key = VerifierKey(name, COSIGNATURE, bytes.fromhex(self.signer.public.key))
        line = cosign(verdict.text, key, self.clock.now(), self.signer.sign)
        return WitnessAnswer(200, line.line().encode(), TEXT_TYPE)


def _raw(known: tuple[int, str] | None) -> tuple[int, bytes] | None:
    return None if known is None else (known[0], bytes.fromhex(known[1]))


def _refusal(verdict: Refuse) -> WitnessAnswer:
    return WitnessAnswer(verdict.status, verdict.body.encode(), verdict.content_type)
