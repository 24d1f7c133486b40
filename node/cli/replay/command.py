"""`yuanping replay`: every tender of a CSV through a running network (interfaces I3)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output

JOBS, TOGETHER = 256, 96
"""Tenders at once, and in a group that closes on one day: the fastest of those tried."""


def replay(
    csv: Annotated[
        Path, typer.Argument(help=say("项目或专家打分文件", "The file of tenders or panels."))
    ],
    network: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "通过已在运行的网络（其 network.json），而不另建",
                "Go through this running network instead of one of our own.",
            )
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help=say("只运行前若干个", "Only the first so many."), min=1)
    ] = None,
    jobs: Annotated[
        int, typer.Option(help=say("同时进行的项目数", "How many at once."), min=1, max=512)
    ] = JOBS,
    together: Annotated[
        int,
        typer.Option(
            help=say(
                "至少多少个项目同日截止（1：各按原日期）",
                "Close in groups of so many; 1: own dates.",
            ),
            min=1,
        ),
    ] = TOGETHER,
    out: Annotated[
        Path, typer.Option(help=say("输出文件夹", "Folder for all that is made."))
    ] = Path("yuanping-replay"),
    resume: Annotated[
        bool, typer.Option("--resume", help=say("继续中断的运行", "Go on with one cut off."))
    ] = False,
    json: JsonOption = False,
) -> int:
    """Carry real tenders or panels; 0 only if each is verified and none disagrees."""
    from node.cli.replay.run import Wanted, run_replay

    return run_replay(
        Wanted(csv, network, limit, jobs, together, out, resume), Output(as_json=json)
    )
