"""Keeping the chain's proof of each tender that is over, as soon as the chain shows all of it.

What can be known without the chain is looked at first, and the notes are asked for only when the
anchored checkpoints reach over all of a tender: so they are made once, and then kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, StateError, UnavailableError
from node.core.evidence.extent import needs_at_end
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.anchors import slots_due
from node.services.proofs import shows

if TYPE_CHECKING:
    from node.core.evidence.extent import Needs
    from node.services.evidence import Evidence
    from node.services.model import Book, Stream
    from node.services.ports import Chain
    from node.services.proofs import Proven

Report = Callable[[str, Exception], None]
TOGETHER = 50
"""So many tenders are proven in one request."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A tender that is over and endorsed: what its proof needs.

    `ends`: of each log with a stream of it, the index of the last leaf that must be anchored.
    """

    host: Stream
    needs: Needs
    ends: Mapping[str, int]

    def is_within(self, sizes: Mapping[str, int]) -> bool:
        """Whether checkpoints of these sizes reach over all of it."""
        return all(index < sizes.get(keeper, 0) for keeper, index in self.ends.items())


@dataclass(slots=True)
class Keeping:
    """Looks for settled tenders whose proof is not kept yet. Blocking.

    `done` are those that are kept; the store is asked for each only once. `needs` are those of
    the others, by their stream, with the number of records that they were read from.
    """

    book: Book
    evidence: Evidence
    done: set[str] = field(default_factory=set)
    needs: dict[str, tuple[int, Needs]] = field(default_factory=dict)

    def due(self) -> list[Stream]:
        """Settled tenders, oldest first, that are not known to be kept."""
        return self.book.settled(self.done)

    def keep_due(self, report: Report) -> None:
        """Keep all that is due and can be kept now. Raises UnavailableError (`chain`, `store`).

        A host whose stream names what the chain does not know harms the proofs of no other: that
        tender is told of once, and left until the next start.
        """
        ready = []
        for host in self.due():
            with self._telling(host, report):
                if (found := self._ready(host)) is not None:
                    ready.append(found)
        if not ready:
            return
        chain = self.evidence.proofs.chain
        if chain is None:
            raise UnavailableError("there is no chain to ask", code="chain")
        sizes = self._anchored(chain, ready)
        whole = [one for one in ready if one.is_within(sizes)]
        for at in range(0, len(whole), TOGETHER):
            self._keep(chain, whole[at : at + TOGETHER], report)

    @contextmanager
    def _telling(self, host: Stream, report: Report) -> Iterator[None]:
        try:
            yield
        except UnavailableError:
            raise
        except NodeError as error:
            if not isinstance(error, StateError) or error.code != "too-early":
                self._finish(host)
                report(f"proof of {host.row.tender}", error)

    def _finish(self, host: Stream) -> None:
        self.done.add(host.row.id)
        self.needs.pop(host.row.id, None)

    def _ready(self, host: Stream) -> Ready | None:
        """What a tender's proof needs, if all of it is endorsed and stands in the logs.

        Raises what `needs_at_end` raises.
        """
        needs = self._needs(host)
        if needs is None or not self._is_endorsed(host, needs):
            return None
        ends: dict[str, int] = {}
        sides = [one for one in self.book.sides(host.row.id) if one.row.keeper in needs.keepers]
        for stream in (host, *sides):
            index = self._end(stream)
            if index is None:
                return None
            ends[stream.row.keeper] = max(index, ends.get(stream.row.keeper, 0))
        return Ready(host, needs, ends)

    def _needs(self, host: Stream) -> Needs | None:
        """What the chain must prove; None if it is kept, or our copy of the log lacks a place."""
        name, length = host.row.id, len(host.records)
        known = self.needs.get(name)
        if known is not None and known[0] == length:
            return known[1]
        if known is None and self.evidence.proofs.is_kept(name):
            self._finish(host)
            return None
        if self._end(host) is None:
            return None
        places = tuple(self.evidence.places(host))
        if len(places) != length:
            return None
        pools = {one.row.id: one.row.keeper for one in self.book.streams("pool")}
        needs = needs_at_end(places, (name, host.row.keeper), pools)
        self.needs[name] = (length, needs)
        return needs

    def _is_endorsed(self, host: Stream, needs: Needs) -> bool:
        """Whether all who take part have endorsed the last place."""
        last = len(host.records) - 1
        sides = {one.row.keeper: one.state for one in self.book.sides(host.row.id)}
        ends = [sides.get(name) for name in needs.keepers if name != host.row.keeper]
        return all(
            isinstance(state, OwnState)
            and state.endorsed is not None
            and state.endorsed.seq == last
            for state in ends
        )

    def _end(self, stream: Stream) -> int | None:
        """The index of the last place's leaf in its keeper's log, if it stands there."""
        last = self.evidence.store.places(stream.row.id, len(stream.records) - 2)
        return last[0].index if last else None

    def _anchored(self, chain: Chain, ready: Iterable[Ready]) -> Mapping[str, int]:
        """Of each log that takes part, the size that the chain holds; in one request."""
        keepers = sorted({name for one in ready for name in one.ends})
        by_id = self.evidence.members.by_id
        found = chain.anchored([by_id[name].account for name in keepers])
        return {name: size for name, (size, *_) in zip(keepers, found, strict=True)}

    def _keep(self, chain: Chain, whole: Sequence[Ready], report: Report) -> None:
        """Prove tenders and keep what was proven; if one is refused, each by itself."""
        try:
            self._take(whole, self._proven(chain, whole))
        except UnavailableError:
            raise
        except NodeError:
            for one in whole:
                with self._telling(one.host, report):
                    self._take([one], self._proven(chain, [one]))

    def _proven(self, chain: Chain, whole: Sequence[Ready]) -> list[Proven]:
        """The notes of each: those that were just made for a reader, if they are enough."""
        proofs = self.evidence.proofs
        made = {}
        for one in whole:
            needs, proven = proofs.made.get(one.host.row.id, (None, None))
            if needs == one.needs and proven is not None and self._is_whole(one, proven):
                made[one.host.row.id] = proven
        wanted = [(one.host.row, one.needs) for one in whole if one.host.row.id not in made]
        fresh = iter(proofs.asked(chain, wanted) if wanted else ())
        return [made.get(one.host.row.id) or next(fresh) for one in whole]

    def _take(self, whole: Sequence[Ready], proven: Sequence[Proven]) -> None:
        """Keep those notes that show all of their tender."""
        for one, found in zip(whole, proven, strict=True):
            if self._is_whole(one, found):
                self.evidence.proofs.keep(one.host.row, one.needs, found[0])
                self._finish(one.host)

    def _is_whole(self, one: Ready, proven: Proven) -> bool:
        """Whether notes show a tender's slots as written and reach over all of its streams."""
        host, state = one.host, one.host.state
        if not isinstance(state, TenderState):
            raise AssertionError("only tenders are due")
        keeper = self.evidence.members.by_id[host.row.keeper].account
        slots = [slot.name for slot in slots_due(state)]
        return shows(proven[0][0], (host.row.id, keeper), slots) and one.is_within(proven[1])
