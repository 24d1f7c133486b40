"""What the gauges read from a running node: memory only, so that a scrape blocks nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from node.adapters.telemetry import Telemetry, Watched
from node.core.rules.side import OwnState
from node.services.ports import Accepted

if TYPE_CHECKING:
    from node.core.errors import NodeError
    from node.services.application import Records
    from node.services.members import Members


@dataclass(frozen=True, slots=True)
class Readings:
    """One node's values, as `Telemetry` asks for them."""

    records: Records
    members: Members

    def install(self, telemetry: Telemetry) -> None:
        """Connect every gauge, and count every answer of the sequencer."""
        telemetry.watch(Watched.CHECKPOINT_AGE, self.checkpoint_age)
        telemetry.watch(Watched.ANCHOR_AGE, self.anchor_age)
        telemetry.watch(Watched.OUTBOX_AGE, self.outbox_age)
        telemetry.watch(Watched.ENDORSEMENT_LAG, self.endorsement_lag)
        telemetry.watch(Watched.CLOCK_OFFSET, lambda: self.records.log.times.offsets)
        telemetry.watch(Watched.READING_ONLY, self.reading_only)
        telemetry.watch(Watched.CERTIFICATE_EXPIRY, self.certificate_expiry)
        self.records.sequencer.told = lambda answers: self.count(telemetry, answers)

    def count(self, telemetry: Telemetry, answers: Iterable[Accepted | NodeError]) -> None:
        """Count what was accepted, by kind of stream, and what was refused, by code."""
        for answer in answers:
            if not isinstance(answer, Accepted):
                telemetry.refused(answer.code)
            elif (place := self.records.book.find(answer.record)) is not None:
                telemetry.accepted(self.records.book.need(place[0]).row.kind)

    def checkpoint_age(self) -> dict[str, float]:
        """Seconds since our newest checkpoint with a quorum was made."""
        log = self.records.log
        return {} if log.quorum_at is None else {log.origin: self.records.now() - log.quorum_at}

    def reading_only(self) -> dict[str, float]:
        """Whether we only read."""
        log = self.records.log
        return {log.origin: 1.0 if log.halted else 0.0}

    def anchor_age(self) -> dict[str, float]:
        """Seconds that the oldest anchor waits for the chain."""
        since = self.records.anchors.waiting_since
        waiting = 0 if since is None else self.records.now() - since
        return {self.records.log.origin: waiting}

    def outbox_age(self) -> dict[str, float]:
        """Seconds that the oldest lodged record waits for its host."""
        since = self.records.lodging.oldest
        return {"submit": 0 if since is None else self.records.now() - since}

    def endorsement_lag(self) -> dict[str, float]:
        """Seconds that a partner has not endorsed our newest places."""
        found: dict[str, float] = {}
        for host in self.records.book.streams("tender", own=True):
            for side in self.records.book.sides(host.row.id):
                state = side.state
                if isinstance(state, OwnState):
                    seen = -1 if state.endorsed is None else state.endorsed.seq
                    behind = seen < len(host.records) - 1
                    lag = self.records.now() - host.state.received if behind else 0
                    found[side.row.keeper] = max(found.get(side.row.keeper, 0), lag)
        return found

    def certificate_expiry(self) -> dict[str, float]:
        """When each member's TLS certificate ends."""
        found = {}
        for member in self.members.by_id.values():
            certificate = x509.load_der_x509_certificate(member.tls)
            found[member.id] = certificate.not_valid_after_utc.timestamp()
        return found
