"""What the demo sees and tells, over whole tenders of the in-memory world."""

from __future__ import annotations

import io
import json
from functools import cache

import pytest

from node.cli.demo.clock import Move
from node.cli.demo.processes import Command
from node.cli.demo.telling import Telling
from node.cli.demo.watch import Step, Watch
from node.cli.output import Output
from node.core.errors import NodeError
from node.core.evidence.extent import StoredPlace, StreamPart
from node.core.records.envelope import Envelope
from node.core.rules.state import Phase
from node.services.judging import Laws
from node.services.ports import Followed
from tests.world.session import world

GUESTS = frozenset({"xiangtan", "changsha", "regulator"})


def place(stored: StoredPlace, *, envelope: Envelope | None = None) -> Followed:
    return Followed(stored.seq, stored.what, stored.where, envelope or stored.envelope, stored.body)


@cache
def parts(name: str) -> tuple[StreamPart, ...]:
    made = world(name)
    return tuple(made.net.parts(made.state.stream))


def watching(name: str) -> tuple[Watch, StreamPart]:
    tender = next(part for part in parts(name) if part.kind == "tender")
    opened = world(name).state.opened_as
    assert opened is not None
    return Watch(Laws(opened.network), tender.stream), tender


def see_all(name: str) -> tuple[Watch, list[Step]]:
    watch, _ = watching(name)
    steps = [
        step
        for part in parts(name)
        for one in part.places
        for step in watch.take(part.stream, place(one))
    ]
    return watch, steps


@pytest.mark.parametrize("name", ["jp", "cn"])
def test_every_place_becomes_one_step_and_the_tender_is_over(name: str) -> None:
    watch, steps = see_all(name)
    assert len(steps) == sum(len(part.places) for part in parts(name))
    assert watch.is_over()
    guests = frozenset(watch.endorsed_by())
    assert len(guests) >= 2
    assert watch.lacking(guests) == []
    assert watch.lacking(guests | {"nobody"}) == ["nobody"]


def test_tender_is_not_over_before_the_links_are_opened() -> None:
    watch, tender = watching("jp")
    kinds = []
    for one in tender.places:
        kinds += [
            step.candidate.opened.header.type for step in watch.take(tender.stream, place(one))
        ]
        assert watch.is_over() == (
            watch.state is not None
            and watch.state.phase is Phase.AWARDED
            and {seat.centre for seat in watch.state.seats.values()} <= watch.state.disclosed
        )
    assert kinds[-1] == "draw.disclosed/v1"
    assert watch.is_over()


def test_endorsements_behind_the_newest_place_are_lacking() -> None:
    watch, _ = see_all("jp")
    some = next(iter(watch.endorsed_by()))
    side = next(s for s in watch.streams.values() if s.row.kind == "side" and s.row.keeper == some)
    watch.streams.pop(side.row.id)
    assert watch.lacking(frozenset({some})) == [some]


def test_pools_count_when_their_snapshot_is_large_enough() -> None:
    watch, _ = see_all("jp")
    sizes = {
        part.keeper: max(
            s.size
            for s in watch.streams[part.stream].state.snapshots.values()  # type: ignore[union-attr]
        )
        for part in parts("jp")
        if part.kind == "pool"
    }
    assert sizes
    assert watch.has_pools(sizes)
    assert not watch.has_pools({keeper: size + 1 for keeper, size in sizes.items()})
    assert not watch.has_pools({**sizes, "elsewhere": 1})


def test_place_that_breaks_a_rule_is_noticed() -> None:
    watch, tender = watching("jp")
    for one in tender.places[:4]:
        watch.take(tender.stream, place(one))
    with pytest.raises(NodeError):
        watch.take(tender.stream, place(tender.places[5]))
    with pytest.raises(NodeError):
        watch.take(tender.stream, place(tender.places[4], envelope=tender.places[5].envelope))
    assert watch.held(tender.stream) == 4


def test_stream_that_was_only_begun_is_asked_for_from_its_start() -> None:
    watch, tender = watching("jp")
    assert watch.take(tender.stream, place(tender.places[0])) == []
    assert watch.held(tender.stream) == 0
    assert watch.take(tender.stream, place(tender.places[0])) == []
    assert len(watch.take(tender.stream, place(tender.places[1]))) == 2


def told(name: str, *, as_json: bool) -> list[str]:
    out = io.StringIO()
    telling = Telling(Output(as_json=as_json, out=out), {})
    watch, tender = watching(name)
    for part in (tender, *(p for p in parts(name) if p is not tender)):
        for one in part.places:
            for step in watch.take(part.stream, place(one)):
                telling.step(step, watch.state)
    telling.move(Move(1_256_608_861, "投标截止", "the deadline for bids"), 1_256_000_000)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("name", ["jp", "cn"])
@pytest.mark.parametrize("tongue", ["zh", "en"])
def test_every_record_of_the_tender_is_told_in_both_languages(
    name: str, tongue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_LANG", tongue)
    lines = told(name, as_json=False)
    tender = next(part for part in parts(name) if part.kind == "tender")
    assert len(lines) > len(tender.places)
    assert all("{" not in line for line in lines)
    assert [int(line.split()[0]) for line in lines[:-1]] == list(range(1, len(lines)))
    assert "2009-10-27T02:01:01Z" in lines[-1]


def test_machine_hears_each_record_in_the_form_of_i1() -> None:
    steps = [json.loads(line) for line in told("jp", as_json=True)]
    tender = next(part for part in parts("jp") if part.kind == "tender")
    first = steps[0]
    assert set(first) == {"event", "n", "at", "phase", "actor", "type", "centre", "seq"}
    assert (first["type"], first["seq"], first["n"]) == ("stream.opened/v1", 0, 1)
    assert all(step["event"] == "step" for step in steps[:-1])
    assert [s["seq"] for s in steps[: len(tender.places)]] == list(range(len(tender.places)))
    assert steps[-1]["event"] == "clock"
    # The network's own talk is not told: nothing of side streams but disputes.
    assert {s["type"] for s in steps[len(tender.places) : -1]} == {"pool.published/v1"}


def test_stopped_child_is_told_with_the_line_that_starts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")
    err = io.StringIO()
    command = Command("xian", ("node", "run", "--config", "c.toml"), tmp_path)  # type: ignore[arg-type]
    Telling(Output(as_json=True, err=err), {}).stopped(command)
    assert "yuanping node run --config c.toml" in err.getvalue()
