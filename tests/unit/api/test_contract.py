"""The OpenAPI document: committed as generated, complete about errors, and kept under fire."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

from api.app import create_app
from api.contract import ALWAYS
from api.refusals import PROBLEM_JSON
from node.adapters.telemetry import Telemetry
from node.services.reads import Check, WitnessAnswer
from tests.conftest import ROOT
from tests.simulators.reads import SimulatedReads

COMMITTED = ROOT / "api" / "openapi.json"
# Filters of warnings, not ours: schemathesis brings a pytest plug-in and libraries of its own.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def app() -> FastAPI:
    reads = SimulatedReads(
        checks=[Check("database", True, "正常", "fine")],
        answer=WitnessAnswer(404, b"unknown log origin\n", "text/plain; charset=utf-8"),
    )
    reads.evidences["B194", "public"] = b"{}\n"
    return create_app(reads, Telemetry().registry)


def test_committed_document_is_the_generated_one(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("api.openapi", run_name="__main__")
    again = "regenerate: python -m api.openapi > api/openapi.json"
    assert COMMITTED.read_text("utf-8") == capsys.readouterr().out, again


def test_served_document_is_the_committed_one(app: FastAPI) -> None:
    assert TestClient(app).get("/api/v1/openapi.json").json() == json.loads(COMMITTED.read_text())


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_address_of_the_contract_is_described() -> None:
    assert {name for name, _ in operations(json.loads(COMMITTED.read_text()))} == {
        "get /healthz",
        "get /readyz",
        "get /metrics",
        "get /log/checkpoint",
        "get /log/tile/{path}",
        "post /witness/add-checkpoint",
        "get /api/v1/node",
        "get /api/v1/partners",
        "get /api/v1/tenders",
        "get /api/v1/tenders/{id}",
        "get /api/v1/tenders/{id}/evidence",
        "get /api/v1/trust",
    }


def test_every_error_is_declared_as_problem_document() -> None:
    for name, operation in operations(json.loads(COMMITTED.read_text())):
        declared = operation["responses"]
        assert {str(status) for status in ALWAYS} <= declared.keys(), name
        if name == "post /witness/add-checkpoint":
            continue  # C2SP's own words
        for status, response in declared.items():
            if status != "200":
                assert list(response["content"]) == [PROBLEM_JSON], (name, status)


def test_generated_requests_find_no_answer_that_is_not_declared(app: FastAPI) -> None:
    assert fire(app) >= 12


@pytest.mark.parametrize("path", ["/api/v1/node", "/log/checkpoint"])
def test_generated_requests_find_a_planted_fault(path: str) -> None:
    reads = SimulatedReads(fault=ValueError("planted"), note="note")
    app = create_app(reads, Telemetry().registry)
    with pytest.raises(BaseExceptionGroup, match="Server error"):
        fire(app, only=path)


def fire(app: FastAPI, only: str = "") -> int:
    """Send requests made from the document, lawful and not; raise at what breaks it."""
    schemathesis: Any = pytest.importorskip(
        "schemathesis", reason="schemathesis is not installed: pip install -r requirements-dev.txt"
    )
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if only not in ("", operation.path):
            continue
        lawful = operation.as_strategy()
        unlawful = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=lawful | unlawful)
        def hold(case: Any) -> None:  # noqa: ANN401 - the library's own
            nonlocal tried
            tried += 1
            case.call_and_validate()

        hold()
    return tried
