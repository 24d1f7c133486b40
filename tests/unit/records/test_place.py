"""Places: how a tick is filled up, and what a place must say."""

from __future__ import annotations

import pytest

from node.core.errors import InvalidError
from node.core.records.place import FIRST_PREV, Where, entry_bytes, padded_count, padding_entry


@pytest.mark.parametrize(
    ("records", "entries"),
    [(0, 4), (4, 4), (5, 16), (16, 16), (17, 64), (65, 256), (256, 256), (257, 1024), (1025, 4096)],
)
def test_a_tick_is_filled_to_a_power_of_four(records: int, entries: int) -> None:
    assert padded_count(records) == entries


def test_a_larger_smallest_tick_hides_more() -> None:
    assert [padded_count(records, 64) for records in (0, 5, 64, 65)] == [64, 64, 64, 256]


def test_only_place_0_has_nothing_before_it() -> None:
    Where(FIRST_PREV, "00" * 32, 0)
    for prev, seq in ((FIRST_PREV, 1), ("11" * 32, 0)):
        with pytest.raises(ValueError, match="zeros"):
            Where(prev, "00" * 32, seq)


def test_padding_of_other_salts_is_another_entry() -> None:
    salts = ("00" * 32, "11" * 32)
    made = {padding_entry(a, b) for a in salts for b in salts}
    assert len(made) == 4


@pytest.mark.parametrize("entry", ["", "00", "00" * 31, "00" * 33, "AA" * 32, "zz" * 32, " " * 64])
def test_an_entry_is_32_bytes_in_lower_case_hex(entry: str) -> None:
    assert entry_bytes("0a" * 32) == b"\x0a" * 32
    with pytest.raises(InvalidError):
        entry_bytes(entry)
