"""A journal that the disk refuses: nothing happened, nobody is left waiting, the chain goes on."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chain.devnet import SEND, Devnet, RunningClock
from chain.errors import ChainUnavailable, JournalRefused
from chain.journal import Step


class Disk:
    """A journal that refuses while it is full; the first step waits until others have come in."""

    def __init__(self) -> None:
        self.is_full, self.steps = True, list[Step]()
        self.go_on = threading.Event()

    def append(self, step: Step) -> None:
        """Take or refuse a step."""
        self.go_on.wait(5)
        if self.is_full:
            raise JournalRefused("the journal cannot be written: No space left on device")
        self.steps.append(step)


class Anvil:
    """Takes everything."""

    def answers(self, requests: Any) -> list[Any]:  # noqa: ANN401 - as the real one
        """A hash each."""
        return ["0x" + "11" * 32 for _ in requests]

    def call(self, _method: str, *_params: object) -> str:
        """Mine."""
        return "0x1"


def test_chain_on_a_full_disk_refuses_everybody_who_waits_and_goes_on_with_room() -> None:
    disk = Disk()
    anvil = cast("Any", SimpleNamespace(rpc=Anvil()))
    devnet = Devnet(anvil, cast("Any", disk), cast("Any", None), RunningClock(0.0, 0.0))
    refused: list[str] = []

    def send(raw: str) -> None:
        try:
            devnet.answer([(SEND, [raw])])
        except ChainUnavailable as error:
            refused.append(error.detail)

    callers = [threading.Thread(target=send, args=(f"0x{n:02x}",)) for n in range(8)]
    for caller in callers:
        caller.start()
    disk.go_on.set()
    for caller in callers:
        caller.join(10)
    assert len(refused) == 8
    assert all("No space left" in told for told in refused)
    assert not devnet.broken.is_set(), "nothing happened, so nothing is in doubt"
    with pytest.raises(ChainUnavailable, match="No space left"):
        devnet.answer([("yuanping_jump", [{"time": 10**9}])])
    disk.is_full = False
    assert devnet.answer([(SEND, ["0xaa"])]) == ["0x" + "11" * 32]
    assert [step.transactions for step in disk.steps] == [("0xaa",)]
