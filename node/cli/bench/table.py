"""The results for a person: one aligned line each, Chinese or English as the reader has it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from node.cli.language import say

if TYPE_CHECKING:
    from node.cli.bench.benches import Bench
    from node.cli.bench.measure import Measured
    from node.cli.output import Output

WIDTHS = (18, 12, 12, 8, 8, 8, 8)


def heading() -> str:
    """The names of the columns."""
    columns = (
        ("项目", "bench"),
        ("每秒", "per second"),
        ("下限", "floor"),
        ("比值", "ratio"),
        ("目标", "goal"),
        ("离散", "spread"),
        ("结论", "result"),
        ("下限是什么", "what the floor is"),
    )
    return _line([say(zh, en) for zh, en in columns])


def row(output: Output, name: str, one: Bench, found: Measured) -> str:
    """One result."""
    good = found.meets(one.goal)
    word = say("达到", "met") if good else say("未达到", "MISSED")
    numbers = (_number(found.value), _number(found.floor), found.ratio, one.goal, found.spread)
    cells = _line([name, *map(str, numbers), word])
    painted = output.paint(word, "good" if good else "bad")
    return f"{cells.replace(word, painted)}  {one.floor}"


def closing(output: Output, missed: Sequence[str], left_out: Sequence[str]) -> str:
    """The last line: what was missed, what was left out."""
    if missed:
        told = output.paint(say("未达到目标", "goals missed"), "bad")
        told = f"{told}: {', '.join(missed)}"
    else:
        told = output.paint(say("全部达到目标", "all goals met"), "good")
    aside = f"; {say('未测', 'left out')}: {', '.join(left_out)}" if left_out else ""
    return told + aside


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.2f}"


def _line(cells: Sequence[str]) -> str:
    widths = (*WIDTHS, 0)
    return "  ".join(
        cell + " " * (width - _columns(cell)) for cell, width in zip(cells, widths, strict=False)
    )


def _columns(text: str) -> int:
    """How wide a text stands in a terminal: Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
