"""Following a partner that comes and goes: told once, not at every try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from node.core.errors import ForbiddenError, NodeError, UnavailableError
from node.services.following import Following
from node.services.ports import StreamRow

pytestmark = pytest.mark.anyio


class Moody:
    """A partner's list of streams: what it does at each call, in order."""

    def __init__(self, *moods: NodeError | StreamRow) -> None:
        self.moods = list(moods)

    async def streams(self) -> AsyncIterator[StreamRow]:
        """Fail or tell; at the end stay silent."""
        if not self.moods:
            await asyncio.Event().wait()
        mood = self.moods.pop(0)
        if isinstance(mood, NodeError):
            raise mood
        yield mood


async def test_failure_that_repeats_is_told_once_until_the_partner_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = UnavailableError("gone")
    row = StreamRow("00" * 32, "tender", "xian", own=False)
    partner = Moody(gone, UnavailableError("gone, differently"), ForbiddenError("no"), row, gone)
    told: list[str] = []

    def report(_: str, error: Exception) -> None:
        told.append(str(error))

    nothing = cast("Any", None)
    following = Following(
        "xian", cast("Any", partner), nothing, nothing, nothing, nothing, nothing, report
    )
    monkeypatch.setattr("asyncio.sleep", _at_once)
    listing = asyncio.create_task(following._again("list", following._list))
    while partner.moods or len(told) < 3:
        await _yield()
    listing.cancel()
    assert told == ["gone", "no", "gone"]


_sleep = asyncio.sleep


async def _at_once(_: float) -> None:
    await _sleep(0)


async def _yield() -> None:
    await _sleep(0)
