"""Any bytes give a verdict: never an exception, never a proof that is none."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.errors import NodeError
from node.core.evidence.trust import parse_trust
from node.core.evidence.verify import verify
from node.core.records.canonical import encode
from tests.world.session import evidence, world

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
FILE = json.loads(evidence("cn-few", "public"))
MEMBERS = st.sampled_from(sorted(FILE))


def judged(data: bytes) -> int:
    """The exit code; a verdict whose own parts can be told in both languages."""
    verdict = verify(data, world("cn-few").net.trust())
    for document in (verdict.document("zh"), verdict.document("en")):
        assert json.loads(json.dumps(document)) == document
        if verdict.exit_code:
            assert document["first_broken"]["code"] != "internal", document["first_broken"]
    return verdict.exit_code


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    assert judged(data) == 2 or data.startswith(b"c2sp.org/tlog-proof@")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_anything_that_begins_as_a_receipt(data: bytes) -> None:
    assert judged(b"c2sp.org/tlog-proof@v1\n" + data) == 1


@settings(max_examples=200, deadline=None)
@given(MEMBERS, JSON)
def test_any_member_of_the_file_replaced_by_any_json(name: str, value: object) -> None:
    text = json.dumps({**FILE, name: value}, sort_keys=True, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    assert judged(data + b"\n") != 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_leaf_of_the_file_replaced_by_any_json(data: st.DataObject) -> None:
    file = json.loads(evidence("cn-few", "public"))
    node, steps = file, 0
    while steps < 12:
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        child = node[key]
        if not isinstance(child, dict | list) or not child:
            break
        node, steps = child, steps + 1
    value = data.draw(st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=70))
    if value == node[key] and type(value) is type(node[key]):
        return
    node[key] = value
    try:
        changed = encode(file) + b"\n"
    except NodeError:
        return
    assert judged(changed) != 0


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60_000), st.binary(min_size=1, max_size=40))
def test_any_stretch_of_the_file_overwritten(at: int, data: bytes) -> None:
    good = evidence("cn-few", "public")
    changed = good[:at] + data + good[at + len(data) :]
    assert changed == good or judged(changed) != 0


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_policy(data: bytes) -> None:
    codes = []
    try:
        parse_trust(data)
    except NodeError as error:
        codes.append(error.code)
    assert codes in (["unreadable"], ["form"])
