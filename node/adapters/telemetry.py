"""What the operator watches: metrics in Prometheus' format.

Trust: made by the node for its own operator. Some of it (how many records were accepted, how old
the endorsements are) would let an outsider count bids before their time, so `/metrics` answers
scrapers only (api.routers.metrics), never the public. Labels are members, logs, streams' kinds and
codes, all of closed lists: no record, person or bid is ever a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from node.core.errors import ADVICE

STREAM_KINDS: Final = ("tender", "side", "pool", "centre")
UNKNOWN_CODE: Final = "internal"

Reading = Callable[[], Mapping[str, float]]
"""Gives the values now, by label; what is not known yet is left out. MUST NOT raise or block."""


class Watched(Enum):
    """The gauges: name, label, what it says. Times are seconds, read when scraped."""

    CHECKPOINT_AGE = (
        "yuanping_checkpoint_age_seconds",
        "log",
        "Age of the newest checkpoint of a log that has its quorum of cosignatures.",
    )
    ENDORSEMENT_LAG = (
        "yuanping_endorsement_lag_seconds",
        "partner",
        "Age of the oldest place that a partner has not endorsed yet; 0 if there is none.",
    )
    OUTBOX_AGE = (
        "yuanping_outbox_age_seconds",
        "kind",
        "Age of the oldest task that waits in the outbox; 0 if none waits.",
    )
    ANCHOR_AGE = (
        "yuanping_anchor_age_seconds",
        "log",
        "How long the oldest anchor has waited for the chain; 0 if none waits.",
    )
    CLOCK_OFFSET = (
        "yuanping_clock_offset_seconds",
        "partner",
        "A partner's clock minus ours, at its last cosignature; beyond 60 s it does not count.",
    )
    READING_ONLY = (
        "yuanping_reading_only",
        "log",
        "1 while the node is on an old copy of its store and only reads; else 0.",
    )
    CERTIFICATE_EXPIRY = (
        "yuanping_certificate_expiry_timestamp_seconds",
        "member",
        "When a member's TLS certificate ends, in seconds since 1970.",
    )


class Telemetry:
    """One node's metrics; `registry` is what `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._accepted = Counter(
            "yuanping_records_accepted",
            "Records accepted into own streams.",
            ["kind"],
            registry=self.registry,
        )
        self._refused = Counter(
            "yuanping_refusals",
            "Records and requests refused, by permanent code.",
            ["code"],
            registry=self.registry,
        )
        self._gauges = _Gauges()
        self.registry.register(self._gauges)
        ProcessCollector(registry=self.registry)
        for kind in STREAM_KINDS:
            self._accepted.labels(kind)

    def accepted(self, kind: str, count: int = 1) -> None:
        """Count records that became durable in an own stream of this kind (`STREAM_KINDS`)."""
        if kind not in STREAM_KINDS:
            raise ValueError(f"no kind of stream: {kind}")
        self._accepted.labels(kind).inc(count)

    def refused(self, code: str) -> None:
        """Count a refusal; a code that is not ours (a partner's) counts as `internal`."""
        self._refused.labels(code if code in ADVICE else UNKNOWN_CODE).inc()

    def watch(self, gauge: Watched, reading: Reading) -> None:
        """Show what `reading` gives, each time it is scraped; a later one replaces it."""
        self._gauges.readings[gauge] = reading


class _Gauges(Collector):
    """Reads each watched value at the moment of the scrape."""

    def __init__(self) -> None:
        self.readings: dict[Watched, Reading] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in Watched:
            name, label, documentation = gauge.value
            family = GaugeMetricFamily(name, documentation, labels=[label])
            reading = self.readings.get(gauge)
            for value, seconds in (reading() if reading else {}).items():
                family.add_metric([value], seconds)
            yield family
