"""What every suite shares: the rule about skipped tests, and where the real data lie.

`YUANPING_REQUIRE=all` is the promise of the full run: nothing is left out. Each skip, at collection
or in a test, then fails with its reason. Without it, what was left out is listed at the end of the
run, one `LEFT OUT: <suite>: <why>` a line. The network is closed to tests but for the loopback
interface and Unix sockets (options of pytest-socket in pyproject.toml).
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, start_postgres

ROOT = Path(__file__).parents[1]

FORBIDDEN = "the kernel forbids it here:"
"""The one skip that the full run allows: no tool that could be installed would help."""
TestRun = Generator[None, pytest.TestReport, pytest.TestReport]
Collection = Generator[None, pytest.CollectReport, pytest.CollectReport]


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Say in one line why this report was skipped."""
    if isinstance(report.longrepr, tuple):
        text = str(report.longrepr[2])
    else:
        text = getattr(report, "wasxfail", "") or str(report.longrepr or "no reason given")
    return " ".join(text.removeprefix("Skipped: ").split())


def suite_of(nodeid: str) -> str:
    """Name the suite of a test: its file, without the folder that holds all of them."""
    return nodeid.partition("::")[0].removeprefix("tests/")


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure when the full run was promised."""
    if report.skipped and os.environ.get("YUANPING_REQUIRE") == "all":
        why = reason_of(report)
        if why.startswith(FORBIDDEN):
            return
        report.outcome = "failed"
        report.longrepr = f"left out under YUANPING_REQUIRE=all: {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> TestRun:
    """Judge the skips of tests and fixtures."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Collection:
    """Judge the skips of whole files."""
    report = yield
    refuse_skip(report)
    return report


def left_out(reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> list[str]:
    """List each suite and reason once, in order."""
    pairs = {(suite_of(report.nodeid), reason_of(report)) for report in reports}
    return [f"LEFT OUT: {suite}: {why}" for suite, why in sorted(pairs)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End the run with what it did not try."""
    stats = terminalreporter.stats
    for line in left_out([*stats.get("skipped", []), *stats.get("xfailed", [])]):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of the real tenders and panels, `YUANPING_DATA`."""
    folder = Path(os.environ.get("YUANPING_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real data: set YUANPING_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a PostgreSQL that runs; each test makes databases of its own in it."""
    server = start_postgres()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database, once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/node.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()
