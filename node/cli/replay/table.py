"""A CSV as rows with their line numbers; whatever is wrong with it names the line (interfaces I3).

The file is somebody else's: its size and the length of its fields are bounded, and nothing of it is
believed before it was checked.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from node.core.errors import ConfigError

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000
BOM = b"\xef\xbb\xbf"

Row = Mapping[str, str]
Numbered = tuple[int, Row]
"""Line number and row."""


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV as it was read, once: what is replayed is what was hashed."""

    path: Path
    data: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hex."""
        return sha256(self.data).hexdigest()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in its first line; none in an empty file."""
        return tuple(self._reader().fieldnames or ())

    def rows(self, wanted: Sequence[str]) -> Iterator[Numbered]:
        """Every row; the columns `wanted` are there. Raises ConfigError."""
        try:
            reader = self._reader()
            self._check_columns(reader.fieldnames or (), wanted)
            for count, row in enumerate(reader, 1):
                if None in row or None in row.values():
                    raise self.wrong(reader.line_num, "not as many values as columns")
                if count > MAX_ROWS:
                    raise self.wrong(reader.line_num, f"more than {MAX_ROWS} rows")
                yield reader.line_num, row
        except csv.Error as error:
            raise self.wrong(reader.line_num + 1, str(error)) from None

    def groups(self, wanted: Sequence[str], by: str, kind: str) -> dict[str, list[Numbered]]:
        """The rows, as `rows` gives them, of each value of a column; `kind` is what these are.

        Raises ConfigError, also if there is not one.
        """
        found: dict[str, list[Numbered]] = {}
        for number, row in self.rows(wanted):
            found.setdefault(row[by], []).append((number, row))
        if not found:
            raise ConfigError(f"{self.path} holds no {kind}", code="unreadable")
        return found

    def wrong(self, line: int, detail: str) -> ConfigError:
        """What to raise for a line."""
        return ConfigError(f"{self.path}, line {line}: {detail}", code="unreadable")

    def _reader(self) -> csv.DictReader[str]:
        text = self.data.removeprefix(BOM).decode()
        return csv.DictReader(io.StringIO(text, newline=""), strict=True)

    def _check_columns(self, found: Sequence[str], wanted: Sequence[str]) -> None:
        missing = [name for name in wanted if name not in found]
        if missing:
            raise self.wrong(1, f"there is no column {missing[0]}")
        if len(set(found)) != len(found):
            raise self.wrong(1, "a column stands twice")


def read_table(path: Path) -> Table:
    """Read the file. Raises ConfigError if it is too large or no UTF-8, naming the line."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES >> 20} MiB", code="unreadable")
    table = Table(path, data)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise table.wrong(line, "not UTF-8; save the file as CSV in UTF-8") from None
    return table
