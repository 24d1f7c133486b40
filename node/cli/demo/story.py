"""The demo told in plain words: one sentence a record, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node.cli.language import say

STEPS: Mapping[str, tuple[str, str, str]] = {
    "stream.opened": (
        "founding",
        "建立本项目的记录流，保管人 {b.keeper}",
        "founds the tender's stream, kept by {b.keeper}",
    ),
    "registry.noted": (
        "founding",
        "记下第 {b.height} 块时的成员登记",
        "notes the members as of block {b.height}",
    ),
    "tender.planned": (
        "plan",
        "招标计划：{title}（{origin}）",
        "plans: {title} ({origin})",
    ),
    "committee.planned": (
        "plan",
        "评标委员会组成（{planned}），授标前不对外公开",
        "plans the committee ({planned}), unseen outside until the award",
    ),
    "tender.announced": (
        "announcement",
        "招标公告：截止 {b.deadline}，开标 {b.opening}；密钥份额由 {holders} 持有",
        "announces: deadline {b.deadline}, opening {b.opening}; key shares held by {holders}",
    ),
    "bid.sealed": (
        "sealing",
        "递交一份密封投标，须 {b.box.t} 个份额才能开启",
        "seals a bid that only {b.box.t} shares together can open",
    ),
    "bids.closed": (
        "deadline",
        "截标；投标清单之根 {b.root:.8}… 上链",
        "closes the bids; their root {b.root:.8}… goes on the chain",
    ),
    "bid.unlocked": ("opening", "同意开启投标 {b.bid:.8}", "consents to open bid {b.bid:.8}"),
    "term.expired": ("opening", "期限届满：{term}", "a term is over: {term}"),
    "share.released": ("opening", "公开 {n} 个密钥份额", "shows its {n} key shares"),
    "bid.opened": (
        "opening",
        "唱标：{b.package.name}（{b.package.bidder}），报价 {price}",
        "reads out {b.package.name} ({b.package.bidder}): {price}",
    ),
    "bid.not_opened": ("opening", "一份投标未开启：{b.ground}", "a bid stays closed: {b.ground}"),
    "opening.closed": (
        "opening",
        "开标结束：开启 {b.opened}，未开启 {b.not_opened}",
        "ends the opening: {b.opened} opened, {b.not_opened} not",
    ),
    "draw.requested": (
        "draw",
        "请求第 {b.number} 次专家抽取，面向 {n} 个专家库",
        "requests draw {b.number} from {n} pools",
    ),
    "draw.joined": (
        "draw",
        "先报出全部 {n} 名符合条件者，只有加盐代号",
        "lists all its {n} fit experts beforehand, as salted values only",
    ),
    "draw.seeded": (
        "draw",
        "各方共同产生的链上种子 {b.seed:.8}…",
        "brings the seed {b.seed:.8}… that all members made together",
    ),
    "expert.contacted": (
        "draw",
        "联系专家 {b.person:.8}：{outcome}",
        "called expert {b.person:.8}: {b.outcome}",
    ),
    "draw.picked": ("draw", "按第二种子排定 {n} 人", "orders {n} persons by the second seed"),
    "committee.formed": ("committee", "组成评标委员会：{seats}", "forms the committee: {seats}"),
    "expert.seated": ("seating", "专家 {b.person:.8} 入座", "is seated (expert {b.person:.8})"),
    "undertaking.signed": (
        "undertaking",
        "签署承诺：与投标人均无利害关系",
        "undertakes: no interest in any bidder",
    ),
    "chair.voted": ("chair", "投票推举负责人", "votes for the chair"),
    "chair.elected": ("chair", "{b.seat} 号席当选负责人", "seat {b.seat} is elected chair"),
    "review.checked": ("review", "提出 {n} 项认定交付表决", "puts {n} finding(s) to the vote"),
    "rejection.voted": ("review", "对 {n} 项认定投票", "votes on {n} finding(s)"),
    "scores.submitted": ("scoring", "递交密封的评分表", "submits a sealed score sheet"),
    "sheet.opened": ("scoring", "全部收齐后开启一份评分表", "opens a sheet, now that all are in"),
    "result.consolidated": (
        "result",
        "结果：有效 {n} 家，否决 {rejected} 家",
        "result: {n} valid bids, {rejected} rejected",
    ),
    "report.signed": ("report", "签署评标报告{reason}", "signs the report{reason}"),
    "session.closed": ("report", "评标结束，结果上链", "ends the session; result to the chain"),
    "candidates.published": ("candidates", "公示 {n} 名中标候选人", "publishes {n} candidate(s)"),
    "ranking.published": ("ranking", "公布排名", "publishes the ranking"),
    "award.decided": ("award", "定标：投标 {b.bid:.8}", "awards to bid {b.bid:.8}"),
    "award.noticed": ("award", "中标通知：{b.price}", "notice of award at {b.price}"),
    "draw.disclosed": (
        "disclosure",
        "公开本库 {n} 名入座专家的抽取关联",
        "opens the draw's links of its {n} seated experts",
    ),
    "lot.failed": ("failure", "流标：{b.ground}", "the lot fails: {b.ground}"),
    "pool.published": (
        "pool",
        "公布专家库快照：{b.size} 人",
        "publishes its pool of {b.size} experts",
    ),
    "dispute.raised": (
        "dispute",
        "对第 {b.seq} 位提出异议：{b.article}",
        "disputes place {b.seq}: {b.article}",
    ),
    "record.refused": ("refusal", "拒收一条记录：{b.article}", "refuses a record: {b.article}"),
}
"""Type without version -> phase, and what the record says in Chinese and English."""

COUNTED = ("shares", "pools", "findings", "votes", "ranking", "candidates", "persons")
OUTCOMES = {"accepted": "接受", "declined": "谢绝", "unreachable": "未联系上"}
TERMS = {"unlock": ("解密时段", "the unlock window"), "objection": ("异议期", "objections")}


SHORT = 90
"""Longest text of somebody else's making that is quoted in a sentence."""


def phase_of(kind: str, body: object, *, seated: bool) -> str:
    """The step's phase, in English for machines; `seated`: the committee sits already."""
    if getattr(body, "term", "") == "objection":
        return "publicity"
    if kind == "share.released/v1" and seated:
        return "scoring"
    return STEPS[kind.partition("/")[0]][0]


def sentence(kind: str, body: object) -> str:
    """What this record says, in the reader's language; bodies come from `KINDS`."""
    _, zh, en = STEPS[kind.partition("/")[0]]
    return say(zh, en).format(b=body, **_values(body))


def _values(body: Any) -> dict[str, object]:  # noqa: ANN401 - any kind of body
    reason = getattr(body, "reason", None)
    return {
        "n": _count(body),
        "title": _short(getattr(body, "title", "")),
        "origin": _short(getattr(body, "origin", "")),
        "holders": ", ".join(getattr(body, "holders", ())),
        "term": say(*TERMS.get(getattr(body, "term", ""), ("", ""))),
        "price": getattr(getattr(body, "package", None), "price", None)
        or say("无报价", "no price"),
        "outcome": OUTCOMES.get(getattr(body, "outcome", ""), ""),
        "seats": ", ".join(f"{s.seat}@{s.centre}" for s in getattr(body, "seats", ())),
        "planned": ", ".join(
            f"{stratum.seats} {stratum.specialty}"
            for lot in getattr(body, "committees", ())
            for stratum in lot.strata
        ),
        "rejected": len(getattr(body, "rejected", ())),
        "reason": say(f"，不同意见：{reason}", f", with dissent: {reason}") if reason else "",
    }


def _short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[:SHORT].rstrip()}…"


def _count(body: Any) -> int:  # noqa: ANN401 - any kind of body
    lists = [one.persons for one in getattr(body, "lists", ())]
    lists += [one.order for one in getattr(body, "strata", ()) if hasattr(one, "order")]
    lists += [getattr(body, name, ()) for name in COUNTED]
    return sum(len(one) for one in lists)
