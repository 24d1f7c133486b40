"""`/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from node.adapters.telemetry import Telemetry, Watched
from node.services.reads import Check
from tests.simulators.reads import SimulatedReads

GOOD = Check("database", True, "正常", "fine")
BAD = Check("partners", False, "长沙未连接", "changsha is not connected")


def test_process_is_healthy_whatever_else_fails(http: TestClient, reads: SimulatedReads) -> None:
    reads.fault = RuntimeError("everything else")
    assert http.get("/healthz").json() == {"status": "ok"}


def test_node_is_ready_when_every_check_is_good(http: TestClient, reads: SimulatedReads) -> None:
    reads.checks = [GOOD]
    said = http.get("/readyz")
    assert said.status_code == 200
    assert said.json() == {
        "ready": True,
        "checks": [{"name": "database", "ok": True, "detail_zh": "正常", "detail_en": "fine"}],
    }


def test_node_that_is_not_ready_lists_each_check(http: TestClient, reads: SimulatedReads) -> None:
    reads.checks = [GOOD, BAD]
    said = http.get("/readyz")
    assert said.status_code == 503
    assert said.headers["content-type"] == "application/problem+json"
    body = said.json()
    assert (body["code"], body["ready"]) == ("unavailable", False)
    assert body["detail"] == "not ready: partners"
    assert [check["ok"] for check in body["checks"]] == [True, False]
    assert body["checks"][1]["detail_zh"] == "长沙未连接"


def test_node_that_checked_nothing_is_not_ready(http: TestClient) -> None:
    assert http.get("/readyz").status_code == 503


def test_metrics_are_the_registry(http: TestClient, telemetry: Telemetry) -> None:
    telemetry.accepted("tender", 3)
    telemetry.refused("rule")
    telemetry.watch(Watched.CHECKPOINT_AGE, lambda: {"zhuzhou.example/log": 1.5})
    said = http.get("/metrics")
    assert said.status_code == 200
    assert said.headers["content-type"].startswith("text/plain; version=")
    lines = said.text.splitlines()
    assert 'yuanping_records_accepted_total{kind="tender"} 3.0' in lines
    assert 'yuanping_refusals_total{code="rule"} 1.0' in lines
    assert 'yuanping_checkpoint_age_seconds{log="zhuzhou.example/log"} 1.5' in lines


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.8.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("192.0.2.1", {}, 403),
        ("::ffff:192.0.2.1", {}, 403),
        ("2001:db8::1", {}, 403),
        ("not an address", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 403),
        ("127.0.0.1", {"X-Real-IP": "192.0.2.1"}, 403),
    ],
)
def test_outsider_cannot_count_bids_by_the_metrics(
    reads: SimulatedReads, host: str, headers: dict[str, str], status: int
) -> None:
    app = create_app(reads, Telemetry().registry)
    said = TestClient(app, client=(host, 50000)).get("/metrics", headers=headers)
    assert said.status_code == status
    assert ("yuanping_records_accepted_total" in said.text) == (status == 200)


def test_operator_may_name_other_scrapers(reads: SimulatedReads) -> None:
    app = create_app(reads, Telemetry().registry, [ip_network("192.0.2.0/24")])
    assert TestClient(app, client=("192.0.2.9", 1)).get("/metrics").status_code == 200
    assert TestClient(app, client=("127.0.0.1", 1)).get("/metrics").status_code == 403
