"""A real development chain in a process of its own, for the suites that need one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chain.anvil import anvil_path, is_anvil
from chain.client import ChainClient
from chain.deploy import Deployment, Founder, deploy
from chain.devnet import run_devnet
from chain.errors import ChainError
from chain.sender import signer_of

CHAIN_ID = 20260
START = 1_500_000_000
DEPLOYER = b"\x7f" * 32
KEYS = [bytes([i + 1]) * 32 for i in range(4)]
ROOT = Path(__file__).parents[1]
WAIT_S = 20


def account_of(key: bytes) -> str:
    """Give the account of a private key in our spelling."""
    address: str = signer_of(key).address
    return address.lower()


ACCOUNTS = [account_of(key) for key in KEYS]
STRANGER = b"\x66" * 32


def founders() -> list[Founder]:
    """Give four members; only their accounts matter here."""
    return [
        Founder(bytes([i + 1]) * 32, account, b'{"account":"%b"}' % account[2:].encode())
        for i, account in enumerate(ACCOUNTS)
    ]


@dataclass
class ChainProcess:
    """One start of `run_devnet` on a folder, in a process group of its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.state['port']}"

    def client(self, deployment: Deployment, key: bytes | None = None) -> ChainClient:
        """Give a client of the deployed contracts."""
        return ChainClient(self.url, CHAIN_ID, deployment.contracts, key)

    def deploy(self) -> Deployment:
        """Found the network, or find it founded."""
        return deploy(self.url, CHAIN_ID, DEPLOYER, founders(), self.folder / "deploy.json")

    def kill_all(self) -> None:
        """Kill -9 process, guard and anvil at one blow."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill(self) -> None:
        """Kill -9 our process alone; the guard must end anvil."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; give its exit status."""
        self.process.terminate()
        return self.process.wait(WAIT_S)


def start_chain(folder: Path, *, start_time: int | None = START) -> ChainProcess:
    """Start the chain of `folder` and wait until it is ready; skip if anvil is missing."""
    try:
        anvil_path()
    except ChainError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "tests.chain_process", str(folder), str(start_time)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stderr").open("ab") as errors:
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=errors)
    chain = ChainProcess(folder, process)
    try:
        _wait_ready(chain)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return chain


def _wait_ready(chain: ChainProcess) -> None:
    folder, process = chain.folder, chain.process
    end = time.monotonic() + WAIT_S
    while chain.state.get("pid") != process.pid:
        assert process.poll() is None, (folder / "stderr").read_text()
        assert time.monotonic() < end, "the chain does not become ready"
        time.sleep(0.01)
        if (folder / "state.json").exists():
            chain.state = json.loads((folder / "state.json").read_bytes())


def is_gone(chain: ChainProcess) -> bool:
    """Whether the anvil of this start ends within a second."""
    for _ in range(100):
        if not is_anvil(chain.state["anvil_pid"], chain.state["anvil_port"]):
            return True
        time.sleep(0.01)
    return False


def guard_of(chain: ChainProcess) -> int:
    """Give the process id of the shell between us and anvil."""
    pid = chain.state["anvil_pid"]
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        return int(status.read_text().rpartition(")")[2].split()[1])
    shown = subprocess.run(["ps", "-p", str(pid), "-o", "ppid="], capture_output=True, check=True)
    return int(shown.stdout)


if __name__ == "__main__":
    given = None if sys.argv[2] == "None" else int(sys.argv[2])
    run_devnet(Path(sys.argv[1]), 0, CHAIN_ID, given, now=int(time.time()))
