"""Any bytes give a value or a LogError, and what is accepted has exactly one spelling."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node.core.errors import NodeError
from node.core.log.checkpoint import parse_checkpoint
from node.core.log.cosignature import check_quorum, earliest_quorum
from node.core.log.note import parse_line, parse_note, parse_vkey
from node.core.log.policy import format_policy, parse_policy
from node.core.log.proof import parse_proof
from node.core.log.tiles import bundle_bytes, parse_bundle, parse_tile_path
from node.core.log.witness import judge, parse_cosignatures, parse_known_size, parse_request
from tests.vectors.log.generate import NAMED, TWO, build
from tests.vectors.log.keyring import LOG, NOON, ORIGIN, cosigned, entry

BUILT = build()
SEEDS: dict[str, str] = {
    "note": cosigned(13, NOON, NOON + 1).encode(),
    "checkpoint": cosigned(13).text,
    "vkey": NAMED[0][1].encode(),
    "proof": BUILT["proof"]["file"],
    "policy": BUILT["quorums"]["policy"],
    "request": BUILT["requests"]["cases"][0]["body"],
    "tile": "tile/entries/x001/x234/067.p/9",
}


def text_of(data: bytes) -> str:
    """The text that a parser of text would be given for these bytes, wrong UTF-8 included."""
    return data.decode("utf-8", "surrogateescape")


def again_note(data: bytes) -> bytes:
    return parse_note(data).encode().encode()


def again_request(data: bytes) -> bytes:
    request = parse_request(data)
    judge(None, request, {ORIGIN: [LOG.key]})
    return request.encode()


# parser and writer of each format; each must give back exactly what it took
ROUND: dict[str, Callable[[bytes], bytes]] = {
    "note": again_note,
    "checkpoint": lambda d: parse_checkpoint(text_of(d)).encode().encode(),
    "vkey": lambda d: parse_vkey(text_of(d)).encode().encode(),
    "proof": lambda d: parse_proof(d).encode().encode(),
    "request": again_request,
    "tile": lambda d: parse_tile_path(text_of(d)).path().encode(),
}
OTHERS: dict[str, Callable[[bytes], Any]] = {
    "line": lambda d: parse_line(text_of(d)),
    "answer": parse_cosignatures,
    "size": lambda d: parse_known_size(d, "text/x.tlog.size"),
    "quorum": lambda d: check_quorum(text_of(d), TWO),
    "earliest": lambda d: earliest_quorum(parse_note(text_of(d)), TWO),
    "bundle": lambda d: bundle_bytes(parse_bundle(d, max(1, len(d) // 34))),
}


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Bytes near an accepted file: a piece of one format cut, doubled, replaced or mixed in."""
    data = bytearray(draw(st.sampled_from(sorted(SEEDS.values()))).encode())
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from([b"\n", b"\n\n", b" ", b"0", b"=", b"\xe2\x80\x94 ", b"\xff"]),
                st.just(bytes(data[start:stop]) * 2),
            )
        )
        data[start:stop] = piece
    return bytes(data)


@pytest.mark.parametrize("name", ROUND)
@given(data=st.one_of(broken(), st.binary(max_size=300)))
@example(data=b"")
def test_what_is_accepted_has_one_spelling(name: str, data: bytes) -> None:
    with suppress(NodeError):
        assert ROUND[name](data) == data


@pytest.mark.parametrize("name", ROUND)
def test_the_seeds_are_accepted(name: str) -> None:
    assert ROUND[name](SEEDS[name].encode()) == SEEDS[name].encode()


@given(st.one_of(broken(), st.binary(max_size=300)))
@example(b"")
def test_a_policy_keeps_its_meaning(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except NodeError:
        return
    assert parse_policy(format_policy(policy)) == policy


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.one_of(broken(), st.binary(max_size=300)))
@example(data=b"")
def test_any_bytes_give_a_value_or_our_error(name: str, data: bytes) -> None:
    with suppress(NodeError):
        OTHERS[name](data)


@given(st.lists(st.sampled_from([entry(i) for i in range(9)]), min_size=1, max_size=256))
def test_bundles_read_back(entries: list[bytes]) -> None:
    assert list(parse_bundle(bundle_bytes(entries), len(entries))) == entries
