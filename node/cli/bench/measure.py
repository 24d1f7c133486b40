"""How everything is measured: value and floor alternate, the medians are compared, once for all.

A floor is the least work that any program in its place would have to do, on the same machine, in
the same run, with as many cores as the thing that is measured may use. So a ratio travels from one
machine to another where figures do not: 1 is at the floor, 0.5 takes twice as long as it must.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from statistics import median

Work = Callable[[], int]
"""Does something and says how many of it it has done."""
Prepare = Callable[[], Work]
"""Makes ready, outside of the measured time, what one run needs."""
HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Pair:
    """What is measured and its floor; a floor that is a number is a target set elsewhere (1/s)."""

    value: Prepare
    floor: Prepare | float


@dataclass(frozen=True, slots=True)
class Measured:
    """So many a second, run by run: the value's and the floor's beside it."""

    values: tuple[float, ...]
    floors: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median of the values, 1/s."""
        return median(self.values)

    @property
    def floor(self) -> float:
        """The median of the floors, 1/s."""
        return median(self.floors)

    @property
    def ratio(self) -> Decimal:
        """Value to floor in hundredths, cut and not rounded: it never flatters."""
        return Decimal(self.value / self.floor).quantize(HUNDREDTH, ROUND_DOWN)

    def meets(self, goal: str) -> bool:
        """Whether the ratio that is told reaches the goal."""
        return self.ratio >= Decimal(goal)

    @property
    def spread(self) -> Decimal:
        """How far apart the ratios of single runs are: the highest less the lowest."""
        ratios = [value / floor for value, floor in zip(self.values, self.floors, strict=True)]
        return Decimal(max(ratios) - min(ratios)).quantize(HUNDREDTH)


def measure(pair: Pair, runs: int, clock: Callable[[], float]) -> Measured:
    """Run value and floor in turn, `runs` times each; `clock` gives seconds and never goes back."""
    values, floors = [], []
    for _ in range(runs):
        values.append(_rate(pair.value, clock))
        floors.append(pair.floor if isinstance(pair.floor, float) else _rate(pair.floor, clock))
    return Measured(tuple(values), tuple(floors))


def _rate(prepare: Prepare, clock: Callable[[], float]) -> float:
    work = prepare()
    began = clock()
    done = work()
    return done / (clock() - began)
