"""`yuanping node fsck`: recompute everything in a node's store and name the first difference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output

if TYPE_CHECKING:
    from node.services.fsck import Finding

NAMES = {
    "streams": ("记录与位置", "records and places"),
    "logs": ("日志与检查点", "logs and checkpoints"),
    "quorums": ("见证签名", "cosignatures"),
    "indexes": ("位置在日志中", "places in their logs"),
    "boxes": ("密封文件", "sealed boxes"),
    "endorsements": ("背书", "endorsements"),
    "anchors": ("链上存证", "anchors"),
}
WORDS = {
    "ok": ("一致", "ok"),
    "failed": ("不一致", "DIFFERS"),
    "not_run": ("未核对", "not checked"),
}


def fsck(
    config: Annotated[Path, typer.Option(help=say("配置文件", "The configuration file."))] = Path(
        "config.toml"
    ),
    json: JsonOption = False,
) -> int:
    """Check a node's store; 0 if all that could be compared is as it must be, 1 if not."""
    from node.cli.checking import checking
    from node.settings import read_settings

    output = Output(as_json=json)

    def told(part: str, done: int, whole: int) -> None:
        output.progress(f"{part}  {done}/{whole}")

    with checking(read_settings(config), told) as check:
        found = [_tell(output, finding) for finding in check.run()]
    bad = [one for one in found if one.status == "failed"]
    good = say("存储完好", "the store is as it must be")
    output.end(
        say("存储与记录不符", "the store DIFFERS") if bad else good,
        ok=not bad,
        checked=sum(one.checked for one in found),
        not_run=[one.part for one in found if one.status == "not_run"],
    )
    return 1 if bad else 0


def _tell(output: Output, finding: Finding) -> Finding:
    output.event(
        "check",
        _line(output, finding),
        part=finding.part,
        status=finding.status,
        checked=finding.checked,
        where=finding.where,
        detail=finding.detail,
    )
    return finding


def _line(output: Output, finding: Finding) -> str:
    style = {"ok": "good", "failed": "bad"}.get(finding.status)
    word = say(*WORDS[finding.status])
    shown = output.paint(word, style) if style else word
    where = "  ".join(text for text in (finding.where, finding.detail) if text)
    return f"{say(*NAMES[finding.part])}  {finding.checked}  {shown}  {where}".rstrip()
