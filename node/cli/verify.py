"""`yuanping verify`: judge evidence files and receipts offline, under the reader's own policy.

Exit codes (interfaces I4): 0 all proven, 1 something disproved, 2 something unreadable; of many
files the highest. What is unreadable ends as an error (I0), after all other files were judged: for
a person one line on stderr. Nothing here decides: `node.core.evidence` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.language import language, say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError, NodeError
from node.core.evidence.bundle import MAX_BYTES
from node.core.evidence.report import EXPLAINED, NAMES, Verdict
from node.core.evidence.standing import compared
from node.core.evidence.trust import Trust, parse_trust
from node.core.evidence.verify import unreadable
from node.core.evidence.verify import verify as judge
from node.core.rules.audience import reader_class

WORDS = {
    "proven": ("已证明", "PROVEN"),
    "disproved": ("不成立", "DISPROVED"),
    "ok": ("通过", "ok"),
    "failed": ("不成立", "FAILED"),
    "not_run": ("未检查", "not run"),
    "form": ("格式", "form"),
    "signatures": ("签名", "signatures"),
    "streams": ("流", "streams"),
    "cosignatures": ("见证", "cosignatures"),
    "anchors": ("锚定", "anchors"),
    "rules": ("规则", "rules"),
    "result": ("结果", "result"),
}
"""Words of the verdict for a person, in Chinese and English."""

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help=say("证据文件或回执", "Evidence files or receipts.")),
]
TrustOption = Annotated[
    str, typer.Option("--trust", help=say("信任策略文件", "The policy: whom you trust."))
]
ReaderOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help=say(
            "以谁的身份查看：public、bidder:<密钥>、centre:<编号>、regulator",
            "Who looks: public, bidder:<key id>, centre:<id> or regulator.",
        ),
    ),
]
ExplainOption = Annotated[
    bool,
    typer.Option("--explain", help=say("说明每项检查证明什么", "Say what each check proves.")),
]


def verify(
    files: Files,
    trust: TrustOption,
    reader: ReaderOption = None,
    json: JsonOption = False,
    explain: ExplainOption = False,
) -> int:
    """Judge every file; gives the highest exit code. Raises ConfigError for what is unreadable."""
    output = Output(as_json=json)
    policy = _policy(trust)
    _check_reader(reader)
    counts = {"proven": 0, "disproved": 0, "unreadable": 0}
    unread = []
    for file, verdict in _judged(files, policy, reader):
        counts[verdict.word] += 1
        if verdict.word == "unreadable":
            unread.append(f"{file}: {_found(verdict)}")
        _tell(output, file, verdict, explain=explain)
    if unread:
        raise ConfigError("; ".join(unread), code="unreadable")
    output.end(files=len(files), **counts)
    return 1 if counts["disproved"] else 0


def _judged(files: list[str], policy: Trust, reader: str | None) -> Iterator[tuple[str, Verdict]]:
    """Verdicts in the files' order; from the first receipt on they wait for the last file.

    A receipt is compared with all evidence of its tender, wherever that stands among the files.
    """
    evidence: dict[str, Verdict] = {}
    waiting: list[tuple[str, Verdict]] = []
    for file in files:
        verdict = _judge(file, policy, reader)
        _check_known(file, verdict)
        if verdict.kind == "evidence":
            evidence[file] = verdict
        if waiting or verdict.kind == "receipt":
            waiting.append((file, verdict))
        else:
            yield file, verdict
    yield from ((file, compared(verdict, evidence)) for file, verdict in waiting)


def _policy(path: str) -> Trust:
    """The policy; what cannot be read at all is wrong use, what is wrong in it is not."""
    try:
        return parse_trust(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"policy {path}: {error.strerror}", code="unreadable") from None
    except NodeError as error:
        if error.code == "unreadable":
            raise ConfigError(error.detail, code="unreadable") from None
        raise


def _check_reader(reader: str | None) -> None:
    if reader is not None:
        try:
            reader_class(reader, "")
        except NodeError as error:
            raise ConfigError(f"--as: {error.detail}", code="usage") from None


def _check_known(file: str, verdict: Verdict) -> None:
    """To ask for a reader there is not is our user's mistake, not a fault of the file."""
    first = verdict.first_broken
    broken = first.broken if first else None
    if broken is not None and broken.link == "reader-unknown":
        raise ConfigError(f"--as: {file}: {broken.told(language())}", code="usage")


def _judge(file: str, policy: Trust, reader: str | None) -> Verdict:
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return unreadable(error.strerror or "cannot be opened")
    return judge(data, policy, reader)


def _found(verdict: Verdict) -> str:
    """What exactly the first broken link found."""
    first = verdict.first_broken
    return str(first.broken) if first else ""


def _tell(output: Output, file: str, verdict: Verdict, *, explain: bool) -> None:
    document = verdict.document(language())
    if output.as_json:
        output.event("verdict", file=file, **document)
        return
    if verdict.word == "unreadable":
        return  # told on stderr, with all others of its kind
    lines = [f"{output.paint(_word(verdict.word), _style(verdict))}  {file}"]
    for check in document["checks"]:
        name = f"{check['n']} {_word(NAMES[check['n']])}"
        lines.append(f"  {name:<16}{_word(check['status'])}")
        if explain:
            lines.append(f"      {say(*EXPLAINED[check['n']])}")
    output.event("verdict", "\n".join([*lines, *_broken(document), *_facts(document)]))


def _word(name: str) -> str:
    return say(*WORDS[name])


def _style(verdict: Verdict) -> str:
    return "good" if verdict.exit_code == 0 else "bad"


def _broken(document: dict[str, Any]) -> list[str]:
    first = document["first_broken"]
    if first is None:
        return []
    label = say("第一处不成立", "first broken link")
    return [f"  {label}: {first['where'] or '/'} {first['code']}: {first['detail']}"]


def _facts(document: dict[str, Any]) -> list[str]:
    """What a person wants to know beside the checks."""
    beside = ", ".join(document.get("compared", []))
    lines = [f"  {say('与之比对', 'compared with')}: {beside}"] if beside else []
    result, trust = document["result"], document["trust"]
    if result is not None:
        told = " ".join(str(value) for value in result.values() if isinstance(value, str))
        lines.append(f"  {say('结果', 'result')}: {told}")
        rows = result.get("ranking", ())
        lines += [f"    {row['rank']} {row['bidder']} {row['total']}" for row in rows]
    if document["as_of"] is not None:
        lines.append(f"  {say('截至', 'as of')}: {document['as_of']}")
    if trust is not None and trust["n"] is not None:
        text = say(
            f"可防主办中心与 {trust['n']} 个伙伴中的 {trust['f']} 个；链 {trust['chain']} 运营者 "
            f"{trust['operators']}；时钟 {trust['clock']}",
            f"holds against the host and {trust['f']} of {trust['n']} partners; chain "
            f"{trust['chain']} with {trust['operators']} operator(s); clock {trust['clock']}",
        )
        lines.append(f"  {text}")
    if document["draws"]:
        draws, void = document["draws"], document["void_rounds"]
        zh, en = f"抽取 {draws} 次，作废随机轮 {void} 个", f"draws: {draws}; void rounds: {void}"
        lines.append(f"  {say(zh, en)}")
    unseen = ", ".join(f"{one['type']} x{one['count']}" for one in document["unseen"])
    if unseen:
        lines.append(f"  {say('未见正文、未作判断', 'not seen and not judged')}: {unseen}")
    return lines + [f"  {remark['where']}: {remark['detail']}" for remark in document["remarks"]]
