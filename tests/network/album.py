"""The pictures of one demo from announcement to award, and how its tender stood in each of them."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.cli.demo.plan import FOLDER
from node.core.rules.state import Phase, TenderState
from tests.attacks.leaks.known import Known, open_ledger, secrets_of
from tests.network.demo_process import Demo, nobody_is_left
from tests.network.freezing import Picture, Reins, start_heard, take

HOST, REGULATOR = "zhuzhou", "regulator"
GUESTS = ("shiyan", "xian")
EXPERTS = tuple(f"experts-{centre}" for centre in (HOST, *GUESTS))
TENDERS = {"jp-tsuchiura": "tsuchiura-2009-10-27-00570", "cn-bidding": "cn-2026-018"}
Events = list[dict[str, Any]]
Moment = Callable[[Events], bool]


def said(kind: str, times: int = 1) -> Moment:
    """When records of this type have been told so many times."""
    return lambda events: sum(one.get("type") == f"{kind}/v1" for one in events) >= times


def before_opening(bids: int) -> dict[str, Moment]:
    """What to look at, in order. At `bids in` everybody has come to rest."""
    return {
        "announced": said("tender.announced"),
        "bids in": said("bid.sealed", bids),
        "closed": said("bids.closed"),
    }


def before_session(bids: int) -> dict[str, Moment]:
    """The opening. At `unlocked` everybody is at rest, at `calling` the experts are awaited."""
    return {
        "unlocked": said("bid.unlocked", bids),
        "shares": said("share.released"),
        "read": said("opening.closed"),
        "calling": said("draw.seeded"),
    }


AFTER_SESSION: dict[str, Moment] = {
    "published": said("candidates.published"),
    "awarded": said("award.noticed"),
    "end": lambda events: any(one["event"] == "end" for one in events),
}
IS_CLOSED = said("session.closed")


@dataclass(frozen=True)
class Album:
    """One demo's pictures, its secrets, and the phase of the host's stream in each picture.

    `sheets` are how many score sheets were in, `steps` how many entries each tick of the host's
    log had from first to last, `buyer` its author.
    """

    pictures: list[Picture]
    phases: dict[str, Phase]
    sheets: set[int]
    steps: list[int]
    buyer: str
    known: list[Known]


@dataclass(frozen=True, slots=True)
class Photographer:
    """Takes the pictures of one demo into a folder."""

    demo: Demo
    folder: Path
    reins: Reins
    taken: list[Picture] = field(default_factory=list)

    def take(self, name: str) -> None:
        """One picture now."""
        messages, target = self.folder / "messages", self.folder / "pictures" / name
        self.taken.append(take(self.demo, messages, target, self.reins.held))

    def take_all(self, stages: dict[str, Moment]) -> None:
        """One picture at each stage; one that was over too soon is left out."""
        left = dict(stages)
        while left:
            self.demo.until(lambda: any(is_now(self.demo.events) for is_now in left.values()))
            past = [name for name, is_now in left.items() if is_now(self.demo.events)]
            for name in past:
                del left[name]
            self.take(past[-1])

    def take_session(self) -> None:
        """The experts of one centre after the other go on while all others stand still.

        So every phase is seen with the votes, sheets and signatures of some only.
        """
        for name in itertools.cycle(EXPERTS):
            before = len(self.demo.events)
            self.reins.release(name)
            self.reins.until_quiet()
            if IS_CLOSED(self.demo.events):
                break
            self.reins.hold()
            if len(self.demo.events) > before:
                self.take(f"{len(self.taken):02} {name}")
        self.reins.release(*EXPERTS)


def make_album(folder: Path, rules: str) -> Album:
    """Run one demo and take its pictures."""
    file = FOLDER / "tenders" / f"{TENDERS[rules]}.json"
    bids = len(json.loads(file.read_bytes())["bidders"])
    demo = start_heard(folder / "demo", folder / "messages", "--rules", rules, "--keep")
    reins = Reins(demo, EXPERTS)
    photographer = Photographer(demo, folder, reins)
    try:
        photographer.take_all(before_opening(bids))
        reins.hold()
        photographer.take_all(before_session(bids))
        photographer.take_session()
        photographer.take_all(AFTER_SESSION)
    finally:
        reins.release(*EXPERTS)
        demo.interrupt()
    assert nobody_is_left(demo.folder)
    return _developed(photographer.taken)


def _developed(pictures: list[Picture]) -> Album:
    states = {one.name: _read(one) for one in pictures}
    last = pictures[-1].folder / "opened"
    ledger = open_ledger(last, HOST)
    # All ticks: a checkpoint that had no quorum before the next one came is none the fewer a tick.
    notes = ledger.store.notes(f"{HOST}.example/log", quorum=False)
    sizes = [0, *(note.size for note in notes)]
    ledger.store.close()
    return Album(
        pictures=pictures,
        phases={name: state.phase for name, state in states.items()},
        sheets={len(state.review.sheets) for state in states.values()},
        steps=[after - before for before, after in itertools.pairwise(sizes)],
        buyer=states[pictures[-1].name].buyer,
        known=secrets_of(last),
    )


def _read(picture: Picture) -> TenderState:
    """How the host's stream stood, from a copy of the folder: opening a store writes to it."""
    target = picture.folder / "opened"
    shutil.copytree(picture.site, target)
    ledger = open_ledger(target, HOST)
    try:
        return ledger.tender()
    finally:
        ledger.store.close()
