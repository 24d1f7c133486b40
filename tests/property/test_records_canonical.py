"""What holds for every value and every byte string of canonical JSON, times and base64."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from node.core.errors import InvalidError, NodeError
from node.core.records.box import Box, BoxContext, Share
from node.core.records.canonical import (
    b64decode,
    b64encode,
    decode,
    encode,
    epoch_of,
    time_of,
)
from node.core.records.envelope import Envelope, Header
from node.core.records.keys import PublicKey
from node.core.records.place import Extra, What, Where

KINDS = (Box, BoxContext, Share, Envelope, Header, PublicKey, Extra, What, Where)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
LEAVES = st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5)
)
HEADER = {
    "at": "2026-03-01T09:00:00Z",
    "author": "centre:zhuzhou",
    "body": "00" * 32,
    "key": "11" * 32,
    "lot": "评".encode().hex(),
    "seen": {"entry": "22" * 32, "seq": 3},
    "stream": "33" * 32,
    "type": "stream.endorsed/v1",
}


@given(VALUES)
def test_encode_writes_what_another_rfc_8785_library_writes(value: Any) -> None:  # noqa: ANN401
    assert encode(value) == rfc8785.dumps(value)


@given(st.binary(max_size=200) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_refused_with_our_error_or_are_canonical(data: bytes) -> None:
    for kind in KINDS:
        try:
            value = decode(data, kind)
        except NodeError:
            continue
        assert rfc8785.dumps(json.loads(data)) == data
        assert encode(value) == data


@given(st.data())
def test_a_header_has_no_second_spelling(data: st.DataObject) -> None:
    good = encode(HEADER)
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 3))
    other = good[:at] + data.draw(st.binary(max_size=3)) + good[at + cut :]
    if other != good:
        try:
            assert decode(other, Header) != decode(good, Header)
        except InvalidError:
            return


@given(st.permutations(sorted(HEADER)), st.sampled_from((",", ", ", ",\n")))
def test_order_and_spaces_are_refused(names: list[str], comma: str) -> None:
    text = "{" + comma.join(f'"{n}":{encode(HEADER[n]).decode()}' for n in names) + "}"
    if text.encode() == encode(HEADER):
        decode(text.encode(), Header)
    else:
        with pytest.raises(InvalidError):
            decode(text.encode(), Header)


@given(st.integers(0, 253402300799))
def test_times_and_epochs_are_the_same_thing(epoch: int) -> None:
    text = time_of(epoch)
    assert epoch_of(text) == epoch
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(epoch, UTC)


@given(
    st.integers(1900, 9999),
    st.tuples(st.integers(0, 13), st.integers(0, 32)),
    st.tuples(st.integers(0, 25), st.integers(0, 61), st.integers(0, 61)),
)
def test_a_time_is_one_exactly_if_the_calendar_knows_it(
    year: int, day: tuple[int, int], clock: tuple[int, int, int]
) -> None:
    text = f"{year:04}-{day[0]:02}-{day[1]:02}T{clock[0]:02}:{clock[1]:02}:{clock[2]:02}Z"
    try:
        expected = datetime(year, *day, *clock, tzinfo=UTC).timestamp()
    except ValueError:
        expected = -1
    if expected < 0:
        with pytest.raises(InvalidError):
            epoch_of(text)
    else:
        assert epoch_of(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_no_time_or_its_own_time(text: str) -> None:
    try:
        epoch = epoch_of(text)
    except InvalidError:
        return
    assert time_of(epoch) == text


@given(st.binary(max_size=100))
def test_base64_round_trip(data: bytes) -> None:
    assert b64decode(b64encode(data)) == data


@given(st.text(max_size=24) | st.text("AQgw+/=-_\n ", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        data = b64decode(text)
    except InvalidError:
        return
    assert b64encode(data) == text
