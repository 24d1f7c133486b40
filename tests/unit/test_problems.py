"""The error table: total, exact, and silent about what is ours alone."""

from __future__ import annotations

import json

import grpc
import pytest

from node.core import errors
from node.problems import STATUS, render, status_of

FAMILIES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.NodeError)
]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_status_that_exists(family: type[errors.NodeError]) -> None:
    name, http = status_of(family("x"))
    assert name in grpc.StatusCode.__members__
    assert 400 <= http < 600


@pytest.mark.parametrize(
    ("error", "name", "http", "code"),
    [
        (errors.InvalidError("x"), "INVALID_ARGUMENT", 400, "form"),
        (errors.SignatureError("x"), "INVALID_ARGUMENT", 400, "signature"),
        (errors.LogError("x"), "INVALID_ARGUMENT", 400, "log"),
        (errors.StateError("x", code="too-early"), "FAILED_PRECONDITION", 409, "too-early"),
        (errors.RuleError("x"), "FAILED_PRECONDITION", 409, "rule"),
        (errors.ForbiddenError("x", code="centre-suspended"), "PERMISSION_DENIED", 403, None),
        (errors.PeerError("x"), "UNAUTHENTICATED", 401, "peer-unknown"),
        (errors.MissingError("x"), "NOT_FOUND", 404, "not-found"),
        (errors.LimitError("x"), "RESOURCE_EXHAUSTED", 413, "limit"),
        (errors.UnavailableError("x", code="quorum-missing"), "UNAVAILABLE", 503, None),
    ],
)
def test_family_decides_the_status_and_the_code_stays(
    error: errors.NodeError, name: str, http: int, code: str | None
) -> None:
    problem = render(error)
    assert (problem.grpc, problem.status, problem.code) == (name, http, code or error.code)
    assert problem.detail == "x"


def test_document_has_exactly_the_members_of_the_contract() -> None:
    document = render(errors.MissingError("no tender 7")).document()
    assert document == {
        "type": "urn:yuanping:problem:not-found",
        "status": 404,
        "code": "not-found",
        "detail": "no tender 7",
        "advice": "Check the id.",
        "advice_zh": "没有此对象，请核对编号。",
    }


def test_article_of_a_broken_rule_is_told() -> None:
    problem = render(errors.RuleError("4 members", article="招标投标法 37"))
    assert problem.document()["article"] == "招标投标法 37"
    assert problem.detail == "4 members"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("password=hunter2"),
        KeyError("hunter2"),
        KeyboardInterrupt("hunter2"),
        errors.ConfigError("hunter2", article="hunter2"),
        errors.NodeError("hunter2"),
    ],
)
def test_nothing_of_the_inside_leaks(error: BaseException) -> None:
    problem = render(error)
    assert (problem.grpc, problem.status, problem.code) == ("INTERNAL", 500, "internal")
    assert "hunter2" not in json.dumps(problem.document())
    assert "hunter2" not in repr(problem)


def test_table_names_families_only() -> None:
    assert set(STATUS) <= set(FAMILIES)


@pytest.mark.parametrize("code", sorted(errors.ADVICE))
def test_every_code_has_advice_in_both_languages(code: str) -> None:
    chinese, english = errors.ADVICE[code]
    assert any("\u4e00" <= c <= "\u9fff" for c in chinese)
    assert english.isascii()
    assert english.endswith(".")
