"""Every error that HTTP shows: one problem document (RFC 9457), whoever refused.

The table from families to statuses is node.problems; here stand the few cases that only HTTP
knows: no such address, another method, parameters of another form, too long a head.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from node.core.errors import InvalidError, MissingError, NodeError
from node.problems import Problem, render

PROBLEM_JSON: Final = "application/problem+json"
RETRY_S: Final = 5
"""Seconds after which a busy node may be asked again."""
_TOO_LONG: Final = frozenset({413, 414, 431})


def with_status(error: NodeError, status: int) -> Problem:
    """Give an error's problem under a status that only HTTP knows."""
    return replace(render(error), status=status)


def body_of(problem: Problem, extra: dict[str, object] | None = None) -> bytes:
    """Write the document; `extra` are extension members (RFC 9457, 3.2)."""
    document = problem.document() | (extra or {})
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def answer(problem: Problem, extra: dict[str, object] | None = None) -> Response:
    """Make the response; what was refused unread, or for want of time, ends the connection."""
    headers = {"Cache-Control": "no-store"}
    if problem.status == 503:
        headers["Retry-After"] = str(RETRY_S)
    if problem.status in _TOO_LONG:
        headers["Connection"] = "close"
    return Response(body_of(problem, extra), problem.status, headers, PROBLEM_JSON)


def install(app: FastAPI) -> None:
    """Have the application answer each kind of error with a problem document."""
    app.add_exception_handler(NodeError, _node_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _form_error)


async def _node_error(_request: Request, error: Exception) -> Response:
    return answer(render(error))


async def _form_error(_request: Request, error: Exception) -> Response:
    """Say which parameter is wrong and how it must look; what was sent is not repeated."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return answer(with_status(InvalidError(f"{where}: {first.get('msg', 'wrong form')}"), 422))


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return _other_method(request, error)
    if status == 404:
        return answer(render(MissingError("there is nothing at this address")))
    if 400 <= status < 500:
        return answer(with_status(InvalidError("the request is malformed"), status))
    return answer(render(error))


def _other_method(request: Request, error: Exception) -> Response:
    """Name the methods there are; OPTIONS asks for nothing else (RFC 9110, 9.3.7)."""
    named = getattr(error, "headers", None) or {}
    methods = {m.strip() for m in named.get("Allow", "GET").split(",")} | {"OPTIONS"}
    allow = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow})
    refused = answer(with_status(InvalidError("no such method here", code="method"), 405))
    refused.headers["Allow"] = allow
    return refused
