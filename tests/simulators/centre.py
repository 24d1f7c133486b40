"""A centre's folder as `yuanping node init` leaves it, on a database of the test's choice."""

from __future__ import annotations

from pathlib import Path

from node.cli.config_file import ConfigFile
from tests.simulators.people import HOST


def make_centre(folder: Path, url: str, member: str = HOST) -> Path:
    """The folder, with a configuration and one file among its keys; no node can start from it."""
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "log.key").write_text("ab" * 32)
    file = ConfigFile(
        about="a test",
        id=member,
        role="centre",
        name_zh="株洲",
        name_en="Zhuzhou",
        http="127.0.0.1:8080",
        grpc="127.0.0.1:8443",
        rpc="http://127.0.0.1:8545",
        registry="0x" + "00" * 20,
        origin=f"{member}.example/log",
        tick_ms=10_000,
        smallest_tick=64,
        clock="system",
        database_url=url,
    )
    (folder / "config.toml").write_text(file.text(), "utf-8")
    return folder
