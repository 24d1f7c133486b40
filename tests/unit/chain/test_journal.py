"""The journal: durable lines, torn lines, one writer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chain.errors import ChainError
from chain.journal import Genesis, Journal, Step

GENESIS = Genesis(20260, 1_500_000_000, "test")
STEPS = [
    Step(1_500_000_001, ("0xaa", "0xbb")),
    Step(1_500_000_009, ()),
    Step(1_500_000_009, ("0x1",)),
]


def written(path: Path) -> bytes:
    journal = Journal(path)
    assert journal.begin(GENESIS) == GENESIS
    for step in STEPS:
        journal.append(step)
    journal.close()
    return path.read_bytes()


def test_steps_come_back_in_order_and_the_first_genesis_stands(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    journal = Journal(tmp_path / "journal")
    assert journal.begin(Genesis(1, 2, "system")) == GENESIS
    assert list(journal.steps()) == STEPS
    journal.close()


def test_a_crash_at_any_byte_keeps_exactly_the_whole_lines(tmp_path: Path) -> None:
    whole = written(tmp_path / "journal")
    for cut in range(len(whole) + 1):
        path = tmp_path / f"cut-{cut}"
        path.write_bytes(whole[:cut])
        journal = Journal(path)
        journal.begin(GENESIS)
        lines = whole[:cut].count(b"\n")
        assert list(journal.steps()) == STEPS[: max(0, lines - 1)]
        journal.append(STEPS[0])
        assert list(journal.steps())[-1] == STEPS[0]
        journal.close()


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    with pytest.raises(ChainError, match="another process"):
        Journal(tmp_path / "journal")
    journal.close()
    Journal(tmp_path / "journal").close()


def test_a_write_the_disk_refuses_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = written(tmp_path / "journal")
    journal = Journal(tmp_path / "journal")

    def refuse(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="no space"):
        journal.append(STEPS[0])
    monkeypatch.undo()
    journal.close()
    assert (tmp_path / "journal").read_bytes() == whole


def test_a_line_is_on_the_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal")
    journal.begin(GENESIS)
    seen: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append((tmp_path / "journal").read_bytes()))
    journal.append(STEPS[0])
    assert seen
    assert seen[-1].endswith(b'{"time":1500000001,"transactions":["0xaa","0xbb"]}\n')
    monkeypatch.undo()
    journal.close()
