"""Our errors on the wire, and back: google.rpc.ErrorInfo for calls, `Problem` for single records.

`reason` is our permanent code, `domain` is `yuanping`; the gRPC status names its family.
What comes back is made of another node's words, so it is cut and cleaned, and a code that this
version does not know becomes its family's. Nothing but NodeError leaves here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]  # has no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs
from grpc_status import rpc_status
from yuanping.v1 import records_pb2 as pb

from node import problems
from node.core.errors import ADVICE, LimitError, NodeError, UnavailableError

DOMAIN: Final = "yuanping"
MAX_DETAIL: Final = 400
"""Characters of a sentence on the wire: percent-encoded it must fit 8 KiB of trailers."""
_MAX_ARTICLE: Final = 120

_FAMILIES: Final = {
    status: family for family, (status, _) in problems.STATUS.items() if status != "INTERNAL"
}
_NO_ANSWER: Final = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED", "UNKNOWN", "UNIMPLEMENTED"}
)


def problem_of(error: BaseException) -> pb.Problem:
    """What others may be told about an error, as the answer to one record."""
    shown = problems.render(error)
    return pb.Problem(
        code=shown.code,
        status=shown.grpc,
        detail=_plain(shown.detail, MAX_DETAIL),
        article=_plain(shown.article, _MAX_ARTICLE),
        advice=shown.advice,
        advice_zh=shown.advice_zh,
    )


def status_of(error: BaseException) -> grpc.Status:
    """The same as the end of a call: gRPC status with its ErrorInfo."""
    shown = problem_of(error)
    metadata = {"advice": shown.advice, "advice_zh": shown.advice_zh}
    if shown.article:
        metadata["article"] = shown.article
    packed = Any()
    packed.Pack(ErrorInfo(reason=shown.code, domain=DOMAIN, metadata=metadata))
    code, _ = grpc.StatusCode[shown.status].value
    return rpc_status.to_status(Status(code=code, message=shown.detail, details=[packed]))


def error_of_problem(problem: pb.Problem) -> NodeError:
    """The error that another node answered for one record."""
    return _error(problem.status, problem.code, problem.detail, problem.article)


def error_of_call(error: grpc.aio.AioRpcError, whom: str, doubt: str = "") -> NodeError:
    """The error that ended a call to `whom`: what it said, or that it did not answer.

    A refused handshake looks like a closed socket; `doubt` then says what to compare.
    """
    status, text = error.code().name, error.details() or ""
    if (info := _info(error)) is not None:
        return _error(status, info.reason, text, info.metadata.get("article", ""))
    said = _plain(text, MAX_DETAIL)
    if status == "RESOURCE_EXHAUSTED":
        return LimitError(f"{whom}: a message is over its limit: {said}")
    if status in _NO_ANSWER:
        hint = f"; {doubt}" if doubt and status == "UNAVAILABLE" else ""
        return UnavailableError(f"{whom} does not answer ({status}): {said}{hint}")
    return _error(status, "", f"{whom}: {said}", "")


def _info(error: grpc.aio.AioRpcError) -> ErrorInfo | None:
    try:
        status = rpc_status.from_call(cast("grpc.Call", error))  # it reads what both have
        for packed in status.details if status else ():
            info = ErrorInfo()
            if packed.Unpack(info) and info.domain == DOMAIN:
                return info
    except (ValueError, DecodeError):
        return None
    return None


def _error(status: str, code: str, detail: str, article: str) -> NodeError:
    family = _FAMILIES.get(status, NodeError)
    detail, article = _plain(detail, MAX_DETAIL), _plain(article, _MAX_ARTICLE)
    if code not in ADVICE:
        named = f"{_plain(code, 40)}: {detail}" if code else detail
        return family(named, article=article)
    kind = next((one for one in _below(family) if one.default == code), family)
    return kind(detail, code=code, article=article)


def _below(family: type[NodeError]) -> Iterator[type[NodeError]]:
    """The family and all its subclasses, nearest first; families with a status of their own not."""
    yield family
    for kind in family.__subclasses__():
        if kind not in problems.STATUS:
            yield from _below(kind)


def _plain(text: str, limit: int) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:limit])
