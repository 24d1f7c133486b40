"""The log file: JSON lines, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from node.adapters.journal import SECRET, configure, is_secret, without_secrets
from node.core.errors import RuleError

HIDDEN = "hunter2"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log() -> Any:  # noqa: ANN401 - the library's own
    return structlog.stdlib.get_logger("node.test")


def test_event_is_one_json_object(lines: io.StringIO) -> None:
    log().info("checkpoint.published", size=16, origin="株洲/log")
    (event,) = written(lines)
    assert event.pop("at").endswith("Z")
    assert event == {
        "event": "checkpoint.published",
        "level": "info",
        "logger": "node.test",
        "origin": "株洲/log",
        "size": 16,
    }
    assert "株洲" in lines.getvalue()


def test_debug_is_not_written(lines: io.StringIO) -> None:
    log().debug("noise")
    logging.getLogger("uvicorn.error").debug("noise")
    assert lines.getvalue() == ""


@pytest.mark.parametrize(
    "name", [*sorted(SECRET), "keys", "SALT", "record_key", "bidKeys", "tls-key"]
)
def test_secret_member_is_dropped_at_any_depth(lines: io.StringIO, name: str) -> None:
    nested = {"ok": 1, name: HIDDEN, "list": [{name: HIDDEN}, ({name: HIDDEN},)]}
    log().info("act", **{name: HIDDEN}, about=nested)
    with structlog.contextvars.bound_contextvars(**{name: HIDDEN}):
        log().warning("act")
    assert HIDDEN not in lines.getvalue()
    assert written(lines)[0]["about"] == {"ok": 1, "list": [{}, [{}]]}


@pytest.mark.parametrize("name", ["keyboard", "monkey", "bodyguard", "seeded", "size", "stream"])
def test_word_that_only_begins_so_is_kept(name: str) -> None:
    assert not is_secret(name)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*SECRET, "a"]), inner),
    )
)
def test_no_secret_name_is_left_in_any_value(value: object) -> None:
    def names(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            yield from part
        for inner in part.values() if isinstance(part, dict) else part or ():  # type: ignore[attr-defined]
            if isinstance(inner, dict | list):
                yield from names(inner)

    left = without_secrets(value)
    if isinstance(left, dict | list):
        assert not any(is_secret(name) for name in names(left))


def test_error_of_ours_is_told_with_its_code(lines: io.StringIO) -> None:
    try:
        raise RuleError("four members")
    except RuleError:
        log().exception("refused")
    (event,) = written(lines)
    assert (event["error"], event["code"], event["detail"]) == ("RuleError", "rule", "four members")
    assert event["frames"][-1].startswith("test_journal.py:")


def test_text_of_a_foreign_error_is_not_written(lines: io.StringIO) -> None:
    error = ValueError(HIDDEN)
    log().error("fault", exc_info=error)
    try:
        raise KeyError(HIDDEN) from error
    except KeyError:
        logging.getLogger("asyncio").exception("task failed")
    assert HIDDEN not in lines.getvalue()
    first, second = written(lines)
    assert (first["error"], second["error"]) == ("ValueError", "KeyError")
    assert second["event"] == "task failed"
    assert second["frames"][-1].startswith("test_journal.py:")


def test_disk_full_is_told(lines: io.StringIO) -> None:
    log().error("fault", exc_info=OSError(28, "No space left on device", HIDDEN))
    assert written(lines)[0]["detail"] == "No space left on device"
    assert HIDDEN not in lines.getvalue()


def test_value_that_is_no_json_is_named_by_its_type(lines: io.StringIO) -> None:
    log().info("act", about=HIDDEN.encode(), what=object())
    assert HIDDEN not in lines.getvalue()
    assert written(lines)[0]["about"] == "<bytes>"


def test_exception_that_is_none_adds_nothing(lines: io.StringIO) -> None:
    log().info("act", exc_info=True)
    log().info("act", exc_info=None)
    assert all("error" not in event for event in written(lines))
