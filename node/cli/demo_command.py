"""`yuanping demo`: a whole tender over three centres on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output


def demo(
    centres: Annotated[
        int | None,
        typer.Option(help=say("中心数量（默认 3）", "How many centres (3).")),
    ] = None,
    tender: Annotated[
        str | None,
        typer.Option(help=say("标段编号", "Which tender of deploy/three-centres.")),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(help=say("规则集：jp-tsuchiura 或 cn-bidding", "jp-tsuchiura or cn-bidding.")),
    ] = None,
    out: Annotated[
        Path, typer.Option(help=say("输出文件夹", "Folder for all that is made."))
    ] = Path("yuanping-demo"),
    keep: Annotated[
        bool, typer.Option("--keep", help=say("结束后保持运行", "Leave the network running."))
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help=say("继续中断的演示", "Go on with a demo cut off."))
    ] = False,
    json: JsonOption = False,
) -> int:
    """Run it; 0 only if the evidence verifies and the winner is the city's own."""
    from node.cli.demo.run import Wanted, run_demo

    wanted = Wanted(centres=centres, tender=tender, rules=rules, keep=keep, resume=resume)
    return run_demo(out, wanted, Output(as_json=json))
