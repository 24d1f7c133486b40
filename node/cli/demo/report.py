"""The end: evidence fetched, verified offline, and told beside the city's own answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.language import language, say
from node.core.errors import StateError
from node.core.evidence.report import EXPLAINED, NAMES, Verdict
from node.core.evidence.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.cli.output import Output
    from node.core.evidence.trust import Trust
    from node.core.rules.state import TenderState
    from node.services.ports.operator import Operator

READY_S = 30.0
AGAIN_S = 0.2
STATUS = {
    "ok": ("成立", "holds"),
    "failed": ("不成立", "BROKEN"),
    "not_run": ("未检查", "not run"),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How the demo ended: what the evidence for the regulator says, and what the city did."""

    tender: str
    verdict: Verdict
    winner: str | None
    name: str
    price: str | None
    city: str | None
    invented: bool

    @property
    def file(self) -> str:
        """The regulator's evidence, in the demo's folder."""
        return file_of(self.tender, "regulator")

    @property
    def is_verified(self) -> bool:
        """Whether all seven checks hold."""
        return self.verdict.exit_code == 0

    @property
    def is_good(self) -> bool:
        """Whether it is verified and, where a city decided, as the city did."""
        return self.is_verified and (self.invented or self.winner == self.city)

    @property
    def broken(self) -> str:
        """The first broken link, in one line."""
        first = self.verdict.first_broken
        link = first.broken if first else None
        return f"{link.where or '/'} {link.link}: {link.told(language())}" if link else ""


async def anchored(
    operator: Operator, asked: tuple[str, str], trust: Trust
) -> tuple[bytes, Verdict]:
    """The evidence for (stream, reader) and its verdict, once the chain anchors all of it.

    What is not anchored within half a minute is said by the verdict. Raises StateError if there
    is no evidence by then.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + READY_S
    while True:
        try:
            data = await operator.evidence(*asked)
            verdict = await asyncio.to_thread(verify, data, trust)
            if not verdict.remarks or loop.time() > end:
                return data, verdict
        except StateError as error:
            if error.code != "too-early" or loop.time() > end:
                raise
        await asyncio.sleep(AGAIN_S)


def file_of(tender: str, reader: str) -> str:
    """An evidence file's path in the demo's folder: the regulator's has no reader in its name."""
    middle = "" if reader == "regulator" else f".{reader.replace(':', '-')}"
    return f"evidence/{tender}{middle}.evidence.json"


def winner_of(state: TenderState) -> tuple[str | None, str, str | None]:
    """Id, name and price of the winner, as the tender's stream says."""
    if not state.winner:
        return None, "", None
    package = state.opened[state.winner]
    return package.bidder, package.name, package.price


def tell(output: Output, ending: Ending, root: Path, seconds: float) -> None:
    """Tell the end: the checks, what to try next, and the three last lines."""
    lines = [*_checks(ending.verdict), *_next(ending, root), *_last(ending, root)]
    output.end(
        "\n".join(lines),
        tender_id=ending.tender,
        winner=ending.winner,
        price=ending.price,
        city_winner=ending.city,
        verified=ending.is_verified,
        evidence=ending.file,
        trust="trust.json",
        seconds=round(seconds, 1),
    )


def _checks(verdict: Verdict) -> Iterator[str]:
    yield ""
    yield say("离线验证的七项检查：", "The seven checks, offline:")
    for result in verdict.results:
        yield f"  {result.number} {NAMES[result.number]:<13}{say(*STATUS[result.status])}"
        yield f"      {say(*EXPLAINED[result.number])}"
    trust = verdict.facts["trust"] or {}
    yield say(
        f"可防主办中心与 {trust.get('n')} 个伙伴中的 {trust.get('f')} 个联手作假。"
        "但链只有一个运营者，时钟是测试时钟：这是演示，不是真实评标。",
        f"This holds against the host and {trust.get('f')} of its {trust.get('n')} partners. But "
        "the chain has one operator and the clock is a test's: a demonstration, nothing more.",
    )


def _program() -> str:
    """How the reader called us, so that what is shown can be copied."""
    called = sys.argv[0]
    if Path(called).name != "yuanping" or shutil.which("yuanping") == called:
        return "yuanping"
    return called


def _next(ending: Ending, root: Path) -> Iterator[str]:
    near = Path(os.path.relpath(root)) if root.is_relative_to(Path.cwd()) else root
    file, trust = near / ending.file, near / "trust.json"
    public = near / file_of(ending.tender, "public")
    yield ""
    yield say("接下来可以试：", "What to try next:")
    yield f"  {_program()} verify {file} --trust {trust} --explain"
    yield f"  {_program()} verify {public} --trust {trust}"
    yield say(
        "  改动文件中任意一个字节，再验证一次：必定失败，并指出断在哪里",
        "  change any one byte of the file and verify again: it fails and says where",
    )
    yield say(
        "  加 --keep 再运行，然后 curl network.json 中任一 http 地址",
        "  run again with --keep, then curl any http address of network.json",
    )
    yield ""


def _last(ending: Ending, root: Path) -> Iterator[str]:
    """The three lines that programs may rely on (interfaces I1)."""
    yield " ".join(("WINNER", ending.winner or "-", ending.name or "-", ending.price or "-"))
    yield f"CITY {ending.city or '-'}"
    yield (
        f"VERIFIED {root / ending.file}" if ending.is_verified else f"NOT VERIFIED {ending.broken}"
    )
