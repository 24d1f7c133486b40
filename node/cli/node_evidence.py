"""`yuanping node evidence`: evidence files from this node's own store, whoever else is gone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.demo.site import replace_file
from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError, NodeError

if TYPE_CHECKING:
    from node.cli.archive import Archive
    from node.services.ports import StreamRow
    from node.settings import Settings

BIDDER = re.compile(r"bidder:[0-9a-f]{64}")


def evidence(
    out: Annotated[Path, typer.Option(help=say("输出文件夹", "Folder for the files."))],
    config: Annotated[Path, typer.Option(help=say("配置文件", "The configuration file."))] = Path(
        "config.toml"
    ),
    tender: Annotated[
        list[str] | None, typer.Option(help=say("项目编号，可多次", "A tender; may be repeated."))
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help=say("全部项目", "All tenders of this store."))
    ] = False,
    reader: Annotated[
        str | None,
        typer.Option("--as", help=say("读者（默认本节点）", "For whom; default: for this node.")),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Make evidence files; 0 only if every one could be made.

    The node may run or not. Proofs of the chain are those that were kept, else the chain is asked.
    """
    from node.cli.archive import archive
    from node.settings import read_settings

    if bool(tender) == everything:
        raise ConfigError("give --tender or --all, one of the two", code="usage")
    settings, output = read_settings(config), Output(as_json=json)
    with archive(settings) as found:
        if found.offline:
            output.progress(
                say("链没有应答：使用已保存的链上证明", "the chain is silent: using kept proofs")
            )
        writer = Writer(found, _reader_of(reader, settings), out, output)
        wanted = _chosen(found.tenders(), tender)
        failed = [str(row.tender) for row in wanted if not writer.make(row, wanted)]
    made = len(wanted) - len(failed)
    told = say(f"{made} 个证据文件，读者 {writer.reader}", f"{made} files for {writer.reader}")
    output.end(told, tenders=len(wanted), made=made, failed=failed, reader=writer.reader)
    return 1 if failed else 0


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the files of one reader in one folder."""

    archive: Archive
    reader: str
    out: Path
    output: Output

    def make(self, row: StreamRow, wanted: Sequence[StreamRow]) -> bool:
        """Make one tender's file and tell of it; False if it cannot be made."""
        name = str(row.tender)
        if sum(other.tender == row.tender for other in wanted) > 1:
            name = f"{name}.{row.keeper}"
        path = self.out / f"{name}.{self.reader.replace(':', '-')}.evidence.json"
        try:
            data = self.archive.evidence.now(row.id, self.reader)
        except NodeError as error:
            text = f"{row.tender}  {say('未能制作', 'NOT MADE')}  {error.code}: {error}"
            told = {"code": error.code, "detail": str(error)}
            self.output.event("evidence", text, tender_id=row.tender, file=None, error=told)
            return False
        # A member's own file holds what the public may not read.
        replace_file(path, data, 0o644 if self.reader == "public" else 0o600)
        text = f"{row.tender}  {path}"
        self.output.event("evidence", text, tender_id=row.tender, file=str(path), error=None)
        return True


def _reader_of(asked: str | None, settings: Settings) -> str:
    """The reader that is asked for, or this member. Raises ConfigError."""
    own = f"centre:{settings.centre.id}" if settings.centre.role == "centre" else "regulator"
    if asked is None or asked in (own, "public") or BIDDER.fullmatch(asked):
        return asked or own
    raise ConfigError(f"--as is {own}, public or bidder:<key id>", code="usage")


def _chosen(rows: Sequence[StreamRow], names: Sequence[str] | None) -> list[StreamRow]:
    """The tenders of these names, or all. Raises ConfigError for a name that is not there."""
    if not names:
        return list(rows)
    unknown = sorted(set(names) - {str(row.tender) for row in rows})
    if unknown:
        raise ConfigError(f"no tender {unknown[0][:64]} in this store", code="usage")
    return [row for row in rows if row.tender in names]
