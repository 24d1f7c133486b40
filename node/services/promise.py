"""Telling whoever waits for work that is done together with that of others that it failed."""

from __future__ import annotations

import asyncio
from typing import Any


def fail(promise: asyncio.Future[Any], error: BaseException) -> None:
    """Let a waiting caller raise the error; nothing if it has its answer or has gone.

    What is no error of the work (cancelling, the end of the process) cancels the caller.
    """
    if promise.done():
        return
    if isinstance(error, Exception):
        promise.set_exception(error)
    else:
        promise.cancel()
