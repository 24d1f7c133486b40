"""What our partners' clocks say of ours: each cosignature brings the time at its witness.

Who writes: the collector of cosignatures. What an attacker gains: one partner with a wrong clock
nothing, for the majority judges, ourselves among them; most partners together could keep our node
from taking records, which they can do by not cosigning as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node.core.errors import UnavailableError
from node.core.rules.ruleset import builtin_rulesets


def grace_s() -> int:
    """G of protocol.md section 3, seconds: the smallest of all our rule sets, for all our log."""
    return min(rules.clock.g_seconds.value for rules in builtin_rulesets().values())


@dataclass(slots=True)
class Timekeeping:
    """Partner -> its clock minus ours, seconds, at its last cosignature.

    `grace_s` is G of protocol.md section 3: clocks further apart than that do not agree.
    """

    grace_s: int
    offsets: dict[str, int] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        """How far the majority's clock is ahead of ours (negative: behind), by the median.

        Ourselves included; between two that differ ours is believed. Seconds.
        """
        found = sorted([0, *self.offsets.values()])
        low, high = found[(len(found) - 1) // 2], found[len(found) // 2]
        return min(low, high, key=abs)

    @property
    def is_off(self) -> bool:
        """Whether the majority says that our clock is wrong."""
        return abs(self.offset) > self.grace_s

    @property
    def strays(self) -> dict[str, int]:
        """The partners whose clocks do not agree with ours."""
        return {name: by for name, by in self.offsets.items() if abs(by) > self.grace_s}

    def check(self) -> None:
        """Raise UnavailableError (`clock`) if our clock is wrong: no time we give counts."""
        if self.is_off:
            raise UnavailableError(self.told[1], code="clock")

    @property
    def told(self) -> tuple[str, str]:
        """What the operator must know, in Chinese and English: whose clock is off, by how much."""
        if self.is_off:
            by, late = abs(self.offset), self.offset > 0
            return (
                f"本节点时钟比多数成员{'慢' if late else '快'} {by} 秒，暂不接收本中心项目的记录；"
                "请用时间同步（chronyc tracking、timedatectl）校准本机时钟，校准后自动恢复",
                f"this node's clock is {by} s {'behind' if late else 'ahead of'} most members', so "
                "no record of our tenders is taken: set it right by time synchronisation "
                "(chronyc tracking, timedatectl); the node then goes on by itself",
            )
        strays = sorted(self.strays.items())
        if strays:
            zh = "、".join(f"{name}（{by:+d} 秒）" for name, by in strays)
            en = ", ".join(f"{name} ({by:+d} s)" for name, by in strays)
            return (
                f"本节点时钟与多数成员一致；与之不一致的成员：{zh}，其见证签名不计入，请告知对方",
                f"our clock agrees with most members'; not so: {en}; their cosignatures do not "
                "count, tell them",
            )
        return "与其他成员的时钟一致", "agrees with the other members'"
