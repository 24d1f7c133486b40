"""Where a process spends its CPU time, by what it is for: sampled, written down while it runs.

Four times a second the CPU time that each thread has used since the last look (Linux's schedstat)
is booked on the innermost call whose purpose is known: signing, checking signatures, SQL, RPC and
HTTP, the chain; all else is `other`. Time of threads without Python (gRPC's own) is `rpc`. Sampled:
what is booked wrongly averages out over minutes, not over one second; the sum is exact.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

PARTS: Final = ("sign", "verify", "sql", "rpc", "chain", "other")
LOOK_S: Final = 0.25
WRITE_S: Final = 1.0
SUFFIX: Final = ".cpu.json"
TELLS: Final = sys.platform == "linux"
"""Whether this system tells of each thread."""
ROOT: Final = str(Path(__file__).resolve().parents[2])

_KEYS: Final = ("/nacl/bindings/crypto_sign.py", "/core/records/keys.py", "/core/log/note.py")
_CALLS: Final = {
    **dict.fromkeys(("sign", "sign_note", "crypto_sign"), "sign"),
    **dict.fromkeys(("verify", "_verify_ed25519", "_verify_es256", "crypto_sign_open"), "verify"),
    **dict.fromkeys(("is_signed", "_check_edwards", "_check_montgomery", "_p256"), "verify"),
}
_WIRE: Final = (
    *("/grpc/", "/google/protobuf/", "/yuanping/v1/", "/uvicorn/", "/httpx", "/httpcore", "/h11/"),
    *("/starlette/", "/fastapi/", "/http/client.py"),
)
_PLACES: Final = (
    ("sql", ("/node/adapters/sql/",), ("/sqlalchemy/", "/sqlite3/", "/psycopg")),
    ("chain", ("/chain/", "/node/adapters/ledger.py"), ()),
    ("rpc", ("/node/adapters/rpc/", "/node/adapters/witness.py", "/protos/"), _WIRE),
    ("other", ("/node/", "/api/"), ()),
)
"""Part, files of ours below the root, and names in the paths of other people's packages."""


def part_of(frame: FrameType | None) -> str:
    """What the innermost call of known purpose is for; `rpc` if none is: a poller of gRPC's."""
    while frame is not None:
        code = frame.f_code
        if code not in _known:
            _known[code] = _part_of_code(code)
        if (part := _known[code]) is not None:
            return part
        if frame.f_back is None and not code.co_filename.endswith("threading.py"):
            return "other"
        frame = frame.f_back
    return "rpc"


_known: dict[CodeType, str | None] = {}


def _part_of_code(code: CodeType) -> str | None:
    """None: this call serves its caller's purpose."""
    path = code.co_filename.removeprefix(ROOT).replace(os.sep, "/")
    if path.endswith(_KEYS):
        return _CALLS.get(code.co_name)
    for part, ours, theirs in _PLACES:
        if path.startswith(ours) or any(name in path for name in theirs):
            return part
    return None


@dataclass(slots=True)
class Profiler:
    """Books this process's CPU time and writes it to a file each second, from its start on.

    `whole` books everything on one part: a chain's own process is `chain` to the last bit.
    """

    path: Path
    whole: str | None = None
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    seen: dict[int, float] = field(default_factory=dict)
    started: bool = False
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, on a thread of its own. What others wrote beside our file before is removed."""
        for old in self.path.parent.glob(f"*{SUFFIX}"):
            old.unlink()
        self.join()

    def join(self) -> None:
        """Begin beside others that write into the same folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.started = True
        self._thread = threading.Thread(target=self._run, name="profiler", daemon=True)
        self._thread.start()
        atexit.register(self.write)

    def end(self) -> None:
        """Book and write no more, at the end of the process neither: the folder may go."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        atexit.unregister(self.write)

    def write(self) -> None:
        """Write what is booked so far; what no thread of Python used is gRPC's."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        total = used.ru_utime + used.ru_stime
        booked = dict(self.seconds)
        booked["rpc" if TELLS else "other"] += max(0.0, total - sum(booked.values()))
        if self.whole is not None:
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            total += children.ru_utime + children.ru_stime
            booked = dict.fromkeys(PARTS, 0.0) | {self.whole: total}
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(booked), "ascii")
        aside.replace(self.path)

    def total(self) -> Mapping[str, float]:
        """What all processes have used that write into this folder, by part, since our start."""
        total = dict.fromkeys(PARTS, 0.0)
        if not self.started:
            return total
        self.write()
        for path in self.path.parent.glob(f"*{SUFFIX}"):
            booked = json.loads(path.read_bytes())
            for part in PARTS:
                total[part] += float(booked[part])
        return total

    def look(self) -> None:
        """Book what every thread has used since the last look."""
        frames = _frames()
        for thread in threading.enumerate():
            used = _used(thread.native_id)
            if used is None or thread.ident is None:
                continue
            fresh = used - self.seen.get(thread.ident, 0.0)
            self.seen[thread.ident] = used
            if fresh > 0:
                self.seconds[part_of(frames.get(thread.ident))] += fresh

    def _run(self) -> None:
        written = time.monotonic()
        while not self._ended.wait(LOOK_S):
            if self.whole is None:
                self.look()
            if time.monotonic() - written >= WRITE_S:
                self.write()
                written = time.monotonic()


def _frames() -> Mapping[int, FrameType]:
    """Where each thread stands, by its ident; asked for while no garbage is collected.

    CPython 3.11 holds a lock while it makes these frames, which a `threading.local` that is
    collected then asks for again: the process would stand still for ever (cpython #106883).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        if was_on:
            gc.enable()


def _used(native: int | None) -> float | None:
    """CPU seconds of a thread, or None where the system does not tell or it has ended."""
    if native is None or not TELLS:
        return None
    try:
        # The clock of a thread by its kernel id: MAKE_THREAD_CPUCLOCK of Linux' posix-timers.h.
        return time.clock_gettime(~native << 3 | 6)
    except OSError:
        return None


def start_if_asked(command: str) -> None:
    """Start if `YUANPING_PROFILE` names a folder; `command` is the first word of the command."""
    folder = os.environ.get("YUANPING_PROFILE")
    if folder:
        path = Path(folder) / f"{command}-{os.getpid()}{SUFFIX}"
        Profiler(path, "chain" if command == "chain" else None).join()
