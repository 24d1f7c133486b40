"""A guest's word on the host's stream: endorsed as far as we checked, or disputed.

Source: protocol.md section 4. At most one endorsement a tick, of the newest place that our own
fold accepted; never two different entries for one place (our fold holds one). After a dispute
nothing more is endorsed. Besides the fold a guest compares what only it can compare: members with
its own view of the chain, seeds with what the chain shows, and its own people's records with what
it lodged for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, RuleError, UnavailableError
from node.core.records.kinds.draws import DrawSeeded
from node.core.records.kinds.streams import (
    DisputeRaised,
    RecordRefused,
    RegistryNoted,
    StreamEndorsed,
)
from node.core.rules.registry import entries_at
from node.services.judging import judge_ahead
from node.services.lodging import kept_item, lodged_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from node.core.records.kinds import Body
    from node.core.rules.side import OwnState
    from node.core.rules.state import Placed, TenderState
    from node.services.desk import Desk
    from node.services.members import Members


STILL_S = 10.0
MOST_S = 20.0
"""A stream is endorsed once it stands still for a moment, and while it grows now and then."""


@dataclass(slots=True)
class Growth:
    """Streams of others that grew since we endorsed them: since when, and when last (seconds)."""

    still_s: float = STILL_S
    grown: dict[str, tuple[float, float]] = field(default_factory=dict)

    def see(self, stream: str, now: float) -> None:
        """Note that a stream has grown."""
        first, _ = self.grown.get(stream, (now, now))
        self.grown[stream] = (first, now)

    def due(self, now: float, is_over: Callable[[str], bool]) -> list[str]:
        """What is to be endorsed now; a tender that is over waits for nothing."""
        return [
            stream
            for stream, (first, last) in self.grown.items()
            if now - last >= self.still_s or now - first >= MOST_S or is_over(stream)
        ]

    def forget(self, streams: Iterable[str]) -> None:
        """These were endorsed as they stood."""
        for stream in streams:
            self.grown.pop(stream, None)


def endorsement(state: TenderState, side: OwnState, salt: str) -> StreamEndorsed | None:
    """What we can newly endorse; None if nothing is new or a dispute is not settled."""
    newest = len(state.entries) - 1
    before = -1 if side.endorsed is None else side.endorsed.seq
    if side.disputes or newest <= before or newest < 1:
        return None
    entry = state.entries[newest]
    return StreamEndorsed(disputes=0, entry=entry, salt=salt, seq=newest)


def dispute_of(seq: int, entry: str, error: NodeError, salt: str) -> DisputeRaised:
    """The dispute of one place: the code and the article that it breaks."""
    article = error.article or error.detail[:200] or error.code
    return DisputeRaised(article=article, code=error.code, entry=entry, salt=salt, seq=seq)


@dataclass(frozen=True, slots=True)
class GuestChecks:
    """What a guest checks beyond the fold; blocking. Raises RuleError for what it disputes."""

    desk: Desk
    members: Members

    def check_members(self, placed: Placed) -> None:
        """Judge a place of any stream, its first ones too, that names the members."""
        if isinstance(placed.body, RegistryNoted):
            self._check_registry(placed.body)

    def check(self, state: TenderState, side: OwnState | None, placed: Placed) -> None:
        """Judge one place of a tender that the fold is about to take."""
        self._check_own(state, side, placed)
        if isinstance(placed.body, DrawSeeded):
            self._check_seed(state, placed.body)
        if isinstance(placed.body, RecordRefused):
            self._check_refusal(state, placed.body, placed.received)

    def _check_own(self, state: TenderState, side: OwnState | None, placed: Placed) -> None:
        """Nobody speaks for us or from our seats but through our own log."""
        role, _, name = placed.header.author.partition(":")
        seat = state.seats.get(name) if role == "expert" else None
        ours = name == self.desk.me if role in ("centre", "regulator") else False
        if (ours or (seat is not None and seat.centre == self.desk.me)) and (
            side is None or placed.id not in side.lodged
        ):
            raise RuleError("a record of our people that we never lodged", article="protocol 4")

    def _check_refusal(self, state: TenderState, body: RecordRefused, received: int) -> None:
        """A host may refuse what we lodged only if our own fold refuses it at that place too."""
        kept = self.desk.store.fact(lodged_key(body.record))
        if kept is None:
            return
        try:
            judge_ahead(state, kept_item(kept), received)
        except NodeError:
            return
        raise RuleError("the host refused a record that the rules allow", article="protocol 4")

    def _check_registry(self, body: RegistryNoted) -> None:
        """The members named are those of our own view of the chain at that height.

        While the chain does not answer our last view counts, if it agrees (protocol 7).
        """
        chain, last = self.desk.chain, self.members.view
        try:
            if chain.seen().number < body.height and chain.latest().number < body.height:
                raise UnavailableError("our chain has not come to the note's block", code="chain")
            changes = chain.registry().changes
        except NodeError as error:  # not told, or not understood: nobody is accused for that
            if last is None or entries_at(last.changes, body.height) != body.entries:
                raise UnavailableError(error.detail, code="chain") from None
            return
        if entries_at(changes, body.height) != body.entries:
            raise RuleError("these are not the members on the chain", article="protocol 7")

    def _check_seed(self, state: TenderState, body: DrawSeeded) -> None:
        """The secrets are those revealed on the chain; a silent chain is left to the verifier."""
        host = state.keyring.key(state.keeper, "chain")
        stated = {secret.account: secret.secret for secret in body.secrets}
        try:
            if host is not None and self._is_shown(body.round, host.key, stated):
                return
        except NodeError:
            return
        raise RuleError("the seed is not the one on the chain", article="protocol 6")

    def _is_shown(self, round_id: str, opener: str, secrets: Mapping[str, str]) -> bool:
        """Whether a round on the chain shows these secrets by account, and no other."""
        chain = self.desk.chain
        found = chain.round(round_id, opener)
        if found is None or dict(found.secrets) != secrets:
            chain.latest()  # what we saw last may be older than what the host saw
            found = chain.round(round_id, opener)
        return found is not None and dict(found.secrets) == secrets


def side_body(body: Body) -> str:
    """The record type under which a guest's own word is logged."""
    return "dispute.raised/v1" if isinstance(body, DisputeRaised) else "stream.endorsed/v1"
