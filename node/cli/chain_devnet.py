"""`yuanping chain devnet`: serve the development chain of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.adapters.clock import SystemClock
from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError, UnavailableError
from node.core.records.canonical import epoch_of

CHAIN_ID = 20260
"""The development chain's: nodes take a test clock from no other (interfaces I0)."""


def chain_devnet(
    dir: Annotated[
        Path, typer.Option("--dir", help=say("链的文件夹", "Folder that keeps the chain."))
    ],
    port: Annotated[
        int, typer.Option(help=say("端口；0 用上次的或空闲的", "Port; 0: the last one, or any."))
    ] = 0,
    start_time: Annotated[
        str | None,
        typer.Option(help=say("新链的测试时钟起点", "Where a new chain's test clock starts.")),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Serve until SIGTERM or SIGINT; `state.json` names this process once it is ready.

    Raises ConfigError for a folder in use or of another chain, UnavailableError if it fails later.
    """
    from chain.devnet import run_devnet
    from chain.errors import ChainError, ChainUnavailable

    output = Output(as_json=json)
    start = epoch_of(start_time) if start_time else None
    output.progress(say(f"开发链 {dir}，Ctrl-C 停止", f"development chain {dir}; Ctrl-C stops it"))
    try:
        run_devnet(dir, port, CHAIN_ID, start, now=SystemClock().now())
    except ChainUnavailable as error:
        raise UnavailableError(error.detail, code="chain") from None
    except ChainError as error:
        raise ConfigError(error.detail) from None
    except OSError as error:
        if error.filename is not None:
            raise
        raise ConfigError(f"cannot listen on its port: {error.strerror}") from None
    output.end(say("已停止", "stopped"), dir=str(dir))
