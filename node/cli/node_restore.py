"""`yuanping node restore`: an empty node from a backup; it only reads until it has caught up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError, NodeError

if TYPE_CHECKING:
    from node.adapters.backup import Reading
    from node.settings import Settings

TELL_EVERY = 200
SOURCE = "restored/from"
"""The fact that says from which database, by its SHA-256 in the backup, a store was restored."""


def restore(
    source: Annotated[Path, typer.Option("--from", help=say("备份文件", "The backup."))],
    config: Annotated[Path, typer.Option(help=say("配置文件", "The configuration file."))] = Path(
        "config.toml"
    ),
    json: JsonOption = False,
) -> int:
    """Check a backup, then put it into an empty store; cut off, it may simply be run again."""
    from node.adapters.backup import Reading
    from node.settings import read_settings

    output = Output(as_json=json)
    reading = Reading(source)
    try:
        settings = read_settings(config)
        _check_ours(reading, settings)
        already = _is_done(reading, settings)
        if not already:
            _restore(reading, settings, output)
    finally:
        reading.close()
    manifest = reading.manifest
    if already:
        output.progress(say("这份备份此前已完整恢复", "this backup was restored before, and whole"))
    output.end(
        say(
            f"已恢复 {manifest.made} 的备份。下一步：yuanping node run --config {config}；"
            "节点先只读，追上伙伴后自动恢复写入（/readyz 说明进度）。",
            f"restored the backup of {manifest.made}. Next: yuanping node run --config {config}; "
            "the node only reads until it has caught up with its partners (/readyz says how far).",
        ),
        made=manifest.made,
        log_size=manifest.size,
        files=len(manifest.files),
        already=already,
    )
    return 0


def _check_ours(reading: Reading, settings: Settings) -> None:
    manifest = reading.manifest
    ours = (settings.centre.id, settings.log.origin)
    if (manifest.member, manifest.origin) != ours:
        raise ConfigError(
            f"{reading.path} is of {manifest.member} ({manifest.origin}), not of {ours[0]}",
            code="backup",
        )


def _is_done(reading: Reading, settings: Settings) -> bool:
    """Whether this very backup is in place already, and no node has gone on from it.

    So it is where the command was cut off after its last step; its leftovers are removed.
    """
    from node.adapters.backup import DATABASE
    from node.adapters.sql.copying import beside, remove_copy
    from node.adapters.sql.looking import LookedAt
    from node.adapters.sql.store import SqlStore
    from node.services.standing import mark_of

    url = settings.store.database_url
    try:
        store = SqlStore(LookedAt(url, at_once=True))
    except NodeError:
        return False
    try:
        digest = reading.manifest.files.get(DATABASE, ("", 0))[0]
        is_done = mark_of(store) is not None and store.fact(SOURCE) == digest
    finally:
        store.close()
    if is_done:
        remove_copy(beside(url, settings.store.blobs.parent))
    return is_done


def _restore(reading: Reading, settings: Settings, output: Output) -> None:
    """Check all, then files, then the database with its mark: that comes last, and at once."""
    from node.adapters.backup import DATABASE
    from node.adapters.clock import SystemClock
    from node.adapters.sql.copying import Target, beside, remove_copy
    from node.services.standing import MARK, Mark

    def told(what: str, done: int, whole: int) -> None:
        output.progress(f"{what}  {done}/{whole}")

    reading.check(told)
    target = Target(settings.store.database_url)
    try:
        settings.store.blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = beside(settings.store.database_url, settings.store.blobs.parent)
        remove_copy(copy)
        _put_files(reading, settings, output)
        reading.unpack(DATABASE, copy)
        mark = Mark("restored", SystemClock().now(), reading.manifest.size)
        source = {SOURCE: reading.manifest.files[DATABASE][0]}
        target.take(copy, {MARK: mark.text(), **source}, told)
        remove_copy(copy)
    finally:
        target.close()


def _put_files(reading: Reading, settings: Settings, output: Output) -> None:
    """Files by digest harm nobody who has them already; keys are put only where none are."""
    from node.adapters.blobs import FileBlobs

    blobs = FileBlobs(settings.store.blobs)
    names = [name for name in reading.manifest.files if name.startswith("blobs/")]
    for number, name in enumerate(names, 1):
        blobs.put(reading.data(name))
        if number % TELL_EVERY == 0 or number == len(names):
            output.progress(f"blobs  {number}/{len(names)}")
    for name in reading.manifest.files:
        folder, _, file = name.partition("/")
        if folder == "keys" and not (settings.keys.dir / file).exists():
            settings.keys.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            reading.unpack(name, settings.keys.dir / file)
