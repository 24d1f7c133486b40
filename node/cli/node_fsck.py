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
    "rows": ("行与行的对应", "rows that belong together"),
    "streams": ("记录与位置", "records and places"),
    "logs": ("日志与检查点", "logs and checkpoints"),
    "leaves": ("本方日志的每一项", "every leaf of our log"),
    "quorums": ("见证签名", "cosignatures"),
    "witnessed": ("本方见证", "what we cosigned"),
    "indexes": ("位置在日志中", "places in their logs"),
    "boxes": ("密封文件", "sealed boxes"),
    "facts": ("私有事实", "private facts"),
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
    from node.services.standing import mark_of
    from node.settings import read_settings

    output = Output(as_json=json)

    def told(part: str, done: int, whole: int) -> None:
        output.progress(f"{part}  {done}/{whole}")

    with checking(read_settings(config), told) as check:
        found = [_tell(output, finding) for finding in check.run()]
        is_old = mark_of(check.store) is not None
    bad = [one for one in found if one.status == "failed"]
    good = say("存储完好", "the store is as it must be")
    output.end(
        f"{say('存储与记录不符', 'the store DIFFERS')}. {_advice(is_old=is_old)}" if bad else good,
        ok=not bad,
        advice=_advice(is_old=is_old) if bad else "",
        checked=sum(one.checked for one in found),
        not_run=[one.part for one in found if one.status == "not_run"],
    )
    return 1 if bad else 0


def _advice(*, is_old: bool) -> str:
    """What to do about a difference."""
    if is_old:
        return say(
            "此存储刚由备份恢复、尚未追上：差异属正常。请启动节点，待 /readyz 就绪后再核对。",
            "This store was restored and has not caught up yet: a difference is normal. Start the "
            "node, and check again once /readyz says ready.",
        )
    return say(
        "请先停止节点，完整保存数据库与文件（勿修改），再查磁盘与近期操作；"
        "由最近的完好备份恢复（见 deploy/docs/backup.md）。无法解释的差异请报告监管部门。",
        "Stop the node and keep database and files as they are; look at the disk and at what was "
        "done to them; restore the newest good backup (deploy/docs/backup.md). Tell the regulator "
        "of a difference that nobody can explain.",
    )


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
    detail = finding.detail
    if finding.status == "not_run":
        detail = say("链没有应答，不知道成员", detail)
    where = "  ".join(text for text in (finding.where, detail) if text)
    return f"{say(*NAMES[finding.part])}  {finding.checked}  {shown}  {where}".rstrip()
