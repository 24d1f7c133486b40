"""Every error that hostile or wrong input may cause, with its permanent code and advice.

Two worlds: what the input can cause is a `NodeError`; a programmer's mistake stays an ordinary
exception and is shown outside as `internal`, nothing more. Codes are public and permanent: other
people's software reads them. Each family maps to one gRPC status and one HTTP status in
`node/problems.py`; a new code needs no new mapping, only its line in `ADVICE`.
"""

from __future__ import annotations

from typing import ClassVar

ADVICE: dict[str, tuple[str, str]] = {
    "internal": ("请联系中心运维人员。", "Ask the centre's operator; quote the time."),
    "form": (
        "文件或消息格式不对，请重新导出。",
        "The bytes are malformed; export or send them again.",
    ),
    "signature": ("签名无效，请向签名者索取原件。", "Ask the signer for the original record."),
    "key-unknown": ("密钥未登记，请核对登记册。", "Check the registry: this key is not in force."),
    "box": (
        "密封件与承诺不符，责任在其制作人或持有人。",
        "Ask the box's maker or holder; see the detail.",
    ),
    "box-maker": (
        "密封件本身有误，责任在制作人。",
        "Ask the box's maker: what he committed to does not open.",
    ),
    "box-holder": (
        "份额与承诺不符，责任在该持有人。",
        "Ask the holder named: its share is not the one sealed.",
    ),
    "log": (
        "日志证明不成立，请停止并保全证据。",
        "Stop and keep the evidence: the log does not prove this.",
    ),
    "quorum": (
        "见证签名不足，请检查与伙伴中心的连接。",
        "Check the links to the witnesses, then wait for the next tick.",
    ),
    "quorum-missing": (
        "本节点暂无见证，请改投其他成员中心。",
        "Send the record to another member centre now.",
    ),
    "catching-up": (
        "本节点刚从备份恢复，追上伙伴之前只读：请保留原件，稍后自动重发；运维人员请看 /readyz。",
        "This node was restored and only reads until it has caught up with its partners: keep what "
        "you sent, it is tried again; its operator looks at /readyz.",
    ),
    "backup": (
        "备份不能使用：请换另一份备份，或按提示处理；未作任何改动。",
        "Take another backup, or do as the message says; nothing was changed.",
    ),
    "not-empty": (
        "目标已有内容：请确认后把它移开，再重新执行。",
        "Something is there already: make sure of it, move it aside, and run the command again.",
    ),
    "rule": ("规则不允许，请看所引条文。", "The rule set forbids it; read the article named."),
    "state": ("当前阶段不允许此操作。", "Wait for the stage named, then try again."),
    "too-early": ("未到公开时间。", "Wait until the rules allow disclosure."),
    "not-found": ("没有此对象，请核对编号。", "Check the id."),
    "method": ("此地址不支持该请求方法。", "Use a method that the Allow header names."),
    "forbidden": (
        "无权读取或操作。",
        "You are not entitled to this; ask the keeper of the stream.",
    ),
    "peer-unknown": (
        "证书未在登记册中：请核对证书指纹，并向成员中心提交登记提案。",
        "Compare your certificate's fingerprint with the registry; ask a member to propose you.",
    ),
    "centre-suspended": ("该中心已被暂停。", "Ask the members why your centre was suspended."),
    "limit": ("超出大小或数量限制，请拆分。", "Split it: it is over a limit."),
    "unavailable": (
        "对方暂不可用，系统会自动重试。",
        "It will be tried again; check the partner if this lasts.",
    ),
    "clock": ("时钟不可信，请检查时间源。", "Check the clock source before going on."),
    "config": (
        "配置有误，请按提示修改配置文件。",
        "Correct the configuration file as the message says.",
    ),
    "usage": ("命令用法有误，请看 --help。", "See --help of this command."),
    "unreadable": (
        "文件打不开或不是所需的文件，请检查路径、权限与内容。",
        "Check the path, its permission, and that it is the file you mean.",
    ),
    "chain": (
        "区块链暂不可用，业务可继续，锚定稍后补上。",
        "Go on working: anchors wait and are sent later.",
    ),
    "anchor": (
        "链上锚定与文件不符。",
        "The chain does not hold what the file says; ask the regulator.",
    ),
    "evidence": (
        "证据不成立，请保全文件并联系监管部门。",
        "The evidence does not hold; keep the file and ask the regulator.",
    ),
    "demo": (
        "请查看所述进程的日志，修正后加 --resume 继续。",
        "Look at the log of whom it names, mend it, then go on with --resume.",
    ),
    "store": (
        "存储不可写，请检查数据库与磁盘。",
        "Check the database and its disk: connection, space, permission, health.",
    ),
    "registry": (
        "登记合约拒绝此操作；请用 yuanping centre list 查看成员与表决。",
        "See `yuanping centre list` for members, proposals and votes.",
    ),
    "not-admitted": (
        "等待成员表决：请把描述文件交给一个成员中心提议接纳。",
        "Give descriptor.json to a member centre to propose; this node goes on by itself then.",
    ),
    "disk-full": (
        "磁盘已满：请腾出空间，之后自动恢复，无需重启；未收到确认的内容会重新发送。",
        "The disk is full: make room; it then goes on by itself. What was not answered is not "
        "lost: it is sent again.",
    ),
    "disk-read-only": (
        "磁盘只读（多为磁盘故障）：请停止本程序，检查并修复文件系统，以可写方式挂载后再启动。",
        "The disk is read-only, often because it failed: stop this program, check and repair the "
        "file system, mount it writable, and start again.",
    ),
    "in-use": (
        "另一进程正在使用此数据库，请先停止它。",
        "Stop the process that uses this database, or let it do its work.",
    ),
}
"""Permanent code -> what a person should do next, in Chinese and in English."""


class NodeError(Exception):
    """Base of our errors. `code` is stable and public; `advice` says what to do next.

    `detail` is a sentence for a person; it never holds a secret or another person's data.
    """

    default: ClassVar[str] = "internal"

    def __init__(self, detail: str, *, code: str | None = None, article: str = "") -> None:
        self.code = code or self.default
        self.detail = detail
        self.article = article
        self.advice_zh, self.advice = ADVICE[self.code]
        super().__init__(f"{article}: {detail}" if article else detail)


class InvalidError(NodeError):
    """The input itself is wrong; sending it again cannot help."""

    default = "form"


class SignatureError(InvalidError):
    """A signature or key does not verify."""

    default = "signature"


class BoxError(InvalidError):
    """A box, share or key does not match its commitment."""

    default = "box"


class LogError(InvalidError):
    """A note, proof, tile or checkpoint of a log does not verify."""

    default = "log"


class StateError(NodeError):
    """Right input at the wrong moment; it may be accepted later."""

    default = "state"


class RuleError(StateError):
    """A rule of the record's rule set forbids this; `article` names the rule."""

    default = "rule"


class ForbiddenError(NodeError):
    """The caller is known but not entitled."""

    default = "forbidden"


class PeerError(NodeError):
    """The caller's certificate is not one that the registry names."""

    default = "peer-unknown"


class MissingError(NodeError):
    """There is no such thing here."""

    default = "not-found"


class LimitError(NodeError):
    """Too large or too many."""

    default = "limit"


class UnavailableError(NodeError):
    """Somebody or something we need does not answer now."""

    default = "unavailable"


class ConfigError(NodeError):
    """The configuration or the command line is wrong."""

    default = "config"
