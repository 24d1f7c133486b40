"""`yuanping node losses`: what a restored node could not get back, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output


def losses(
    config: Annotated[Path, typer.Option(help=say("配置文件", "The configuration file."))] = Path(
        "config.toml"
    ),
    json: JsonOption = False,
) -> int:
    """List what nobody could give back after a restore; 0 if nothing was lost, 1 if something."""
    from node.adapters.sql.looking import LookedAt
    from node.adapters.sql.store import SqlStore
    from node.services.standing import losses_of, mark_of
    from node.settings import read_settings

    output, settings = Output(as_json=json), read_settings(config)
    store = SqlStore(LookedAt(settings.store.database_url, at_once=True))
    try:
        found, mark = losses_of(store), mark_of(store)
    finally:
        store.close()
    for loss in found:
        text = f"{loss.kind}  {loss.name}\n  {say(loss.detail_zh, loss.detail)}"
        output.event("loss", text, kind=loss.kind, name=loss.name, detail=loss.detail)
    reading = say("；节点尚未追上", "; it has not caught up yet") if mark else ""
    told = say(f"{len(found)} 项未能取回{reading}", f"{len(found)} lost{reading}")
    output.end(told, losses=len(found), catching_up=mark is not None)
    return 1 if found else 0
