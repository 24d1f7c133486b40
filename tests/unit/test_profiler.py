"""CPU time is booked on what it was used for, and the sum is what the process used."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from node.adapters.profiler import PARTS, ROOT, TELLS, Profiler, _used, part_of

BEYOND = 2**22 + 1
"""No thread of Linux has so large an id."""


def part_in(*calls: tuple[str, str]) -> str:
    """What `part_of` says inside of these calls (file, function), outermost first."""

    def call() -> str:
        return part_of(sys._getframe())

    for path, name in reversed(calls):
        scope: dict[str, Callable[[], str]] = {"call": call}
        exec(compile(f"def {name}():\n    return call()\n", path, "exec"), scope)  # noqa: S102 - ours
        call = scope[name]
    return call()


@pytest.mark.parametrize(
    ("path", "name", "part"),
    [
        (f"{ROOT}/node/core/records/keys.py", "_verify_ed25519", "verify"),
        ("/x/site-packages/nacl/bindings/crypto_sign.py", "crypto_sign_open", "verify"),
        ("/x/site-packages/nacl/bindings/crypto_sign.py", "crypto_sign", "sign"),
        (f"{ROOT}/node/adapters/sql/places.py", "put_places", "sql"),
        ("/x/site-packages/sqlalchemy/engine/base.py", "execute", "sql"),
        (f"{ROOT}/chain/rpc.py", "batch", "chain"),
        ("/x/site-packages/grpc/aio/_call.py", "read", "rpc"),
        (f"{ROOT}/node/core/rules/fold.py", "apply", "other"),
    ],
)
def test_innermost_call_of_known_purpose_decides(path: str, name: str, part: str) -> None:
    """A codec or a library below serves whoever called it."""
    assert part_in((path, name)) == part
    assert part_in((path, name), ("/usr/lib/python3/json/decoder.py", "decode")) == part
    assert part_in((path, name), (f"{ROOT}/node/services/sequencer.py", "accept")) == "other"


@pytest.mark.skipif(not TELLS, reason="this system does not tell of threads")
def test_all_that_was_used_is_booked(tmp_path: Path) -> None:
    profiler = Profiler(tmp_path / "p" / "a.cpu.json")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "old.cpu.json").write_text("{}")
    assert sum(profiler.total().values()) == 0
    profiler.start()
    other = Profiler(tmp_path / "p" / "chain-1.cpu.json", "chain")
    other.join()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    other.write()
    total = profiler.total()
    assert tuple(total) == PARTS
    assert total["chain"] >= 0.3
    assert total["other"] + total["rpc"] >= 0.3
    assert json.loads((tmp_path / "p" / "chain-1.cpu.json").read_text())["sql"] == 0
    for one in (profiler, other):
        one.end()
    assert not [one for one in threading.enumerate() if one.name == "profiler"]
    Profiler(tmp_path / "never-begun.cpu.json").end()


def test_no_garbage_is_collected_while_frames_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPython 3.11 would wait for its own lock (cpython #106883)."""
    collecting = list[bool]()
    asked = sys._current_frames

    def frames() -> dict[int, FrameType]:
        collecting.append(gc.isenabled())
        return asked()

    monkeypatch.setattr(sys, "_current_frames", frames)
    Profiler(tmp_path / "a.cpu.json").look()
    assert collecting == [False]
    assert gc.isenabled()


@pytest.mark.skipif(not TELLS, reason="this system does not tell of threads")
def test_a_thread_is_asked_for_what_it_used_itself() -> None:
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        pass
    used = _used(threading.get_native_id())
    assert used is not None
    assert abs(used - time.thread_time()) < 0.01
    assert _used(threading.Thread().native_id) is None
    assert _used(BEYOND) is None
