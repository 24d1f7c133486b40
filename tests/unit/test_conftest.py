"""The rule about skipped tests, tried on a project of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

from tests.conftest import ROOT

SKIPPING = {
    "test_file.py": "import pytest\npytest.skip('no go', allow_module_level=True)\n",
    "test_body.py": (
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): pytest.skip('no npm:\\n  install it')\n"
        "def test_c(): pytest.skip('no npm:\\n  install it')\n"
    ),
    "test_mark.py": "import pytest\n@pytest.mark.skip('later')\ndef test_a(): pass\n",
    "test_data.py": "def test_a(shared_data): pass\n",
    "test_xfail.py": "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_a(): assert 0\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project with our conftest and one test file of each way to skip."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    for name, source in SKIPPING.items():
        (tmp_path / "tests" / name).write_text(source, "utf-8")
    return tmp_path


def run(project: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on it, apart from ourselves."""
    env = {**os.environ, "YUANPING_DATA": str(project / "nowhere"), "YUANPING_REQUIRE": ""}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=project,
        env={**env, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_was_left_out_is_listed_once_with_its_reason(project: Path) -> None:
    result = run(project)
    assert result.returncode == 0, result.stdout
    listed = [line for line in result.stdout.splitlines() if line.startswith("LEFT OUT: ")]
    assert listed == [
        "LEFT OUT: test_body.py: no npm: install it",
        "LEFT OUT: test_data.py: no real data: set YUANPING_DATA to the folder that holds them",
        "LEFT OUT: test_file.py: no go",
        "LEFT OUT: test_mark.py: later",
        "LEFT OUT: test_xfail.py: known",
    ]


def test_full_run_fails_on_every_kind_of_skip(project: Path) -> None:
    (project / "tests" / "test_file.py").unlink()
    result = run(project, YUANPING_REQUIRE="all")
    assert result.returncode == 1
    assert "3 failed, 1 passed, 2 errors" in result.stdout
    assert "left out under YUANPING_REQUIRE=all: no npm: install it" in result.stdout


def test_full_run_fails_on_a_file_that_skips_itself(project: Path) -> None:
    result = run(project, YUANPING_REQUIRE="all")
    assert result.returncode == 2
    assert "left out under YUANPING_REQUIRE=all: no go" in result.stdout


def test_full_run_allows_what_the_kernel_forbids_and_says_so(project: Path) -> None:
    for path in (project / "tests").glob("test_*.py"):
        path.unlink()
    source = "import pytest\ndef test_a(): pytest.skip('the kernel forbids it here: mount')\n"
    (project / "tests" / "test_disk.py").write_text(source, "utf-8")
    result = run(project, YUANPING_REQUIRE="all")
    assert result.returncode == 0, result.stdout
    assert "LEFT OUT: test_disk.py: the kernel forbids it here: mount" in result.stdout


def test_outside_network_is_closed_to_tests() -> None:
    with (
        socket.socket() as closed,
        pytest.warns(UserWarning, match="192.0.2.1"),
        pytest.raises(SocketConnectBlockedError),
    ):
        closed.connect(("192.0.2.1", 9))


def test_loopback_and_unix_sockets_are_open_to_tests(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
