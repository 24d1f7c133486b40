"""Keeping the chain's proofs: it is asked when all is there, and one host's wrong stream keeps
nobody else's tender unproven."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.core.errors import NodeError, StateError, UnavailableError
from node.core.evidence.extent import Needs
from node.core.evidence.links import LinkError
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services import keeping
from node.services.keeping import Keeping

WRONG = LinkError("round", "", "a round of no draw")
ANCHOR = NodeError("no such round", code="anchor")
SILENT = UnavailableError("silent", code="chain")
LATER = StateError("not yet", code="too-early")
HOST, GUEST = "zhuzhou", "xiangtan"
LENGTH = 9


class Ended(TenderState):
    """A tender that is over; of its state nothing is asked here."""

    def __init__(self) -> None:
        return


class Said(OwnState):
    """A side stream that endorsed a place."""

    def __init__(self, seq: int) -> None:
        object.__setattr__(self, "endorsed", SimpleNamespace(seq=seq))


@dataclass
class World:
    """Tenders of one host and one guest: book, store, evidence, proofs and chain in one.

    `index`: of each stream's last place, its leaf's in its keeper's log; `sizes`: what the chain
    holds of the two logs; `fails`: what the chain answers for a tender, once each.
    """

    tenders: tuple[str, ...] = ("a",)
    endorsed: int = LENGTH - 1
    index: dict[str, int | None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=lambda: {HOST: 100, GUEST: 100})
    written: bool = True
    fails: dict[str, list[NodeError]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)
    read: int = 0

    def __post_init__(self) -> None:
        self.proofs = self.store = self.chain = self
        keepers = {HOST: SimpleNamespace(account=HOST), GUEST: SimpleNamespace(account=GUEST)}
        self.members = SimpleNamespace(by_id=keepers)

    def settled(self, but: Container[str]) -> list[Any]:
        """The tenders, all of them over."""
        return [_stream(name, HOST, Ended()) for name in self.tenders if name not in but]

    def streams(self, kind: str) -> list[Any]:
        """No pools."""
        assert kind == "pool"
        return []

    def sides(self, host: str) -> list[Any]:
        """The guest's side stream."""
        return [_stream(f"{host}/side", GUEST, Said(self.endorsed))]

    def places(self, stream: Any, after: int = -1) -> Iterable[Any]:  # noqa: ANN401
        """As the store (by id) its last place, as the evidence (by stream) all of them."""
        if isinstance(stream, str):
            return [SimpleNamespace(index=self.index.get(stream, 7))]
        assert after == -1
        self.read += 1
        return range(LENGTH)

    def is_kept(self, stream: str) -> bool:
        """Whether it is in the store."""
        return stream in self.kept

    def anchored(self, accounts: Sequence[str]) -> list[tuple[int, str, int]]:
        """What the chain holds of the logs."""
        self.asked.append("anchored")
        return [(self.sizes[name], "", 0) for name in accounts]

    def asked_(self, _chain: object, wanted: Sequence[tuple[Any, Needs]]) -> list[Any]:
        """Notes, each of which is its tender's name."""
        self.asked.append(" ".join(row.id for row, _ in wanted))
        for row, _ in wanted:
            if self.fails.get(row.id):
                raise self.fails[row.id][0]
        return [([row.id], dict(self.sizes)) for row, _ in wanted]

    def keep_(self, row: Any, _needs: Needs, notes: Sequence[str]) -> None:  # noqa: ANN401
        """Keep them."""
        assert notes[0].startswith(row.id)
        self.kept.append(row.id)


class Proofs:
    """The same with the names of the proofs' methods."""

    def __init__(self, world: World) -> None:
        self.chain, self.made, self.is_kept = world, world.made, world.is_kept
        self.asked, self.keep = world.asked_, world.keep_


def _stream(name: str, keeper: str, state: object) -> Any:  # noqa: ANN401
    row = SimpleNamespace(id=name, tender=name, keeper=keeper)
    return SimpleNamespace(row=row, state=state, records=("",) * LENGTH)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parties and no draws."""
    monkeypatch.setattr(keeping, "slots_due", lambda _state: ())
    needs = Needs((GUEST, HOST), ())
    monkeypatch.setattr(keeping, "needs_at_end", lambda *_: needs)


def made(world: World, monkeypatch: pytest.MonkeyPatch) -> Keeping:
    evidence = SimpleNamespace(
        proofs=Proofs(world), store=world, members=world.members, places=world.places
    )
    monkeypatch.setattr(keeping, "shows", lambda *_: world.written)
    return Keeping(cast(Any, world), cast(Any, evidence))


def nothing(what: str, error: Exception) -> None:
    pytest.fail(f"{what}: {error}")


def test_notes_are_made_once_for_all_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(("a", "b", "c"))
    ours = made(world, monkeypatch)
    for _ in range(3):
        ours.keep_due(nothing)
    assert world.asked == ["anchored", "a b c"]
    assert world.kept == ["a", "b", "c"]
    assert (ours.done, ours.needs) == ({"a", "b", "c"}, {})


@pytest.mark.parametrize(
    "lack",
    [{"endorsed": LENGTH - 2}, {"index": {"a": None}}, {"index": {"a/side": None}}],
)
def test_nothing_is_asked_of_the_chain_before_all_is_endorsed_and_logged(
    lack: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(**lack)
    ours = made(world, monkeypatch)
    for _ in range(3):
        ours.keep_due(nothing)
    assert (world.asked, world.kept) == ([], [])
    assert world.read <= 1, "a stream that does not grow is read once"
    world.endorsed, world.index = LENGTH - 1, {}
    ours.keep_due(nothing)
    assert world.kept == ["a"]


@pytest.mark.parametrize("keeper", [HOST, GUEST])
def test_nothing_is_proven_before_all_is_anchored(
    keeper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(("a", "b"))
    world.sizes[keeper] = 7
    ours = made(world, monkeypatch)
    for _ in range(2):
        ours.keep_due(nothing)
    assert world.asked == ["anchored"] * 2, "one request a round"
    world.sizes[keeper] = 8
    ours.keep_due(nothing)
    assert world.kept == ["a", "b"]
    assert world.read == 2


def test_notes_that_do_not_show_a_slot_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(written=False)
    ours = made(world, monkeypatch)
    ours.keep_due(nothing)
    assert (world.kept, ours.done) == ([], set())
    world.written = True
    ours.keep_due(nothing)
    assert world.kept == ["a"]


@pytest.mark.parametrize(
    ("needs", "size", "used"),
    [
        (Needs((GUEST, HOST), ()), 8, True),
        (Needs((GUEST, HOST), ()), 7, False),
        (Needs((HOST,), ()), 8, False),
    ],
)
def test_notes_made_for_a_reader_are_kept_if_they_are_enough(
    needs: Needs, size: int, *, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.made["a"] = (needs, (["a, a reader's"], {HOST: size, GUEST: 8}))
    made(world, monkeypatch).keep_due(nothing)
    assert world.kept == ["a"]
    assert world.asked == ["anchored", *([] if used else ["a"])]


@pytest.mark.parametrize("error", [WRONG, ANCHOR])
def test_tender_that_can_never_be_proven_is_told_once_and_others_are_kept(
    error: NodeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Exception]] = []
    world = World(("a", "b"), fails={"a": [error]})
    ours = made(world, monkeypatch)
    for _ in range(3):
        ours.keep_due(lambda what, error: told.append((what, error)))
    assert told == [("proof of a", error)]
    assert ours.done == {"a", "b"}
    assert world.kept == ["b"]


def test_what_is_not_there_yet_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(("a", "b"), fails={"a": [LATER]})
    ours = made(world, monkeypatch)
    ours.keep_due(nothing)
    assert ours.done == {"b"}
    world.fails.clear()
    ours.keep_due(nothing)
    assert ours.done == {"a", "b"}


def test_silent_chain_ends_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(fails={"a": [cast(Any, SILENT)]})
    ours = made(world, monkeypatch)
    with pytest.raises(UnavailableError):
        ours.keep_due(nothing)
    assert ours.done == set()
