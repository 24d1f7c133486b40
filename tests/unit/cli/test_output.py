"""Two forms of the same answers: sentences and JSON Lines (interfaces I0)."""

from __future__ import annotations

import io
import json

import pytest

from node.cli.output import Output
from node.core.errors import RuleError


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def pair(*, as_json: bool) -> tuple[Output, io.StringIO, io.StringIO]:
    """Give an output with both its streams."""
    out, err = io.StringIO(), io.StringIO()
    return Output(as_json=as_json, out=out, err=err), out, err


def test_machine_gets_one_object_a_line_and_progress_apart() -> None:
    output, out, err = pair(as_json=True)
    output.progress("half")
    output.event("step", "step 1", n=1, name="株洲\n二", event_type="x")
    output.end("done", seconds="1.5")
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"event": "step", "n": 1, "name": "株洲\n二", "event_type": "x"},
        {"event": "end", "seconds": "1.5"},
    ]
    assert out.getvalue().startswith('{"event":"step","n":1,"name":"株洲\\n二"')
    assert err.getvalue() == "half\n"


def test_person_gets_sentences_and_no_silent_events() -> None:
    output, out, err = pair(as_json=False)
    output.event("step", n=1)
    output.event("step", "step 2", n=2)
    output.end("done")
    assert (out.getvalue(), err.getvalue()) == ("step 2\ndone\n", "")


def test_error_for_a_person_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_LANG", "zh")
    output, out, err = pair(as_json=False)
    output.error(RuleError("two\nlines.", article="art. 37"))
    assert out.getvalue() == ""
    assert err.getvalue() == "error: rule: art. 37: two lines. 规则不允许，请看所引条文。\n"


def test_error_for_a_machine_is_the_last_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")
    output, out, err = pair(as_json=True)
    output.error(RuleError("no"))
    assert json.loads(out.getvalue()) == {
        "event": "error",
        "code": "rule",
        "detail": "no",
        "advice": "The rule set forbids it; read the article named.",
    }
    assert err.getvalue() == ""


def test_colour_only_on_a_terminal_and_never_against_no_color(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    person = Output(as_json=False, out=Terminal())
    assert person.paint("VERIFIED", "good") == "\x1b[32mVERIFIED\x1b[0m"
    assert Output(as_json=True, out=Terminal()).paint("x", "good") == "x"
    assert Output(as_json=False, out=io.StringIO()).paint("x", "bad") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert person.paint("VERIFIED", "good") == "VERIFIED"
