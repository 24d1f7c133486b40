"""Kills programs of a running network, again and again, as a seed says, and looks after each.

A strike falls at a moment of its own, or at the n-th durable write from a moment on: just before it
or just after. What was struck is started again after 0 to 5 s with the same words; the conductor
with `--resume` beside them. While a member's node is down its store is checked (`node fsck`) and
what was acknowledged to anybody is looked for; some stores are checked again, frozen, after the
start. The same seed gives the same list of strikes; where the programs stand then is theirs.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from node.settings import read_settings
from tests.network.auditing import Audit, fsck, members_of
from tests.network.demo_process import MEMBERS, nobody_is_left
from tests.network.field import Field, Running, is_gone, until_gone
from tests.network.freezing import stopped
from tests.network.spy.striking import ANY, FAILED, KILLED, Blow

CONDUCTOR, CHAIN = "conductor", "chain"
REPLAY = (*MEMBERS * 2, "crowd", "crowd", CHAIN, CONDUCTOR)
"""Who is struck in a replay, by weight."""
ACTORS = ("buyer", "bidders", "experts-zhuzhou", "experts-shiyan", "experts-xian")
DEMO = (*MEMBERS, *ACTORS, CHAIN, CONDUCTOR)
ARMED_S = 3.0
"""How long a blow waits for its write before it is taken back."""
PAUSE_S = 5.0
SOON, SETTING_UP = 12, 60
AIMED_A_SEED = 20
"""Writes that a blow may let pass; the same while a network is set up."""
LOOK_S = 0.02
BREATH_S = 15.0
APPEAR_S = 30.0
NOW_S = 0.5
STORE = ("commit", "publish", "mirror", "set_quorum", "set_witnessed", "put_fact", "done")
NODE = (
    *(f"SqlStore.{name}" for name in STORE),
    "FileBlobs._replace fsync",
    "FileBlobs._replace replace",
    "FileBlobs._write fsync",
)
DRAWER = ("FileDrawer.write fsync", "FileDrawer.write replace")
WRITES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(MEMBERS, NODE),
    **dict.fromkeys(ACTORS, DRAWER),
    "crowd": (*DRAWER, "SqliteDrawer.write", "Playing._play replace"),
    CHAIN: ("Journal._write fsync", "_write_state replace"),
    CONDUCTOR: ("replace_file fsync", "replace_file replace"),
}
"""Every durable write of a running program."""
FIRST_WRITES: Mapping[str, tuple[str, ...]] = {
    CHAIN: (
        *("Journal.__init__ fsync", "Journal._drop_torn_line fsync"),
        *("_load_or_make fsync", "_load_or_make replace"),
    ),
    "crowd": ("SqliteDrawer._make_file fsync",),
    CONDUCTOR: ("make_keys fsync", "_write fsync", "keys_of replace", "deploy replace"),
}
"""And those of its first start, which `first_strike` may hit."""
NOT_DURABLE = "Profiler.write replace"


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow: whom, after how long, at which write (None: at once), and how long he lies.

    `others` are killed when he falls, and come back with him. With `breath` it waits first until
    somebody was answered something: who is always killed while he starts shows nothing.
    """

    victim: str
    after: float
    blow: Blow | None
    pause: float
    looks_again: bool
    others: tuple[str, ...] = ()
    breath: bool = False

    def __str__(self) -> str:
        """As it stands in the list."""
        blow = self.blow
        where = f"{blow.how} {blow.nth} x {blow.name}" if blow else "killed"
        whom = " + ".join((self.victim, *self.others))
        return f"+{self.after:.2f} s {whom} {where}, back after {self.pause:.1f} s"


def first_strike(seed: int) -> Strike:
    """One that falls while the network is set up, at a write of a program's first start."""
    chance = random.Random(seed)
    victim = chance.choice((CONDUCTOR, CHAIN))
    nth = chance.randint(1, SETTING_UP if victim == CONDUCTOR else SOON)
    blow = Blow(ANY, nth, chance.choice(KILLED))
    return Strike(victim, 0.0, blow, chance.random() * PAUSE_S, looks_again=False)


def aims(seed: int, victims: Sequence[str]) -> Iterator[tuple[str, Blow]]:
    """All of the fault table, again and again: each write of each program in each way.

    In an order that is always the same; where it begins, the seed says. Seeds that follow each
    other go on from each other, so that a soak strikes everywhere. Writes of nodes also only fail.
    """
    table = [
        (victim, Blow(name, 1, how))
        for victim in sorted({*victims})
        for name in WRITES[victim]
        for how in (KILLED + FAILED if victim in MEMBERS else KILLED)
    ]
    random.Random(0).shuffle(table)
    start = seed * AIMED_A_SEED % len(table)
    yield from itertools.cycle(table[start:] + table[:start])


def strikes(seed: int, victims: Sequence[str], every_s: float) -> Iterator[Strike]:
    """Strikes without end: half aimed, a quarter at some later write, a quarter at a moment.

    `victims` are weighed by how often they stand there. Up to `every_s` lie between.
    """
    chance, aimed = random.Random(seed), aims(seed, victims)
    while True:
        victim, blow = chance.choice(victims), None
        kind = chance.randrange(4)
        if kind < 2:
            victim, blow = next(aimed)
        elif kind == 2:
            blow = Blow(ANY, chance.randint(1, SOON), chance.choice(KILLED))
        count = chance.choice((0, 0, 1, 2)) if victim != CONDUCTOR else 0
        others = sorted({*victims} - {victim, CONDUCTOR})
        yield Strike(
            victim=victim,
            others=tuple(chance.sample(others, count)),
            after=chance.random() * every_s,
            blow=blow,
            pause=chance.choice((0.0, chance.random() * PAUSE_S)),
            looks_again=chance.random() < 0.25,
            breath=chance.random() < 0.5,
        )


@dataclass(slots=True)
class Killer:
    """Strikes a network until its command ends, or so many kills are done."""

    network: Field
    strikes: Iterator[Strike]
    most: int
    list: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    points: Counter[tuple[str, str]] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    audit: Audit = field(init=False)

    def __post_init__(self) -> None:
        """The audit goes over the same network."""
        self.audit = Audit(self.network.site, self.network.spy)

    def run(self, first: Strike | None = None) -> int:
        """Start the network and strike until its command ends; its exit status."""
        if first is not None and first.blow is not None:
            arm(self._arm_of(first), first.blow)
        self.network.start()
        if first is not None:
            self._strike(first, armed=True)
        while self.kills.total() < self.most and not self._ended_in(0.0):
            strike = next(self.strikes)
            self._breathe(BREATH_S if strike.breath else 0.0)
            if self._ended_in(strike.after):
                break
            self._strike(strike)
        status = self.network.conductor.ended()
        self.network.let_go()
        return status

    def unknown_writes(self) -> set[str]:
        """Durable writes that were made and stand in neither table: nobody would strike there."""
        found = {(p.parent.name, p.name) for p in (self.network.spy / "writes").glob("*/*")}
        known = {(one, w) for table in (WRITES, FIRST_WRITES) for one in table for w in table[one]}
        return {f"{one} {name}" for one, name in found - known if name != NOT_DURABLE}

    def told(self) -> str:
        """The list, for whoever looks for what went wrong."""
        return "\n".join(self.list)

    def _breathe(self, seconds: float) -> None:
        """Wait until another record was acknowledged to somebody, or so long."""
        end, known = time.monotonic() + seconds, self.audit.hear()
        while time.monotonic() < end and self.audit.hear() == known and not self._ended():
            time.sleep(LOOK_S)

    def _ended_in(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._ended():
                return True
            time.sleep(LOOK_S)
        return self._ended()

    def _ended(self) -> bool:
        return self.network.conductor.process.poll() is not None

    def _strike(self, strike: Strike, *, armed: bool = False) -> None:
        victim = self._found(strike, APPEAR_S if armed else NOW_S)
        if victim is None:
            return
        if strike.blow is not None and not armed:
            arm(self._arm_of(strike), strike.blow)
        began = time.monotonic()
        how, name = self._hit(victim, strike)
        if not how:
            return
        if name:
            self.points[f"{strike.victim} {name}", how] += 1
        if how in FAILED:
            self.list.append(f"   - {strike} ({name})")
            return
        self.kills[strike.victim] += 1
        dead = {strike.victim: victim, **self._others(strike)}
        self.list.append(f"{self.kills.total():4} {strike} {name and f'({name})'}")
        if strike.victim == CONDUCTOR:
            self._conductor_again(strike)
        else:
            self._again(dead, strike, began)

    def _others(self, strike: Strike) -> dict[str, Running]:
        """Kill those who fall with him, as far as they run."""
        running = self.network.programs()
        found = {name: running[name] for name in strike.others if name in running}
        for name, program in found.items():
            kill(program.pid)
            self.kills[name] += 1
        return found

    def _arm_of(self, strike: Strike) -> Path:
        return self.network.spy / "arm" / strike.victim

    def _found(self, strike: Strike, seconds: float) -> Running | None:
        """The victim, once he runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._ended():
            if (found := self.network.programs().get(strike.victim)) is not None:
                return found
            time.sleep(LOOK_S)
        return None

    def _hit(self, victim: Running, strike: Strike) -> tuple[str, str]:
        """How he was struck, at which write; empty if his write did not come in time."""
        if strike.blow is None:
            kill(victim.pid)
            return KILLED[0], ""
        name = fallen(self._arm_of(strike), strike.blow, victim.pid)
        return (strike.blow.how, name) if name else ("", "")

    def _again(self, dead: Mapping[str, Running], strike: Strike, began: float) -> None:
        """Look at what they left, and start them again."""
        self.audit.check()
        for member in members_of(self.network.site):
            if member in dead:
                self._fsck(member)
        time.sleep(max(0.0, began + strike.pause - time.monotonic()))
        if self._ended():
            return
        for program in dead.values():
            self.network.start_again(program)
        if strike.looks_again and strike.victim in MEMBERS:
            self._look_frozen(strike.victim)

    def _conductor_again(self, strike: Strike) -> None:
        """Everybody of his ends with him; those started by hand are stopped as he was."""
        self.network.let_go()
        time.sleep(strike.pause)
        if strike.looks_again:
            assert nobody_is_left(self.network.site)
            self.audit.check()
            for member in members_of(self.network.site):
                self._fsck(member)
        self.network.start("--resume")

    def _look_frozen(self, member: str) -> None:
        """Check a store once its node has come back, while the node stands still."""
        end = time.monotonic() + APPEAR_S
        while time.monotonic() < end and not self._ended():
            running = self.network.programs().get(member)
            if running and answers(self.network.site, member):
                with stopped([running.pid]):
                    self._fsck(member)
                return
            time.sleep(LOOK_S)

    def _fsck(self, member: str) -> None:
        not_run = fsck(self.network.site, member)
        self.checks["with the chain" if not not_run else "without the chain"] += 1


def kill(pid: int) -> None:
    """`kill -9`; returns when it is over."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert until_gone(pid)


def arm(path: Path, blow: Blow) -> None:
    """Put a blow where its victim finds it, at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".fallen").unlink(missing_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(blow.encode(), "ascii")
    aside.replace(path)


def fallen(path: Path, blow: Blow, pid: int) -> str:
    """Wait for a blow; the name of the write it struck, or nothing: taken back."""
    mark = path.with_suffix(".fallen")
    end = time.monotonic() + ARMED_S
    while time.monotonic() < end and not mark.exists() and not is_gone(pid):
        time.sleep(LOOK_S)
    with suppress(FileNotFoundError):
        path.unlink()
        return ""
    while not mark.exists():
        time.sleep(LOOK_S)
    assert blow.how in FAILED or until_gone(pid)
    return mark.read_text("ascii")


def answers(site: Path, member: str) -> bool:
    """Whether a node says that it lives."""
    listen = read_settings(site / "centres" / member / "config.toml").http.listen
    with suppress(OSError), urlopen(f"http://{listen}/healthz", timeout=2) as answer:
        return bool(answer.status == 200)
    return False
