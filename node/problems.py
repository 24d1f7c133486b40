"""The one table from error families to what other machines see: gRPC status, HTTP status, document.

A family is a subclass of `NodeError`; a code needs no line here. What we did not raise ourselves,
and what speaks of our own configuration, is shown outside as `internal` and nothing more: its text
goes to the log, never to a peer.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.core import errors

STATUS: dict[type[errors.NodeError], tuple[str, int]] = {
    errors.InvalidError: ("INVALID_ARGUMENT", 400),
    errors.StateError: ("FAILED_PRECONDITION", 409),
    errors.ForbiddenError: ("PERMISSION_DENIED", 403),
    errors.PeerError: ("UNAUTHENTICATED", 401),
    errors.MissingError: ("NOT_FOUND", 404),
    errors.LimitError: ("RESOURCE_EXHAUSTED", 413),
    errors.UnavailableError: ("UNAVAILABLE", 503),
    errors.ConfigError: ("INTERNAL", 500),
    errors.NodeError: ("INTERNAL", 500),
}
"""Error family -> name of the gRPC status, HTTP status. The nearest family of an error counts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Both faces of one error: gRPC status name and problem document (RFC 9457)."""

    grpc: str
    status: int
    code: str
    detail: str
    advice: str
    advice_zh: str
    article: str = ""

    @property
    def type(self) -> str:
        """Name the kind of problem, for ever (RFC 9457, 3.1.1)."""
        return f"urn:yuanping:problem:{self.code}"

    def document(self) -> dict[str, str | int]:
        """Give the members of `application/problem+json`; `article` only where a rule is cited."""
        members: dict[str, str | int] = {
            "type": self.type,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "advice": self.advice,
            "advice_zh": self.advice_zh,
        }
        return members | ({"article": self.article} if self.article else {})


def status_of(error: errors.NodeError) -> tuple[str, int]:
    """Give gRPC status name and HTTP status of an error, by its nearest family in `STATUS`."""
    return next(STATUS[family] for family in type(error).__mro__ if family in STATUS)


def render(error: BaseException) -> Problem:
    """Give what may be told to others about this error, and nothing else. Never raises."""
    shown = error if isinstance(error, errors.NodeError) else errors.NodeError("")
    grpc, status = status_of(shown)
    if grpc == "INTERNAL":
        shown = errors.NodeError("something went wrong in the node itself")
    return Problem(
        grpc=grpc,
        status=status,
        code=shown.code,
        detail=shown.detail,
        advice=shown.advice,
        advice_zh=shown.advice_zh,
        article=shown.article,
    )
