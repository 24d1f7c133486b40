"""What a store must hold because of what it says: leaves, witnessed views, private facts.

Part of `fsck`. A log says that something was there even where its rows are gone; a record that was
logged here says which fact was written in its transaction. What came back from a backup is not held
against its node: facts of the time in between are lost for good, and no log ever named them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.log.note import COSIGNATURE, VerifierKey, parse_note
from node.core.records.canonical import epoch_of
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.draws import DrawJoined
from node.core.rules.side import OwnState
from node.services.differing import Difference, looking_at
from node.services.lodging import kept_item, lodged_key
from node.services.losses import unaccounted
from node.services.ports import NEWEST_CLOCK
from node.services.publisher import PADDING
from node.services.remaking import Remaker
from node.services.roster import Roster, key_of
from node.services.standing import MARK, losses_of
from node.services.stretches import ticks_of

if TYPE_CHECKING:
    from node.core.log.merkle import Tree
    from node.services.judging import State
    from node.services.members import Members
    from node.services.ports import PlaceRow, Store

Places = Mapping[str, Sequence["PlaceRow"]]


@dataclass(frozen=True, slots=True)
class Owed:
    """The store of `me`, whose log is `origin`, and what was read of it."""

    me: str
    origin: str
    store: Store
    places: Places
    states: Mapping[str, State]

    def rows(self) -> Iterator[int]:
        """No row stands without the one it belongs to."""
        for found in self.store.loose(self.origin):
            raise Difference(found, "it belongs to nothing that is here")
        yield 1

    def leaves(self, own: frozenset[str], told: Callable[[int], None]) -> Iterator[int]:
        """Every leaf of our log is one of these entries, or padding by our secret.

        But for what was named as lost after a restore; `told` is how many those are.
        """
        secret = bytes.fromhex(self.store.fact(PADDING) or "")
        stretches = ticks_of(self.store, self.origin)
        lost = {loss.name for loss in losses_of(self.store) if loss.kind in ("place", "secret")}
        first, strange = unaccounted(stretches, own, _narrow(secret))
        at = {leaf for leaf, _, _ in strange}
        wide = [one for one in stretches if not at.isdisjoint(range(one.start, one.note.size))]
        again, strange = unaccounted(wide, own, Remaker(secret, 1, pad=True).paddings)
        begun = min((leaf for leaf in (first, again) if leaf is not None), default=None)
        for leaf, entry, _ in strange:
            # Padding from before the secret was lost is nobody's any more.
            is_old = "padding" in lost and (begun is None or leaf < begun)
            if entry in lost or is_old:
                told(1)
            elif begun is None:
                raise Difference(f"fact {PADDING}", "it is not the secret of our log's padding")
            else:
                detail = "it is neither padding nor a place that is here"
                raise Difference(f"{self.origin} leaf {leaf}", detail)
        yield sum(len(one.entries) for one in stretches)

    def witnessed(self, members: Members | None, trees: Mapping[str, Tree]) -> Iterator[int]:
        """What we cosigned last is in the log we hold, and no older than any word of ours in it."""
        keys = self._witness_keys(members)
        for origin in self.store.logs():
            size, root = self.store.witnessed(origin) or (0, "")
            tree = trees.get(origin)
            if tree is not None and 0 < size <= tree.size and tree.root(size).hex() != root:
                raise Difference(f"{origin} size {size}", "we witnessed another root than it has")
            for note in reversed(self.store.notes(origin)):
                with looking_at(f"{origin} size {note.size}"):
                    signed = parse_note(note.quorum or note.note).signatures
                if any(
                    VerifierKey(s.name, COSIGNATURE, key).made(s) for s in signed for key in keys
                ):
                    if note.size > size:
                        detail = f"we cosigned it, and say that we witnessed only {size}"
                        raise Difference(f"{origin} size {note.size}", detail)
                    break
            yield 1

    def _witness_keys(self, members: Members | None) -> set[bytes]:
        """Our own, as the members' registry names them, or as our streams do."""
        named = [state.keyring.key(self.me, "witness") for state in self.states.values()]
        if members is not None:
            named.append(members.by_id[self.me].key("witness"))
        return {bytes.fromhex(key.key) for key in named if key is not None}

    def facts(self) -> Iterator[int]:
        """What was written in one transaction with a record of ours is there."""
        if self.store.fact(MARK) is not None:
            return  # from a backup: see above
        self._check_clock()
        yield 1
        for stream, state in self.states.items():
            for place in self.places[stream]:
                with looking_at(f"stream {stream[:16]} place {place.seq}"):
                    yield self._of_draw(place)
            if isinstance(state, OwnState) and state.keeper == self.me:
                yield from self._of_side(stream, state)

    def _check_clock(self) -> None:
        own = (s for s, state in self.states.items() if state.keeper == self.me)
        newest = max((epoch_of(p.what.received) for s in own for p in self.places[s]), default=0)
        if newest > int(self.store.fact(NEWEST_CLOCK) or 0):
            raise Difference(f"fact {NEWEST_CLOCK}", "a place of ours is newer")

    def _of_draw(self, place: PlaceRow) -> int:
        header = open_envelope(place.envelope).header
        ours = (f"centre:{self.me}", "draw.joined/v1")
        if (header.author, header.type) != ours or place.body is None:
            return 0
        body = decode_body(header.type, place.body)
        if isinstance(body, DrawJoined):
            for what in ("joined", "persons"):
                self._need(key_of(body.draw, what))
        return 1

    def _of_side(self, stream: str, state: OwnState) -> Iterator[int]:
        for record in state.lodged:
            key = lodged_key(record)
            with looking_at(f"fact {key[:23]}"):
                if kept_item(self._need(key)).opened.id != record:
                    raise Difference(f"fact {key[:23]}", "it holds another record")
            yield 1
        for seq, published in state.snapshots.items():
            with looking_at(f"stream {stream[:16]} place {seq}"):
                Roster(self.store).snapshot(published.epoch, published.root)
            yield 1

    def _need(self, key: str) -> str:
        text = self.store.fact(key)
        if text is None:
            raise Difference(f"fact {key[:80]}", "a record says that it was written here")
        return text


def check_endorsed(store: Store, where: str, seq: int, held: int) -> None:
    """We endorse only what we hold. Raises Difference.

    A store from a backup may have its own word back before what that speaks of.
    """
    if seq >= held and store.fact(MARK) is None:
        raise Difference(where, f"it endorses place {seq}, and only {held} places are here")


def _narrow(secret: bytes) -> Callable[[int, int], frozenset[bytes]]:
    """The padding of a stretch that is one tick, as all are that we published ourselves."""
    return lambda start, end: Remaker(secret, max(1, end - start), pad=True).paddings(start, end)
