"""Every kind that a node reads is prepared while modules load, before there are threads.

Two threads that use a structure of msgspec for the first time at once can crash the process; seen
in a demo of five centres.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import ROOT

WHOLE = """
import asyncio
import node.bootstrap, api.app, node.services.actors.crowd
from node.core.records.canonical import _decoder
from tests.unit.actors import playing
before = _decoder.cache_info().misses
cast = playing.Cast(playing.tender_file(playing.SCORED))
for module in (playing.reading_module, playing.expert_module):
    module.AGAIN_S = 0.002
asyncio.run(cast.whole())
print(before, _decoder.cache_info().misses)
"""


def test_a_whole_tender_prepares_nothing_new() -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "protos")))
    done = subprocess.run(
        [sys.executable, "-c", WHOLE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    assert before > 40
    assert after == before


CRASH = """
import json, sys, threading
sys.setswitchinterval(1e-6)
from node.core.errors import NodeError
from node.core.records import kinds
from node.core.records.canonical import decode
together = threading.Barrier(6)
def read():
    for kind in kinds.KINDS.values():
        together.wait()
        for name in (kind.__struct_encode_fields__[0], kind.__struct_encode_fields__[-1]):
            try:
                decode(json.dumps({name: {}}).encode(), kind)
            except NodeError:
                pass
threads = [threading.Thread(target=read) for _ in range(6)]
[one.start() for one in threads], [one.join() for one in threads]
"""


def test_many_threads_read_every_kind_at_once() -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "protos")))
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", CRASH],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            timeout=120,
            check=False,
        )
        assert done.returncode == 0
