"""Lines for the operator in the node's log: what failed, what could not be done, what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from node.core.errors import NodeError

if TYPE_CHECKING:
    from node.core.rules.duties import Duty
    from node.services.standing import Loss

log = structlog.get_logger()


def report(what: str, error: Exception) -> None:
    """Tell the operator what failed; it is tried again. A mistake of ours comes with its place."""
    if isinstance(error, NodeError):
        log.warning("failed", what=what, code=error.code, detail=str(error))
    else:
        log.error("mistake", what=what, exc_info=error)


def report_duty(stream: str, duty: Duty, error: NodeError) -> None:
    """Tell the operator which duty could not be done, and why."""
    log.warning("duty", stream=stream[:16], kind=duty.kind, code=error.code, detail=str(error))


def report_loss(loss: Loss) -> None:
    """Tell the operator what nobody could give back; `yuanping node losses` tells it again."""
    log.error("lost", kind=loss.kind, name=loss.name, detail=f"{loss.detail_zh} {loss.detail}")


def report_caught_up(size: int) -> None:
    """Tell the operator that this node holds all that others know of it, and writes again."""
    log.warning("caught-up", size=size)
