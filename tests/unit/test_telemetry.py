"""Metrics: names that dashboards rely on, labels that cannot grow, values read when scraped."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from node.adapters.telemetry import STREAM_KINDS, Telemetry, Watched
from node.core.errors import ADVICE

NAMES = {
    "yuanping_checkpoint_age_seconds": "log",
    "yuanping_endorsement_lag_seconds": "partner",
    "yuanping_outbox_age_seconds": "kind",
    "yuanping_anchor_age_seconds": "log",
    "yuanping_clock_offset_seconds": "partner",
    "yuanping_reading_only": "log",
    "yuanping_certificate_expiry_timestamp_seconds": "member",
    "yuanping_records_accepted": "kind",
    "yuanping_refusals": "code",
}


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, labels)


def test_every_name_is_shown_before_anything_happened() -> None:
    text = generate_latest(Telemetry().registry).decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert families >= NAMES.keys()
    assert {gauge.value[:2] for gauge in Watched} <= NAMES.items()


def test_accepted_records_are_counted_by_kind_of_stream() -> None:
    telemetry = Telemetry()
    assert [value(telemetry, "yuanping_records_accepted_total", kind=k) for k in STREAM_KINDS] == [
        0.0
    ] * len(STREAM_KINDS)
    telemetry.accepted("side")
    telemetry.accepted("side", 4)
    assert value(telemetry, "yuanping_records_accepted_total", kind="side") == 5.0
    with pytest.raises(ValueError, match="bidder:7"):
        telemetry.accepted("bidder:7")


def test_code_of_a_hostile_partner_makes_no_new_label() -> None:
    telemetry = Telemetry()
    for code in (*ADVICE, "x" * 1000, "bidder:7"):
        telemetry.refused(code)
    assert value(telemetry, "yuanping_refusals_total", code="rule") == 1.0
    assert value(telemetry, "yuanping_refusals_total", code="internal") == 3.0
    assert value(telemetry, "yuanping_refusals_total", code="bidder:7") is None


@pytest.mark.parametrize("gauge", list(Watched))
def test_gauge_is_read_at_each_scrape(gauge: Watched) -> None:
    telemetry, now = Telemetry(), [1.0]
    name, label, _ = gauge.value
    assert value(telemetry, name, **{label: "a"}) is None
    telemetry.watch(gauge, lambda: {"a": now[0]})
    assert value(telemetry, name, **{label: "a"}) == 1.0
    now[0] = 2.5
    assert value(telemetry, name, **{label: "a"}) == 2.5
    telemetry.watch(gauge, dict)
    assert value(telemetry, name, **{label: "a"}) is None


def test_two_nodes_in_one_process_share_nothing() -> None:
    one, other = Telemetry(), Telemetry()
    one.accepted("tender")
    assert value(other, "yuanping_records_accepted_total", kind="tender") == 0.0
