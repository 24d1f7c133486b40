"""How commands answer: sentences for a person, JSON Lines for a machine (interfaces I0).

With `--json`, stdout holds one JSON object a line and nothing else, the last one `end` or `error`;
progress goes to stderr. For a person, results go to stdout, progress and the one error line to
stderr. Times, money and digests are given by the caller in their written form.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, TextIO

import typer

from node.cli.language import say
from node.core.errors import NodeError

JsonOption = Annotated[
    bool, typer.Option("--json", help=say("输出 JSON Lines", "Write JSON Lines to stdout."))
]
"""The `--json` of a command: `def verify(files: …, json: JsonOption = False)`."""

STYLES = {"good": "32", "bad": "31"}


class Output:
    """Where one command writes. `as_json` chooses the machine's form."""

    def __init__(
        self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.as_json = as_json
        self._out = sys.stdout if out is None else out
        self._err = sys.stderr if err is None else err

    def event(self, name: str, text: str = "", /, **members: object) -> None:
        """Tell one fact: `{"event": name, …members}` to a machine, `text` (if any) to a person."""
        if self.as_json:
            line = json.dumps({"event": name, **members}, ensure_ascii=False, separators=(",", ":"))
            self._write(self._out, line)
        elif text:
            self._write(self._out, text)

    def end(self, text: str = "", /, **members: object) -> None:
        """Tell that the command is done: the last event of a run that came to an answer."""
        self.event("end", text, **members)

    def error(self, error: NodeError) -> None:
        """Tell why the command stopped: the last event, or one line on stderr for a person."""
        advice = say(error.advice_zh, error.advice)
        if self.as_json:
            self.event("error", code=error.code, detail=str(error), advice=advice)
            return
        what = " ".join(str(error).split()).rstrip(".。")
        label = self.paint("error", "bad", self._err)
        self._write(self._err, f"{label}: {error.code}: {what}. {advice}")

    def progress(self, text: str) -> None:
        """Tell how far we are, on stderr."""
        self._write(self._err, text)

    def paint(self, text: str, style: str, stream: TextIO | None = None) -> str:
        """Colour a word (`good`, `bad`) on a terminal, unless `NO_COLOR` is set."""
        target = self._out if stream is None else stream
        if self.as_json or os.environ.get("NO_COLOR") or not target.isatty():
            return text
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m"

    @staticmethod
    def _write(stream: TextIO, line: str) -> None:
        # Flushed line by line: a reader at the other end of a pipe sees each fact as it happens.
        stream.write(line + "\n")
        stream.flush()
