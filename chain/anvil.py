"""Starting and surely ending the one program that runs the development chain's EVM.

anvil outlives a parent that is killed. So a shell stands between: it holds a pipe whose other end
only we have, and when that closes, for whatever reason, it kills anvil. This works on Linux and
macOS. If the shell dies as well, the next start kills the anvil that the state file names.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from chain.errors import ChainError, ChainUnavailable
from chain.ports import free_port
from chain.rpc import Rpc

GUARD = """trap '' INT TERM HUP
"$@" </dev/null >&2 &
child=$!
echo $child
cat >/dev/null
kill -9 $child 2>/dev/null
wait $child
"""
STATES_KEPT = 32
"""Blocks, counted from the newest, whose storage can still be read and proven."""
GAS_LIMIT = 1_000_000_000
START_TIMEOUT_S = 20
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Anvil:
    """A running anvil: its own process id and port, and the guard that ends it with us."""

    pid: int
    port: int
    rpc: Rpc
    guard: subprocess.Popen[bytes]

    def is_running(self) -> bool:
        """Whether it still is the process we started."""
        return is_anvil(self.pid, self.port)

    def stop(self) -> None:
        """End anvil and its guard; returns when both are gone."""
        self.rpc.close()
        if self.guard.stdin is not None:
            self.guard.stdin.close()
        self.guard.wait(START_TIMEOUT_S)
        if self.guard.stdout is not None:
            self.guard.stdout.close()


def anvil_path() -> Path:
    """anvil's own binary: YUANPING_ANVIL, or what npm has put beside this package.

    Never `.bin/anvil`: that is a script, and killing it leaves anvil alive. Raises ChainError.
    """
    if named := os.environ.get("YUANPING_ANVIL"):
        path = Path(named)
    else:
        system = platform.system().lower()
        machine = MACHINES.get(platform.machine().lower(), platform.machine())
        packages = Path(__file__).resolve().parent.parent / "node_modules" / "@foundry-rs"
        path = packages / f"anvil-{system}-{machine}" / "bin" / "anvil"
    if not path.is_file():
        raise ChainError(f"no anvil at {path}: run `npm ci --ignore-scripts` or set YUANPING_ANVIL")
    return path


def start_anvil(chain_id: int, genesis_time: int, log: Path) -> Anvil:
    """Start an empty chain and return once it answers. Its blocks are mined only when asked for.

    Paris has no base-fee surprises for us and makes equal journals give equal block hashes.
    """
    port = free_port()
    command = [
        *("/bin/sh", "-c", GUARD, "sh", str(anvil_path())),
        *("--host", "127.0.0.1", "--port", str(port), "--silent"),
        *("--chain-id", str(chain_id), "--timestamp", str(genesis_time)),
        *("--hardfork", "paris", "--gas-limit", str(GAS_LIMIT)),
        *("--gas-price", "0", "--block-base-fee-per-gas", "0"),
        *("--accounts", "1", "--balance", "0", "--order", "fifo", "--no-mining", "--no-cors"),
        # Without a limit anvil writes its whole state to disk for every block.
        *("--no-request-size-limit", "--prune-history", str(STATES_KEPT)),
    ]
    with log.open("ab") as errors:
        guard = subprocess.Popen(  # noqa: S603 - our own program, fixed words
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    if guard.stdout is None:
        raise ChainError("the guard has no output")
    anvil = Anvil(int(guard.stdout.readline()), port, Rpc(f"http://127.0.0.1:{port}"), guard)
    _wait(anvil)
    return anvil


def kill_stale(pid: int, port: int) -> None:
    """Kill the anvil of an earlier start if it is still there, and nothing else."""
    if is_anvil(pid, port):
        os.kill(pid, signal.SIGKILL)


def is_anvil(pid: int, port: int) -> bool:
    """Whether this process is an anvil on this port; process ids are used again by others."""
    shown = _command_of(pid)
    return "anvil" in shown and f"--port {port} " in shown


def _command_of(pid: int) -> str:
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():  # Linux; small images have no `ps`
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
    done = subprocess.run(  # noqa: S603 - fixed words and a number
        ["ps", "-ww", "-p", str(pid), "-o", "args="],  # noqa: S607 - ps is found on PATH
        capture_output=True,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def _wait(anvil: Anvil) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            anvil.rpc.call("eth_chainId")
            return
        except ChainUnavailable:
            if time.monotonic() > end or anvil.guard.poll() is not None:
                anvil.stop()
                raise ChainError("anvil does not start; see anvil.log") from None
            time.sleep(0.01)
