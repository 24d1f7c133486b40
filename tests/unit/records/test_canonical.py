"""Canonical bytes: the kinds that cannot be read strictly, and the ends of the ranges."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from node.core.errors import InvalidError
from node.core.records.canonical import (
    Count,
    decode,
    digest,
    digest_hex,
    digest_of,
    encode,
    time_of,
)


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A kind that may be read: every member has one spelling."""

    n: Count
    names: dict[Annotated[str, msgspec.Meta(pattern="^[a-z]+$")], Count]
    again: Strict | None = None


def one(kind: object, **options: bool) -> type[msgspec.Struct]:
    settings: Any = {"forbid_unknown_fields": True, "omit_defaults": True, **options}
    return msgspec.defstruct("One", [("n", kind)], **settings)


LOOSE = {
    "float": one(float),
    "number-without-bounds": one(int),
    "number-without-upper-bound": one(Annotated[int, msgspec.Meta(ge=0)]),
    "number-above-2-to-53": one(Annotated[int, msgspec.Meta(ge=0, lt=2**54)]),
    "number-or-float": one(float | Count),
    "anything": one(Any),
    "raw": one(msgspec.Raw),
    "bytes": one(bytes),
    "null": one(Count | None),
    "free-names": one(dict[str, Count]),
    "loose-items": one(tuple[int, ...]),
    "unknown-members": one(Count, forbid_unknown_fields=False),
    "nested": one(one(float)),
    "written-defaults": msgspec.defstruct(
        "Loose", [("n", Count, 0)], forbid_unknown_fields=True, omit_defaults=False
    ),
}


@pytest.mark.parametrize("kind", LOOSE.values(), ids=LOOSE)
def test_a_loose_kind_is_a_programmers_mistake(kind: type[msgspec.Struct]) -> None:
    with pytest.raises(TypeError):
        decode(b'{"n":1}', kind)


def test_a_strict_kind_may_nest_itself_and_have_patterned_names() -> None:
    value = Strict(1, {"a": 2, "b": 3}, Strict(4, {}))
    data = b'{"again":{"n":4,"names":{}},"n":1,"names":{"a":2,"b":3}}'
    assert encode(value) == data
    assert decode(data, Strict) == value


def test_nesting_without_end_is_refused() -> None:
    deep = b'{"again":' * 100_000
    with pytest.raises(InvalidError):
        decode(deep, Strict)


def test_refusal_names_the_kind_and_never_the_content() -> None:
    with pytest.raises(InvalidError) as caught:
        decode(b'{"n":"secret price","names":{}}', Strict)
    assert "strict" in caught.value.detail
    assert "secret" not in caught.value.detail


def test_refusal_cannot_write_to_a_terminal_or_fill_a_log() -> None:
    name = "\\u001b[2J\\n" + "x" * 5000
    with pytest.raises(InvalidError) as caught:
        decode(f'{{"{name}":1,"n":1,"names":{{}}}}'.encode(), Strict)
    assert "x" in caught.value.detail
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 300


def test_half_a_surrogate_pair_cannot_be_written() -> None:
    with pytest.raises(InvalidError):
        encode({"s": "\ud800"})


def test_digest_is_sha256_of_tag_line_and_data() -> None:
    # printf 'yuanping/body/v1\n{}' | sha256sum
    expected = "d0e06b39cddf2b42f2fb17b2652f3655522dfa4f057c1d2d45976cbf2654812e"
    assert digest("body", b"{}").hex() == expected
    assert digest_hex("body", b"{}") == digest_of("body", {}) == expected


@pytest.mark.parametrize("epoch", [-1, 253402300800, 2**70])
def test_time_outside_the_years_is_refused(epoch: int) -> None:
    with pytest.raises(InvalidError):
        time_of(epoch)
