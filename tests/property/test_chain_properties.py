"""What must hold for every registry, every message and every note."""

from __future__ import annotations

from eth_utils.crypto import keccak
from hypothesis import example, given
from hypothesis import strategies as st

from chain.deploy import Founder, head_of
from node.core.errors import NodeError
from node.core.evidence.anchor_devnet import registry_head_of, verify_note
from node.core.evidence.keccak import keccak256
from tests.unit.evidence.test_anchor_devnet import LINE, VKEY, note_of, text_of

ENTRIES = st.lists(
    st.tuples(st.binary(min_size=32, max_size=32), st.binary(min_size=1, max_size=80)), max_size=6
)
CHANGES = st.lists(
    st.tuples(
        st.binary(min_size=32, max_size=32),
        st.integers(0, 2**64 - 2),
        st.binary(min_size=1, max_size=80),
    ),
    min_size=1,
    max_size=6,
)


@given(ENTRIES, st.integers(0, 2**64 - 1))
def test_both_sides_make_the_same_head(entries: list[tuple[bytes, bytes]], block: int) -> None:
    founders = [Founder(id_, "", descriptor) for id_, descriptor in entries]
    assert head_of(founders, block) == registry_head_of(
        (id_, block, descriptor) for id_, descriptor in entries
    )


@given(CHANGES, st.data())
def test_the_head_covers_every_entry_and_their_order(
    entries: list[tuple[bytes, int, bytes]], data: st.DataObject
) -> None:
    head = registry_head_of(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    id_, block, descriptor = entries[place]
    for changed in (
        (id_, block, descriptor + b"x"),
        (id_, block + 1, descriptor),
        (bytes(a ^ 1 for a in id_), block, descriptor),
    ):
        assert registry_head_of([*entries[:place], changed, *entries[place + 1 :]]) != head
    assert registry_head_of(entries[:place] + entries[place + 1 :]) != head
    shuffled = data.draw(st.permutations(entries))
    assert (registry_head_of(shuffled) == head) == (shuffled == entries)


@given(st.binary(max_size=600))
def test_keccak_agrees_with_the_library(message: bytes) -> None:
    assert keccak256(message) == keccak(message)


@given(st.text(max_size=400), st.text(max_size=80))
@example(note_of(text_of(LINE)), "")
@example(note_of("[" * 5000 + "\n"), VKEY)
@example(note_of("\n"), VKEY)
@example("\ud800", VKEY)
def test_any_text_as_note_or_key_raises_node_errors_only(note: str, vkey: str) -> None:
    try:
        verify_note(note, vkey, 20260)
    except NodeError:
        return
    raise AssertionError("nonsense was accepted")


@given(st.text(max_size=300))
def test_any_signed_text_raises_node_errors_only(text: str) -> None:
    try:
        signed = note_of(text + "\n")
    except NodeError:
        return  # not even a note
    try:
        verify_note(signed, VKEY, 20260)
    except NodeError:
        return
    raise AssertionError("a line that says nothing was accepted")
