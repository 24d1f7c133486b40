"""Seeded network cuts while a demo runs: which links, how, for how long. Printed as they happen."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.network.cutting import Cutter, Link, Mode

LONGEST_S = 10.0
CUTTING = tuple(mode for mode in Mode if mode is not Mode.OPEN)


@dataclass
class Cuts:
    """The cuts of one seed. `told` are lines for a person who wants to see the same again."""

    cutter: Cutter
    seed: int
    longest_s: float = LONGEST_S
    told: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def while_(self, goes_on: Callable[[], bool]) -> None:
        """Cut something, wait, mend it, wait; until it is over. Everything is open after."""
        chance = random.Random(self.seed)
        while goes_on():
            links = self._some(chance)
            mode = chance.choice(CUTTING)
            # Short ones are as dangerous as long ones, and there can be more of them.
            seconds = self.longest_s * chance.random() ** 3
            with self.cut(links, mode, f"{seconds:.1f} s"):
                _wait(seconds, goes_on)
            _wait(chance.uniform(0.1, 2.0), goes_on)

    @contextmanager
    def cut(self, links: list[Link], mode: Mode, how_long: str) -> Iterator[None]:
        """These links are cut inside of the block."""
        before = {link: link.dropped for link in links}
        names = ", ".join(sorted(link.name for link in links))
        self.cutter.set(links, mode)
        try:
            yield
        finally:
            self.cutter.set(links, Mode.OPEN)
            met = sum(link.dropped > before[link] for link in links)
            at = time.monotonic() - self.began
            self.told.append(f"{at:6.1f} s  {mode.value:<9} {how_long:>6}, met by {met}: {names}")

    def _some(self, chance: random.Random) -> list[Link]:
        """One link, or all between two parties, or all of one party, or all to the chain."""
        links = sorted(self.cutter.links.values(), key=lambda link: link.name)
        one = chance.choice(links)
        caller, called = ends(one)
        fits: Callable[[Link], bool] = chance.choice(
            [
                lambda link: link is one,
                lambda link: set(ends(link)) == {caller, called},
                lambda link: called in ends(link),
                lambda link: ends(link)[1] == "chain",
            ]
        )
        return [link for link in links if fits(link)]


def ends(link: Link) -> tuple[str, str]:
    """Who calls, and who is called."""
    caller, _, called = link.name.partition(">")
    return caller, called.split()[0]


def between(cutter: Cutter, one: str, other: str) -> list[Link]:
    """All links between two parties, both ways."""
    return [link for link in cutter.links.values() if set(ends(link)) == {one, other}]


def _wait(seconds: float, goes_on: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while goes_on() and time.monotonic() < end:
        time.sleep(0.05)
