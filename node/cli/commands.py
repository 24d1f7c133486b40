"""The table of all commands. Reading it imports none of them, so `--help` is instant.

To add a command: write `node/cli/<file>.py` with one function whose parameters are typer's, and add
its line here. The function returns 0 (or None) for done and good, 1 for done and bad; it raises a
`NodeError` for the rest (`ConfigError` for wrong use and configuration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One command: where its function is (`module:function`), what it does, a line to copy."""

    target: str
    zh: str
    en: str
    example: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command(
        "node.cli.demo_command:demo",
        "在本机运行三个中心的完整招标，并离线验证证据。",
        "Run a whole tender over three centres on this machine; verify its evidence offline.",
        "yuanping demo --out demo --keep",
    ),
    "node run": Command(
        "api.run:run",
        "运行本中心的节点，直到收到停止信号。",
        "Run this centre's node until it is told to stop.",
        "yuanping node run --config centres/zhuzhou/config.toml",
    ),
    "node fsck": Command(
        "node.cli.node_fsck:fsck",
        "重新计算本节点存储中的一切，指出第一处不一致。",
        "Recompute everything in this node's store; name the first difference.",
        "yuanping node fsck --config centres/zhuzhou/config.toml",
    ),
    "node backup": Command(
        "node.cli.node_backup:backup",
        "备份本节点（可在运行中），写成一个文件。",
        "Back this node up into one file; it may run meanwhile.",
        "yuanping node backup --config /etc/yuanping/config.toml --to /var/backups/yuanping",
    ),
    "node restore": Command(
        "node.cli.node_restore:restore",
        "从备份恢复到空的存储；启动后先只读，追上伙伴再写。",
        "Restore a backup into an empty store; the node reads only until it has caught up.",
        "yuanping node restore --config /etc/yuanping/config.toml --from backup.tar",
    ),
    "node losses": Command(
        "node.cli.node_losses:losses",
        "列出恢复后无人能够给回的内容。",
        "List what nobody could give back after a restore.",
        "yuanping node losses --config /etc/yuanping/config.toml",
    ),
    "node evidence": Command(
        "node.cli.node_evidence:evidence",
        "仅凭本节点的存储为项目制作证据文件，节点与链都可不运行。",
        "Make evidence files from this node's store alone; neither node nor chain need run.",
        "yuanping node evidence --config centres/xian/config.toml --all --out evidence",
    ),
    "node init": Command(
        "node.cli.node_init:init",
        "新建节点：密钥、配置和交给成员中心的描述文件。",
        "Make a new node: keys, configuration, and the descriptor that goes to the members.",
        "yuanping node init --id luoyang --name-zh 洛阳中心 --name-en Luoyang --out luoyang"
        " --network network.json",
    ),
    "node descriptor": Command(
        "node.cli.node_init:descriptor",
        "地址或名称变更后，重新写出描述文件。",
        "Write the descriptor anew after a change of an address or a name.",
        "yuanping node descriptor --config luoyang/config.toml",
    ),
    "centre propose": Command(
        "node.cli.centre:propose",
        "提议接纳、停用、退出或变更一个成员。",
        "Propose to admit, suspend, leave or change a member.",
        "yuanping centre propose admit descriptor.json --as zhuzhou",
    ),
    "centre vote": Command(
        "node.cli.centre:vote",
        "为一项提议投票。",
        "Vote for a proposal.",
        "yuanping centre vote 3f9a0c7be1d24a68 --as shiyan",
    ),
    "centre execute": Command(
        "node.cli.centre:execute",
        "票数足够后执行提议。",
        "Execute a proposal that has its votes.",
        "yuanping centre execute 3f9a0c7be1d24a68 --as zhuzhou",
    ),
    "centre list": Command(
        "node.cli.centre:show",
        "列出成员与待表决的提议。",
        "List the members and the proposals that wait for votes.",
        "yuanping centre list --as zhuzhou",
    ),
    "chain devnet": Command(
        "node.cli.chain_devnet:chain_devnet",
        "运行一条只有一个运营者的开发链。",
        "Serve a development chain that one operator runs.",
        "yuanping chain devnet --dir chain",
    ),
    "replay": Command(
        "node.cli.replay.command:replay",
        "把真实项目或专家打分的赛事逐个通过运行中的网络，并与原结果比较。",
        "Carry real tenders or panels through a running network and compare.",
        "yuanping replay tenders.csv --limit 20 --out replay",
    ),
    "actors crowd": Command(
        "node.cli.replay.crowd:crowd",
        "一次回放中的招标人、投标人和专家的程序。",
        "The programs of the buyers, bidders and experts of a replay.",
        "yuanping actors crowd --dir actors --network network.json --opened opened"
        " --receipts receipts",
    ),
    "actors buyer": Command(
        "node.cli.actors:buyer",
        "招标人的程序：计划、公告、候选人公示、定标。",
        "The buyer's program: plan, announcement, candidates, award.",
        "yuanping actors buyer --dir buyer --door door.sock --tender t.json --trust trust.json",
    ),
    "actors bidders": Command(
        "node.cli.actors:bidders",
        "投标人的程序：密封投标、回执、解密、核对。",
        "The bidders' programs: sealed bids, receipts, consent to the opening, and a last look.",
        "yuanping actors bidders --dir bidders --door door.sock --tender t.json --trust trust.json"
        " --receipts receipts",
    ),
    "actors experts": Command(
        "node.cli.actors:experts",
        "一个中心的专家的程序：入库、应答、入座、评审。",
        "One centre's experts' programs: pool, calls, seats, and what they judge.",
        "yuanping actors experts --dir experts --door door.sock --tender t.json --trust trust.json"
        " --centre zhuzhou --region hunan --count 200",
    ),
    "verify": Command(
        "node.cli.verify:verify",
        "离线验证证据文件与回执。",
        "Verify evidence files and receipts offline.",
        "yuanping verify tender.evidence.json --trust trust.json",
    ),
    "bench": Command(
        "node.cli.bench.command:bench",
        "测量速度，并与同机下限比较。",
        "Measure speed beside the least that any program would have to do.",
        "yuanping bench log.append verify.bundle --json",
    ),
    "version": Command(
        "node.cli.version:version",
        "显示版本。",
        "Show the version.",
        "yuanping version --json",
    ),
}
"""Words of the command -> the command. Two words stand for a command of a group: `node run`."""

GROUPS: Mapping[str, tuple[str, str]] = {
    "node": ("运行和查看本中心节点。", "Run and look at this centre's node."),
    "actors": ("演示中各方的程序。", "The programs of those who act in the demo."),
    "chain": ("开发链与链上登记。", "The development chain and what stands on it."),
    "centre": ("成员中心的登记与表决。", "Registration of member centres, and their votes."),
}
"""First word -> what its commands are about, in Chinese and English."""

HIDDEN: frozenset[str] = frozenset({"actors"})
"""Groups that the main help leaves out: tools of the demo, each with a help of its own."""
