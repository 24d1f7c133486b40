"""What the checks share: file, policy and reader, and what earlier checks have established."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.evidence.links import LinkError
from node.core.records.kinds.tender import TenderAnnounced
from node.core.rules.ruleset import builtin_rulesets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from node.core.evidence.bundle import Evidence, Place, Stream
    from node.core.evidence.trust import Trust
    from node.core.records.kinds import Body
    from node.core.rules.ruleset import RuleSet
    from node.core.rules.state import TenderState


RULESETS: Final = builtin_rulesets()
"""Read while modules load, as kinds are prepared: no file can be judged without one of them."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Said in the verdict, not held against the evidence: where and code of `links.REMARKS`."""

    where: str
    code: str
    found: str


@dataclass(slots=True)
class Case:
    """One file under one policy. `times` is set by check 4, `void_rounds` by 5, `state` by 6.

    `times` gives each stream's existed-by times by place, epoch seconds.
    """

    evidence: Evidence
    trust: Trust
    reader: str
    times: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    state: TenderState | None = None
    remarks: list[Remark] = field(default_factory=list)
    void_rounds: int = 0

    @property
    def host(self) -> Stream:
        """The tender's own stream."""
        return self.evidence.host

    @property
    def rules(self) -> RuleSet:
        """The rule set that the tender's first record names. Raises LinkError."""
        digest = self.host.opening.ruleset
        if (rules := RULESETS.get(digest)) is None:
            raise LinkError("ruleset-unknown", "/streams/0/places/0", digest)
        return rules

    def bodies(self) -> Iterator[Body | None]:
        """The bodies of the tender's stream, in order."""
        return (place.body for place in self.host.places)

    def of_type(self, kind: str) -> Iterator[Place]:
        """The places of the tender's stream that hold this type of record."""
        return (place for place in self.host.places if place.kind == kind)

    def announced(self) -> TenderAnnounced | None:
        """The announcement, if the file has it."""
        return next((b for b in self.bodies() if isinstance(b, TenderAnnounced)), None)

    def existed_by(self, stream: Stream, seq: int) -> int:
        """By when a place existed, epoch seconds; known after check 4."""
        return self.times[stream.path][seq]

    def remark(self, where: str, code: str, found: str) -> None:
        """Say something in the verdict."""
        self.remarks.append(Remark(where, code, found))
