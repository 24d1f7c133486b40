"""Making an actor's records: each is made once, kept, sent, and sent again with the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.records.canonical import b64decode, b64encode, encode, prepare, time_of
from node.core.records.envelope import Envelope, Header, body_digest, open_envelope, seal
from node.core.records.keys import Signer, key_id
from node.core.records.kinds.base import HexBytes, Part
from node.core.rules.fold import WHOLE_TENDER
from node.services.actors.drawer import Drawer, put_in, take_out
from node.services.ports import Submission
from node.services.scribe import seen_of

if TYPE_CHECKING:
    from node.core.records.box import MadeBox
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.ports import Accepted
    from node.services.ports.door import Door

Said = tuple[str, "Body", "MadeBox | None"]
Make = Callable[[], "tuple[Body, MadeBox | None]"]
LATER = frozenset(
    {"unavailable", "quorum", "quorum-missing", "chain", "clock", "not-found", "limit"}
    | {"store", "disk-full", "disk-read-only", "in-use", "catching-up"}
)
"""Codes of refusals that say nothing against the record: the same bytes are sent again."""
SEEN_NOTHING = ("bidder:",)
"""Authors who never say what they had seen: they see too little (protocol 10.4)."""


class Kept(Part, frozen=True, kw_only=True):
    """A record as its author keeps it; the box's parts in base64 and hex."""

    envelope: Envelope
    body: str
    sealed: tuple[HexBytes, ...] = ()
    ciphertext: str | None = None

    @property
    def item(self) -> Submission:
        """The record as it is sent."""
        sealed = tuple(bytes.fromhex(one) for one in self.sealed)
        return Submission(self.envelope, self.body.encode(), sealed)

    @property
    def id(self) -> str:
        """The record's id."""
        return open_envelope(self.envelope).id


prepare(Kept)


@dataclass(slots=True)
class Pen:
    """One author and its drawer. `sent` are the names of what was accepted in this run.

    `made` are the records of the drawer that were read or made: nobody else writes there.
    """

    author: str
    signer: Signer
    drawer: Drawer
    sent: set[str] = field(default_factory=set)
    made: dict[str, Kept] = field(default_factory=dict)

    def kept(self, name: str) -> Kept | None:
        """The record of this name, if it was made."""
        found = self.made.get(name) or take_out(self.drawer, _file(name), Kept)
        if found is not None:
            self.made[name] = found
        return found

    def write(self, name: str, kind: str, make: Make, state: TenderState, now: int) -> Kept:
        """The record of this name; `make` is asked only if there is none, which is then kept."""
        kept = self.kept(name)
        if kept is None:
            body, box = make()
            kept = self.sign((kind, body, box), state, now)
            put_in(self.drawer, _file(name), kept)
            self.made[name] = kept
        return kept

    async def say(
        self, door: Door, name: str, kept: Kept, *, final: bool = False
    ) -> Accepted | None:
        """Send a kept record, once more if need be; None if this run saw it accepted before.

        Raises what it was answered. What cannot be taken as it is now is thrown away, so that the
        next try is made anew from what stands then; what may be sent again stays, and so does
        what is `final` (a bid: its maker keeps it, whatever was answered).
        """
        if name in self.sent:
            return None
        if kept.ciphertext is not None:
            await door.put_blob(b64decode(kept.ciphertext))
        answer = (await door.submit([kept.item]))[0]
        if isinstance(answer, NodeError):
            if answer.code not in LATER and not final:
                self.drawer.remove(_file(name))
                self.made.pop(name, None)
            raise answer
        self.sent.add(name)
        return answer

    def sign(self, said: Said, state: TenderState, now: int) -> Kept:
        """A record of (type, body, box), signed; nothing is kept or sent here."""
        kind, body, box = said
        data = encode(body)
        seated = kind == "expert.seated/v1" or self.author.startswith(SEEN_NOTHING)
        header = Header(
            type=kind,
            author=self.author,
            key=key_id(self.signer.public),
            at=time_of(now),
            body=body_digest(data),
            stream=state.stream,
            lot=None if kind in WHOLE_TENDER else state.lot.id,
            seen=None if seated else seen_of(state),
        )
        return Kept(
            envelope=seal(header, self.signer),
            body=data.decode(),
            sealed=() if box is None else tuple(one.hex() for one in box.sealed),
            ciphertext=None if box is None else b64encode(box.ciphertext),
        )


def _file(name: str) -> str:
    return f"records/{name}.json"
