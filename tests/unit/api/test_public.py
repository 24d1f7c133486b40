"""`/api/v1`: shapes that other people's programs read."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from node.core.errors import ForbiddenError, UnavailableError
from node.services.reads import PAGE
from tests.simulators.reads import SimulatedReads


def test_node_has_the_members_of_the_contract(http: TestClient) -> None:
    said = http.get("/api/v1/node")
    assert said.status_code == 200
    assert said.headers["content-type"] == "application/json"
    body = said.json()
    assert {k: body[k] for k in ("id", "version", "clock", "log_origin", "chain")} == {
        "id": "zhuzhou",
        "version": "0.1.0",
        "clock": "test",
        "log_origin": "zhuzhou.example/log",
        "chain": {"kind": "anvil", "height": 7, "oldest_waiting_anchor_s": None},
    }
    assert body["name"] == {"zh": "株洲市<中心>", "en": "Zhuzhou & Centre"}
    assert body["log_vkey"].startswith("zhuzhou.example/log+")
    assert body["witness_vkey"].startswith("zhuzhou.example/witness+")


def test_partners_are_listed_with_their_certificate(http: TestClient) -> None:
    assert http.get("/api/v1/partners").json() == {
        "partners": [
            {
                "id": "changsha",
                "role": "centre",
                "name": {"zh": "长沙", "en": "Changsha"},
                "status": "active",
                "connected": True,
                "checkpoint_size": 16,
                "tls_sha256": "ef" * 32,
            }
        ]
    }


def test_tenders_come_in_pages(http: TestClient, reads: SimulatedReads) -> None:
    reads.names = [f"T{n:03}" for n in range(PAGE + 1)]
    first = http.get("/api/v1/tenders").json()
    assert (len(first["tenders"]), first["next"]) == (PAGE, "T099")
    rest = http.get("/api/v1/tenders", params={"after": first["next"]}).json()
    assert ([t["id"] for t in rest["tenders"]], rest["next"]) == (["T100"], None)


def test_tender_shows_plan_and_announcement_and_no_count(http: TestClient) -> None:
    body = http.get("/api/v1/tenders/B194").json()
    assert set(body) == {
        *("id", "stream", "host", "title", "buyer", "origin", "ruleset", "phase"),
        *("announcement", "candidates", "winner", "ranking"),
    }
    assert body["phase"] == "bidding"
    assert body["announcement"]["lots"][0]["ceiling"] == "15000000"
    assert body["candidates"] is body["winner"] is body["ranking"] is None


def test_trust_is_the_policy(http: TestClient) -> None:
    assert http.get("/api/v1/trust").json() == {"format": "yuanping-trust/v1"}


def test_evidence_of_the_public_needs_no_proof(http: TestClient, reads: SimulatedReads) -> None:
    reads.evidences["B194", "public"] = b'{"format":"yuanping-evidence/v1"}\n'
    for query in ("", "?as=public"):
        said = http.get(f"/api/v1/tenders/B194/evidence{query}")
        assert said.status_code == 200
        assert said.content == b'{"format":"yuanping-evidence/v1"}\n'
        assert said.headers["content-type"] == "application/json"
        assert said.headers["cache-control"] == "private, no-store"
        named = said.headers["content-disposition"]
        assert named == 'attachment; filename="B194.public.evidence.json"'


def test_evidence_before_its_time_is_a_conflict_with_advice(http: TestClient) -> None:
    said = http.get("/api/v1/tenders/B194/evidence")
    assert (said.status_code, said.json()["code"]) == (409, "too-early")
    assert said.json()["advice"] == "Wait until the rules allow disclosure."
    assert said.json()["advice_zh"] == "未到公开时间。"


def test_unknown_tender_is_not_found(http: TestClient) -> None:
    for path in ("none", "none/evidence", "B194%0a", "B194%0a/evidence"):
        said = http.get(f"/api/v1/tenders/{path}")
        assert (said.status_code, said.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/tenders/a b",
        "/api/v1/tenders/%2e%2e%5c",
        f"/api/v1/tenders/{'a' * 65}",
        "/api/v1/tenders?after=%00",
        "/api/v1/tenders/B194/evidence?as=",
        "/api/v1/tenders/B194/evidence?as=host",
        "/api/v1/tenders/B194/evidence?as=public%0a",
        "/api/v1/tenders/B194/evidence?as=centre:UPPER",
        "/api/v1/tenders/B194/evidence?as=centre:",
        "/api/v1/tenders/B194/evidence?as=bidder:12",
        "/api/v1/tenders/B194/evidence?as=public&as=host",
    ],
)
def test_parameter_of_another_form_is_refused_unread(
    http: TestClient, reads: SimulatedReads, path: str
) -> None:
    said = http.get(path)
    assert (said.status_code, said.json()["code"]) == (422, "form")
    assert said.headers["content-type"] == "application/problem+json"
    assert reads.asked == []


def test_node_that_misses_something_says_come_back(http: TestClient, reads: SimulatedReads) -> None:
    reads.fault = UnavailableError("the database does not answer")
    for path in ("node", "partners", "tenders", "tenders/B194", "tenders/B194/evidence", "trust"):
        said = http.get(f"/api/v1/{path}")
        assert (said.status_code, said.json()["code"]) == (503, "unavailable")
        assert said.headers["retry-after"] == "5"


def test_refusal_by_the_use_case_is_shown(http: TestClient, reads: SimulatedReads) -> None:
    reads.fault = ForbiddenError("no bid of yours")
    said = http.get("/api/v1/tenders/B194/evidence")
    assert (said.status_code, said.json()["detail"]) == (403, "no bid of yours")
