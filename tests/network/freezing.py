"""A demo that is listened to, and frozen whole at any moment: a picture of all that everybody has.

Frozen means SIGSTOP to the conductor and all its descendants, so that no store is half written. A
picture is a copy of the demo's folder and of the messages so far, and the answers of every public
page while the nodes ran and the conductor already stood.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.network.demo_process import Demo, start_demo

QUIET_S = 1.0
STAND_S = 20.0
PAGES = (
    "/",
    "/readyz",
    "/log/checkpoint",
    "/api/v1/node",
    "/api/v1/partners",
    "/api/v1/tenders",
    "/api/v1/trust",
)
OF_TENDER = ("", "/evidence", "/evidence?as=public")


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment: `site` the demo's folder, `messages` and `pages` beside it."""

    name: str
    folder: Path

    @property
    def site(self) -> Path:
        """The copy of the demo's folder."""
        return self.folder / "site"

    @property
    def messages(self) -> Path:
        """Messages by party."""
        return self.folder / "messages"

    @property
    def pages(self) -> Path:
        """Public answers by node."""
        return self.folder / "pages"


def start_heard(folder: Path, messages: Path, *words: str) -> Demo:
    """Start `yuanping demo` with every process listened to; skip if anvil is missing."""
    return start_demo(folder, "--json", *words, spied={"LEAK_SPY": str(messages)})


def family(pid: int) -> list[int]:
    """A process and all its descendants, parents first."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(words[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _signal(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def family_of(pid: int, folder: Path) -> list[int]:
    """Those descendants of a process that were started with this folder as their own."""
    found = []
    for one in family(pid):
        try:
            words = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(one)
    return found


class Reins:
    """Holds programs of a demo still, so that the others come to rest where those are awaited."""

    def __init__(self, demo: Demo, names: Sequence[str]) -> None:
        self._demo, self._names = demo, names
        self._held: dict[str, list[int]] = {}

    def hold(self) -> None:
        """Stop all that do not stand already."""
        for name in self._names:
            if name not in self._held:
                folder = self._demo.folder / "actors" / name
                self._held[name] = family_of(self._demo.process.pid, folder)
                assert self._held[name], f"{name} does not run"
                _signal(self._held[name], signal.SIGSTOP)
                _until_they_stand(self._held[name])

    @property
    def held(self) -> set[int]:
        """The processes that stand; fails if one of them goes."""
        pids = {pid for found in self._held.values() for pid in found}
        assert all(_stands(pid) for pid in pids), "somebody woke a program that is held"
        return pids

    def release(self, *names: str) -> None:
        """Let these go on."""
        for name in names:
            _signal(self._held.pop(name, []), signal.SIGCONT)

    def until_quiet(self, pause: float = QUIET_S) -> None:
        """Wait until nobody has said anything for a while."""
        count, since = -1, time.monotonic()
        while time.monotonic() - since < pause:
            if (now := len(self._demo.events)) != count:
                count, since = now, time.monotonic()
            assert self._demo.process.poll() is None, self._demo.err[-3000:]
            time.sleep(0.05)


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """These processes stand still inside of the block."""
    _signal(pids, signal.SIGSTOP)
    try:
        _until_they_stand(pids)
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _until_they_stand(pids: Sequence[int]) -> None:
    """A stop takes effect some time after its signal, longer while a program waits for the disk."""
    end = time.monotonic() + STAND_S
    while not all(_stands(pid) for pid in pids):
        assert time.monotonic() < end, "a stopped program goes on"
        time.sleep(0.005)


def _stands(pid: int) -> bool:
    """Whether it stands, or is gone."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "TZX"


def take(demo: Demo, messages: Path, folder: Path, held: Set[int]) -> Picture:
    """Take a picture of a running demo. The conductor stands first, so the clock does not move.

    Who is held already stays so.
    """
    picture = Picture(folder.name, folder)
    folder.mkdir(parents=True)
    with stopped([demo.process.pid]):
        read_pages(demo, picture.pages)
        with stopped([pid for pid in family(demo.process.pid)[1:] if pid not in held]):
            shutil.copytree(demo.folder, picture.site, ignore=_sockets, copy_function=_copy)
            shutil.copytree(messages, picture.messages)
    return picture


def _copy(source: str, target: str) -> None:
    shutil.copy2(source, target, follow_symlinks=False)


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket()]


def read_pages(demo: Demo, folder: Path) -> None:
    """Keep what every node answers to anybody, also where it refuses, and its log's tiles."""
    network = demo.document("network.json")
    for centre in network["centres"]:
        target = folder / centre["id"]
        target.mkdir(parents=True)
        paths = [*PAGES, *(f"/api/v1/tenders/{demo_tender(demo)}{end}" for end in OF_TENDER)]
        size = _log_size(fetch(centre["http"] + "/log/checkpoint"))
        paths += tile_paths(size)
        for number, path in enumerate(paths):
            (target / f"{number:04}").write_bytes(
                path.encode() + b"\n" + fetch(centre["http"] + path)
            )


def demo_tender(demo: Demo) -> str:
    """The tender of a demo."""
    mark = demo.document("demo.json")
    return str(mark["tender"])


def tile_paths(size: int) -> list[str]:
    """Every entry bundle of a log and its tiles of level 0."""
    found = []
    for number in range((size + 255) // 256):
        width = min(256, size - number * 256)
        name = f"{number:03}" + ("" if width == 256 else f".p/{width}")
        found += [f"/log/tile/entries/{name}", f"/log/tile/0/{name}"]
    return found


def _log_size(note: bytes) -> int:
    lines = note.decode().splitlines()
    return int(lines[1]) if len(lines) > 1 and lines[1].isdigit() else 0


def fetch(url: str) -> bytes:
    """The answer's headers and body, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own nodes
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())
    except (TimeoutError, urllib.error.URLError) as error:
        return repr(error).encode()
