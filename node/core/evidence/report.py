"""The verdict: what was checked, the first broken link, and what it holds against whom.

Source: protocol.md 8, interfaces.md I4. Codes are stable; sentences are in the reader's language.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from node.core.evidence.links import REMARKS, Language
from node.core.records.canonical import time_of
from node.core.rules.audience import Level
from node.core.rules.award import OVER
from node.core.rules.state import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from node.core.evidence.case import Case, Remark
    from node.core.evidence.links import LinkError
    from node.core.evidence.standing import Claim, Standing
    from node.core.rules.state import TenderState

FORMAT: Final = "yuanping-verdict/v1"
NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "form",
        2: "signatures",
        3: "streams",
        4: "cosignatures",
        5: "anchors",
        6: "rules",
        7: "result",
    }
)
"""Number of a check -> its name."""

EXPLAINED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        1: (
            "格式：文件逐字节符合规定形式，给该读者的内容不多也不少。",
            "Form: the file is exactly in its form and shows this reader neither less nor more.",
        ),
        2: (
            "签名：每条记录由当时有效的密钥签署，正文未被改动。证明是谁说的。",
            "Signatures: each record by the key then in force, no body changed: who said it.",
        ),
        3: (
            "流：记录首尾相接、在日志中、各参与方已确认，提交的没有丢失。可防主办中心单独作假。",
            "Streams: linked, in the log, endorsed by all participants, nothing lodged and lost. "
            "Holds against a host that lies alone.",
        ),
        4: (
            "见证：检查点有足够的伙伴联署，可知记录何时已存在。可防主办中心与至多 f 个伙伴串通。",
            "Cosignatures: a quorum of partners for each checkpoint; so when things existed. "
            "Holds against the host and at most f partners.",
        ),
        5: (
            "锚定：截止时间、投标根、结果、登记册与随机轮次和链上一致。可防所有中心，但须信任链的运营者。",
            "Anchors: deadline, bids, result, registry and beacon as on the chain. Holds against "
            "the members, if the chain's operators are honest.",
        ),
        6: (
            "规则：从第一条到最后一条逐条按规则集判断。",
            "Rules: every record judged by the rule set, from the first to the last.",
        ),
        7: (
            "结果：抽取、评分、排序与中标用另一套代码重新计算，结果相同。",
            "Result: draw, scores, ranking and award computed again by other code: the same.",
        ),
    }
)
"""Number of a check -> what it proves and against whom, in Chinese and English."""

Status = Literal["ok", "failed", "not_run"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: whether it holds, and the link that is broken if not."""

    number: int
    status: Status
    broken: LinkError | None = None

    def document(self, language: Language) -> dict[str, Any]:
        """Its member of the verdict's `checks`."""
        detail = self.broken.told(language) if self.broken else ""
        return {
            "n": self.number,
            "name": NAMES[self.number],
            "status": self.status,
            "detail": detail,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one file. `facts` are the members that come from its content.

    `says` is what may be compared with other files, if this one is proven (`standing.compared`).
    """

    kind: Literal["evidence", "receipt"]
    results: tuple[CheckResult, ...]
    facts: Mapping[str, Any]
    remarks: tuple[Remark, ...] = ()
    says: Claim | Standing | None = None

    @property
    def first_broken(self) -> CheckResult | None:
        """The first check that failed."""
        return next((result for result in self.results if result.status == "failed"), None)

    @property
    def word(self) -> Literal["proven", "disproved", "unreadable"]:
        """`proven` only if nothing failed and something was checked."""
        broken = self.first_broken
        if broken is None:
            return "proven"
        unread = broken.broken is not None and broken.broken.link == "unreadable"
        return "unreadable" if unread else "disproved"

    @property
    def exit_code(self) -> int:
        """0 proven, 1 disproved, 2 unreadable."""
        return {"proven": 0, "disproved": 1, "unreadable": 2}[self.word]

    def document(self, language: Language) -> dict[str, Any]:
        """The members of the `verdict` event but `event` and `file` (interfaces I4)."""
        broken = self.first_broken
        link = broken.broken if broken else None
        first = link and {
            "check": broken.number if broken else 0,
            "where": link.where,
            "code": link.link,
            "detail": link.told(language),
        }
        return {
            "format": FORMAT,
            "kind": self.kind,
            "verdict": self.word,
            **self.facts,
            "checks": [result.document(language) for result in self.results],
            "first_broken": first,
            "remarks": [_remark(remark, language) for remark in self.remarks],
        }


def _remark(remark: Remark, language: Language) -> dict[str, str]:
    sentence = REMARKS[remark.code][0 if language == "zh" else 1]
    detail = f"{sentence} ({remark.found})"
    return {"where": remark.where, "code": remark.code, "detail": detail}


def unknown_facts() -> dict[str, Any]:
    """The members of a verdict on a file that could not be read."""
    return {
        "tender_id": None,
        "as_of": None,
        "closed": False,
        "result": None,
        "unseen": [],
        "draws": 0,
        "void_rounds": 0,
        "trust": None,
        "counts": {"places": 0, "headers": 0, "bodies": 0, "anchors": 0},
    }


def facts_of(case: Case) -> dict[str, Any]:
    """The members of a verdict that come from a file's content, whether it holds or not."""
    form = case.evidence.form
    places = [place for stream in case.evidence.streams for place in stream.places]
    headers = sum(place.level >= Level.HEADER for place in places)
    bodies = sum(place.level >= Level.ALL for place in places)
    counts = {
        "places": len(places),
        "headers": headers,
        "bodies": bodies,
        "anchors": len(form.anchors),
    }
    return {
        "tender_id": form.tender,
        "as_of": time_of(case.host.places[-1].received),
        "closed": case.state is not None and case.state.phase in OVER,
        "result": _result(case),
        "unseen": _unseen([(place.kind, place.level) for place in places]),
        "draws": sum(1 for _ in case.of_type("draw.requested/v1")),
        "void_rounds": case.void_rounds,
        "trust": _trust(case),
        "counts": counts,
    }


def _unseen(places: Sequence[tuple[str, Level]]) -> list[dict[str, str | int]]:
    """What was seen as place or header only, and therefore not judged by its content."""
    counted = Counter(kind or "unknown" for kind, level in places if level is not Level.ALL)
    return [{"type": kind, "count": count} for kind, count in sorted(counted.items())]


def _result(case: Case) -> dict[str, Any] | None:
    """The result that the fold arrived at; None if it did not. A ranking where that is all."""
    state = case.state
    if state is None:
        return None
    outcome, winner, price = "open", None, None
    if state.phase is Phase.FAILED:
        outcome = "failed"
    elif state.result is not None:
        outcome = state.result.outcome
        package = state.opened[state.result.winner] if state.result.winner else None
        winner, price = (package.bidder, package.price) if package else (None, None)
    told = {"outcome": outcome, "winner": winner, "price": price}
    return told | {"ranking": ranking_of(state)} if outcome == "ranked" else told


def ranking_of(state: TenderState) -> list[dict[str, str | int | None]]:
    """The ranking by quality alone, best first: bidder, points of the seats' marks, total, rank."""
    return [
        {
            "bidder": state.opened[row.bid].bidder,
            "components": row.quality,
            "total": row.total,
            "rank": row.rank,
        }
        for row in (state.result.ranking if state.result else ())
    ]


def _trust(case: Case) -> dict[str, Any]:
    """Against whom it holds: the host and f of n partners; who runs the chain; which clock."""
    origin = next(
        (c.descriptor.origin for c in case.evidence.form.registry if c.id == case.host.keeper), ""
    )
    eras = case.trust.eras.get(origin)
    chain = case.trust.form.chain
    validators = chain.validators or ()
    return {
        "n": len(eras[-1].quorum.witnesses) if eras else None,
        "q": eras[-1].quorum.q if eras else None,
        "f": eras[-1].f if eras else None,
        "chain": chain.kind,
        "operators": 1 if chain.operator else len(validators),
        "clock": case.evidence.form.environment.clock,
    }
