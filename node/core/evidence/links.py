"""Broken links: the codes of all that can be wrong with evidence, each in words for a regulator.

Source: protocol.md 8. A code is stable and public; its sentence says what the finding means, in
Chinese and in English; the detail (English) says what exactly was found.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from node.core.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["zh", "en"]

SENTENCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # 1 form
        "unreadable": ("文件不是证据文件或无法读取", "the file is not evidence, or cannot be read"),
        "form": ("文件格式不符，内容可能被改动", "the file is not in the exact form of evidence"),
        "reader": ("文件的读者身份不成立", "the reader that the file names cannot be"),
        "reader-unknown": ("没有这样的读者", "there is no such reader of this file"),
        "order": ("流的名称或次序不符", "a stream's name or order in the file is wrong"),
        "environment": ("时钟或网络与首条记录不符", "clock or network are not those of the stream"),
        "tender": ("项目编号与计划记录不符", "the tender's id is not that of its plan"),
        "withheld": (
            "应向该读者公开的内容被隐去",
            "something this reader may see is withheld",
        ),
        "disclosed": (
            "包含该读者无权看到的内容",
            "something this reader may not see is shown",
        ),
        # 2 signatures
        "signature": ("签名无效", "a signature does not verify with the key in force"),
        "key": ("签名者的密钥未生效", "the signer has no key in force at this place"),
        "registry-missing": ("第1位应为登记册记录", "place 1 is not the note of the registry"),
        "body": ("正文与签名的摘要不符", "a body is not the one that was signed"),
        # 3 streams
        "place-missing": ("流中缺少或多出一位", "a place of the stream is missing or out of order"),
        "place-chain": ("与前一位的链接断开", "a place does not continue the one before it"),
        "place-record": ("位置登记的不是这条记录", "the place was given to another record"),
        "inclusion": ("记录不在日志中", "a place is not proven to be in the log"),
        "checkpoint": ("检查点次序或归属不符", "a checkpoint is out of order or not the first one"),
        "consistency": ("日志前后不一致", "the log does not continue its earlier checkpoint"),
        "log-end": ("同一日志的末尾不同", "streams of one log end in different checkpoints"),
        "seen": ("作者声明所见的位置不存在", "an author claims to have seen what is not there"),
        "stream-missing": (
            "缺少参与方或专家库的流",
            "a participant's or pool's stream is missing",
        ),
        "stream-unneeded": ("包含不需要的流", "a stream of nobody who takes part is in the file"),
        "endorsement": (
            "参与方没有确认到最后一位",
            "somebody has not endorsed the last place",
        ),
        "endorsement-differs": ("参与方确认的是另一内容", "a participant endorsed another entry"),
        "disputed": ("参与方提出了异议", "a participant disputes the host's stream"),
        "lodged-lost": ("参与方提交的记录被丢弃", "a record that a participant lodged was lost"),
        "not-lodged": ("参与方的记录未经其日志", "a participant's record is not in its own log"),
        "receipt-missing": (
            "同一项目的证据中没有回执所证的记录",
            "the evidence of the same tender has no place for this receipt's record",
        ),
        "receipt-differs": (
            "同一项目的证据中此记录的位置或时间与回执不同",
            "the evidence of the same tender gives this receipt's record another place or time",
        ),
        "receipt-log": (
            "回执出自另一方的日志，不是保存该项目的日志",
            "the receipt is of another log than that which keeps the tender's stream",
        ),
        # 4 cosignatures
        "log-unknown": ("信任策略中没有此日志", "the policy does not know this log"),
        "cosignature": ("检查点见证不足或无效", "a checkpoint lacks the quorum of witnesses"),
        "ruleset-unknown": ("本软件没有该规则集", "this software does not have the rule set"),
        "late": ("记录的存在时间晚于期限", "a record did not exist in time"),
        "clock": ("主办方时间与见证时间相差过大", "the host's clock differs from the witnesses'"),
        "snapshot": (
            "专家库快照不是截止前最新的",
            "not the pool's last snapshot in time",
        ),
        # 5 anchors
        "network": ("不是所信任的网络", "this is not the network that is trusted"),
        "chain-kind": ("策略中的链不能证明此文件", "the policy's chain cannot prove this file"),
        "one-operator": ("策略不接受单一运营者的链", "the policy refuses a chain of one operator"),
        "test-clock": ("策略不接受测试时钟", "the policy refuses a test clock"),
        "ruleset": ("策略不接受此规则集", "the policy does not accept the rule set"),
        "beacon": ("策略不接受此随机信标", "the policy does not accept the beacon"),
        "registry": ("登记册与链上不符", "the registry is not the one on the chain"),
        "pinned": ("成员密钥与信任策略不符", "a member's keys are not those that are trusted"),
        "chain-note": ("链上证明无效", "a proof from the chain is not valid"),
        "chain-slots": (
            "链上证明的内容多于或少于所需",
            "the chain's proof shows less or more",
        ),
        "anchor": ("链上锚定值与记录不符", "the chain holds another value than the records"),
        "round": ("随机轮次与链上不符", "a beacon round is not the one on the chain"),
        "round-early": ("随机轮次开启过早", "a beacon round was opened too early"),
        # 6 rules
        "rule": ("违反规则", "a record breaks a rule"),
        # 7 result
        "draw": ("抽取结果与重新计算不符", "the draw is not the one that is recomputed"),
        "result": ("评审结果与重新计算不符", "the result is not the one that is recomputed"),
        "award": ("中标结果与重新计算不符", "the award is not the one that is recomputed"),
        # any
        "internal": ("验证程序自身出错，不作证明", "the verifier itself failed; nothing is proven"),
    }
)
"""Code of a broken link -> what it means, in Chinese and English."""

REMARKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "anchor-missing": ("链上尚无此锚定", "this was not anchored on the chain"),
        "anchor-late": ("链上锚定晚于应有时间", "this was anchored later than it should have been"),
    }
)
"""What the verdict says without holding it against the evidence."""


class LinkError(InvalidError):
    """One thing that is wrong: where (JSON pointer into the file), its code, what was found."""

    default = "evidence"

    def __init__(self, link: str, where: str, found: str, *, article: str = "") -> None:
        if link not in SENTENCES:
            raise AssertionError(f"no sentence for {link}")
        super().__init__(found, article=article)
        self.link, self.where = link, where

    def told(self, language: Language) -> str:
        """The sentence for a regulator, with what was found in brackets."""
        sentence = SENTENCES[self.link][0 if language == "zh" else 1]
        return f"{sentence}（{self}）" if language == "zh" else f"{sentence} ({self})"
