"""A guest's word on the host's stream: endorsed as far as we checked, or disputed.

Source: protocol.md section 4. At most one endorsement a tick, of the newest place that our own
fold accepted; never two different entries for one place (our fold holds one). After a dispute
nothing more is endorsed. Besides the fold a guest compares what only it can compare: members with
its own view of the chain, seeds with the rounds that it shows, and its own people's records with
what it lodged for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from node.core.errors import NodeError, RuleError, UnavailableError
from node.core.records.kinds.draws import DrawSeeded
from node.core.records.kinds.streams import (
    DisputeRaised,
    RecordRefused,
    RegistryNoted,
    StreamEndorsed,
)
from node.core.rules import drawing
from node.core.rules.registry import entries_at
from node.core.rules.rounds import check_rounds, last_input
from node.services.judging import judge_ahead
from node.services.lodging import kept_item, lodged_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from node.core.records.kinds import Body
    from node.core.rules.rounds import BeaconRound, Seeding
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
        """Judge one place of a tender that the fold takes in this state."""
        self._check_own(state, side, placed)
        if isinstance(placed.body, DrawSeeded):
            self._check_seed(state, placed, placed.body)
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

    def _check_seed(self, state: TenderState, placed: Placed, body: DrawSeeded) -> None:
        """The seed is that of the draw's rounds, by our own view of the chain (ADR 16).

        What our chain or our copy of the host's log does not show yet is waited for.
        """
        try:
            seeding = self._seeding(state)
            if body.round == seeding.rounds[0] and self._is_known(state, seeding, body):
                return
            now, told = self.desk.chain.latest().time, self._told(state, seeding, body)
        except UnavailableError:
            raise
        except NodeError as error:  # not understood: nobody is accused for that
            raise UnavailableError(error.detail, code="chain") from None
        try:
            check_rounds(seeding, told, body)
        except RuleError:
            if now <= placed.received + state.rules.clock.g_seconds.value:
                detail = "our chain may not have come to the rounds of a seed"
                raise UnavailableError(detail, code="chain") from None
            raise

    def _seeding(self, state: TenderState) -> Seeding:
        purpose = drawing.purpose_of(state)
        last = state.entries[last_input(state.awaited, purpose)]
        existed = self.desk.times.existed_by(state.keeper, last)
        if existed is None:
            raise UnavailableError("our copy of a log does not reach to what a seed decides")
        return drawing.seeding_of(state, purpose, existed)

    def _is_known(self, state: TenderState, seeding: Seeding, body: DrawSeeded) -> bool:
        """Is this the seed of the first round as we saw it? A complete round changes no more."""
        try:
            check_rounds(seeding, self._told(state, seeding, body), body)
        except RuleError:
            return False
        return True

    def _told(self, state: TenderState, seeding: Seeding, body: DrawSeeded) -> list[BeaconRound]:
        """The rounds up to the seed's own, those that are open."""
        host = state.keyring.key(state.keeper, "chain")
        used = [*takewhile(lambda one: one != body.round, seeding.rounds), body.round]
        return self.desk.chain.rounds([(one, host.key) for one in used]) if host else []


def side_body(body: Body) -> str:
    """The record type under which a guest's own word is logged."""
    return "dispute.raised/v1" if isinstance(body, DisputeRaised) else "stream.endorsed/v1"
