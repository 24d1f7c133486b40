"""`yuanping node backup`: everything a node needs to come back, in one file, while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from node.adapters.backup import Writing
    from node.settings import Settings

TELL_EVERY = 200
"""Progress is told after so many files."""
BESIDE = ("config.toml", "descriptor.json")


def backup(
    to: Annotated[Path, typer.Option(help=say("备份文件或文件夹", "A file, or a folder."))],
    config: Annotated[Path, typer.Option(help=say("配置文件", "The configuration file."))] = Path(
        "config.toml"
    ),
    with_keys: Annotated[
        bool,
        typer.Option(
            "--with-keys",
            help=say("同时备份私钥（备份即等同私钥）", "The private keys, too: then guard it so."),
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help=say("覆盖已有文件", "Overwrite the file."))
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(help=say("文件夹中只保留最近几份", "Of a folder: keep so many, the newest.")),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Back a node up; it may run. Keys are left out unless asked for: keep them elsewhere."""
    from node.settings import read_settings

    output, settings = Output(as_json=json), read_settings(config)
    if keep is not None and (keep < 1 or not to.is_dir()):
        raise ConfigError("--keep is at least 1 and goes with a folder", code="usage")
    path = _target(to, settings)
    if path.exists() and not replace:
        raise ConfigError(f"{path} is there already; give another --to", code="not-empty")
    size = _write(path, settings, config, output, with_keys=with_keys)
    removed = _prune(path.parent, settings, keep) if keep is not None else []
    kept = say("含私钥", "with its keys") if with_keys else say("不含私钥", "without its keys")
    output.end(
        say(f"备份 {path}（{kept}）", f"backup {path} ({kept})"),
        path=str(path),
        log_size=size,
        keys=with_keys,
        removed=[one.name for one in removed],
    )
    return 0


def _target(to: Path, settings: Settings) -> Path:
    from node.adapters.clock import SystemClock
    from node.core.records.canonical import time_of

    if not to.is_dir():
        if not to.parent.is_dir():
            raise ConfigError(f"{to.parent}: there is no such folder", code="unreadable")
        return to
    now = time_of(SystemClock().now()).replace(":", "").replace("-", "")
    return to / f"{_prefix(settings)}{now}.tar"


def _prefix(settings: Settings) -> str:
    return f"yuanping-{settings.centre.id}-"


def _prune(folder: Path, settings: Settings, keep: int) -> list[Path]:
    """Remove the oldest backups of this node; their names sort by their time."""
    ours = re.compile(re.escape(_prefix(settings)) + r"\d{8}T\d{6}Z\.tar")
    found = sorted(path for path in folder.iterdir() if ours.fullmatch(path.name))
    old = found[:-keep]
    for path in old:
        path.unlink()
    return old


def _write(path: Path, settings: Settings, config: Path, output: Output, *, with_keys: bool) -> int:
    """Write the backup; the size of our log in it."""
    from node import __version__
    from node.adapters.backup import DATABASE, Manifest, writing
    from node.adapters.clock import SystemClock
    from node.adapters.sql.copying import snapshot
    from node.adapters.sql.store import SqlStore
    from node.core.records.canonical import time_of

    made = time_of(SystemClock().now())

    def told(what: str, done: int, whole: int) -> None:
        output.progress(f"{what}  {done}/{whole}")

    with _folder_beside(path) as folder:
        copy = folder / DATABASE
        snapshot(settings.store.database_url, copy, told)
        with writing(path, told) as tar:
            tar.add(DATABASE, copy)
            # After the database: every file that it names was there before it.
            _add_files(tar, settings, config, output, with_keys=with_keys)
            store = SqlStore(f"sqlite:///{copy}")
            try:
                newest = store.newest(settings.log.origin, quorum=False)
            finally:
                store.close()
            size = newest.size if newest else 0
            facts = {"version": __version__, "keys": with_keys}
            tar.end(Manifest(settings.centre.id, settings.log.origin, made, size, facts, tar.files))
    return size


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A folder of our own beside the target: there is room for the backup, and the copy is as
    secret as it.

    Raises UnavailableError (`disk-full`, `disk-read-only`, `store`).
    """
    from node.adapters.durable import code_of, refused

    try:
        folder = TemporaryDirectory(prefix=".backup-", dir=path.parent)
    except OSError as error:
        why = f"{path.parent} cannot be written ({error.strerror})"
        raise refused(why, code_of(error)) from error
    with folder as name:
        yield Path(name)


def _add_files(
    tar: Writing, settings: Settings, config: Path, output: Output, *, with_keys: bool
) -> None:
    from node.adapters.backup import blob_name

    for name in BESIDE:
        path = config if name == BESIDE[0] else config.parent / name
        if path.is_file():
            tar.add(name, path)
    for path in _keys(settings) if with_keys else ():
        tar.add(f"keys/{path.name}", path)
    blobs = sorted(_blobs(settings.store.blobs))
    for number, digest in enumerate(blobs, 1):
        name = blob_name(digest)
        tar.add(name, settings.store.blobs / digest[:2] / digest[2:])
        if tar.files[name][0] != digest:
            raise UnavailableError(f"file {digest[:16]}… is damaged on disk", code="store")
        if number % TELL_EVERY == 0 or number == len(blobs):
            output.progress(f"blobs  {number}/{len(blobs)}")


def _keys(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.keys.dir.iterdir() if path.is_file())


def _blobs(folder: Path) -> Iterator[str]:
    """The digests of all whole files."""
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        if len(path.name) == 62:
            yield path.parent.name + path.name
