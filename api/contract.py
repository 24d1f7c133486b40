"""The OpenAPI document: which errors each address gives, in which form.

The generated document is committed as api/openapi.json; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.refusals import PROBLEM_JSON

VERSION: Final = "1.0"
"""Of this interface, not of the program; changed only by adding."""
TITLE: Final = "Yuanping node"
SUMMARY: Final = "远程异地评标节点的 HTTP 接口 · HTTP of a node for remote bid evaluation"
MEANINGS: Final = {
    400: "The request is malformed.",
    403: "Not entitled: sign the request, or ask as another reader.",
    404: "There is no such thing here.",
    405: "The address knows other methods; see Allow.",
    409: "Not yet: the rules allow it later.",
    413: "The body is too large.",
    414: "The address is too long.",
    422: "A parameter has another form.",
    431: "The headers are too large.",
    500: "A fault of the node; nothing more is told.",
    503: "Something that is needed does not answer now; ask again later.",
}
ALWAYS: Final = (400, 405, 413, 414, 431, 500, 503)
"""What any address may answer."""
PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "RFC 9457, with a permanent code and what to do next.",
    "type": "object",
    "required": ["type", "status", "code", "detail", "advice", "advice_zh"],
    "properties": {
        "type": {"type": "string", "description": "urn:yuanping:problem:<code>"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "permanent"},
        "detail": {"type": "string"},
        "advice": {"type": "string", "description": "what to do next, in English"},
        "advice_zh": {"type": "string", "description": "what to do next, in Chinese"},
        "article": {"type": "string", "description": "the rule that refused"},
    },
}

Responses = dict[int | str, dict[str, Any]]


def problems(statuses: Iterable[int]) -> Responses:
    """Declare that an address may answer these statuses by a problem document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {PROBLEM_JSON: {"schema": schema}}
    return {s: {"description": MEANINGS[s], "content": content} for s in statuses}


def raw(media_type: str, description: str, *, binary: bool = False) -> Responses:
    """Declare an answer that is no JSON of ours: a text or bytes."""
    schema = {"type": "string"} | ({"format": "binary"} if binary else {})
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


def install(app: FastAPI) -> None:
    """Have the application describe itself so."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=TITLE, version=VERSION, summary=SUMMARY, routes=app.routes)
            document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
            _drop_foreign_errors(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # as its documentation says


def _drop_foreign_errors(document: dict[str, Any]) -> None:
    """Leave out the library's own form of a 422: we answer by problem documents only."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in json.dumps(operation["responses"].get("422")):
                del operation["responses"]["422"]


def document_of(app: FastAPI) -> str:
    """Write the document as it is committed."""
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
