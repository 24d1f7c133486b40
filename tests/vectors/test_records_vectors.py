"""Every record vector: the bytes it must give, or the code with which it must be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from node.core.errors import NodeError
from node.core.records import box, canonical, envelope, keys, place, shamir
from tests.vectors.records.generate import build

HERE = Path(__file__).parent / "records"
Case = dict[str, Any]
T = TypeVar("T")


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The structure that `canonical.json` speaks of."""

    n: canonical.Count
    s: str
    flag: bool = False
    list: tuple[canonical.Count, ...] = ()
    note: str | None = None


class OneTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record that holds a time."""

    time: canonical.Time


class OneAmount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record that holds money."""

    money: canonical.Money


class OneDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record that holds 32 bytes in hex."""

    hex32: canonical.Hex32


ONE: dict[str, type[msgspec.Struct]] = {"time": OneTime, "money": OneAmount, "hex32": OneDigest}


def cases(name: str) -> pytest.MarkDecorator:
    """All cases of one file, each under its own name."""
    found = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    assert found, "vectors are missing: an empty file must not pass"
    return pytest.mark.parametrize("case", found, ids=lambda case: case["name"])


@contextmanager
def verdict_of(case: Case) -> Iterator[None]:
    """Run the block; it must raise the case's code, or nothing if the case is good."""
    if case["error"] is None:
        yield
        return
    with pytest.raises(NodeError) as caught:
        yield
    assert caught.value.code == case["error"], caught.value


def strict(data: Case, kind: type[T]) -> T:
    return canonical.decode(canonical.encode(data), kind)


def test_files_are_what_the_generator_makes() -> None:
    made = build()
    assert {path.name for path in HERE.glob("*.json")} == set(made)
    for name, text in made.items():
        assert (HERE / name).read_text("utf-8") == text, f"{name}: run the generator"


@pytest.mark.parametrize("name", sorted(build()))
def test_bad_cases_are_not_fewer_than_good_ones(name: str) -> None:
    found = json.loads((HERE / name).read_text("utf-8"))
    bad = sum(case["error"] is not None for case in found)
    assert 2 * bad >= len(found)
    assert len({case["name"] for case in found}) == len(found)


@cases("canonical")
def test_canonical(case: Case) -> None:
    data = bytes.fromhex(case["bytes"])
    with verdict_of(case):
        value = canonical.decode(data, Sample)
        assert canonical.encode(case["value"]) == canonical.encode(value) == data
        assert canonical.digest("sample", data).hex() == case["digest"]


@cases("values")
def test_written_value(case: Case) -> None:
    kind, text = case["kind"], case["text"]
    if kind != "base64":
        with verdict_of(case):
            strict({kind: text}, ONE[kind])
    if kind == "time":
        with verdict_of(case):
            assert canonical.epoch_of(text) == case["means"]
            assert canonical.time_of(case["means"]) == text
    if kind == "base64":
        with verdict_of(case):
            assert canonical.b64decode(text).hex() == case["means"]
            assert canonical.b64encode(bytes.fromhex(case["means"])) == text


@cases("place")
def test_place(case: Case) -> None:
    with verdict_of(case):
        if "padding" in case:
            first, second = case["padding"]
            halves = place.padding_what(first), place.padding_where(second)
            assert place.padding_entry(first, second) == case["entry"]
        else:
            halves = check_opened_place(case)
        assert halves == (case["what_hash"], case["where_hash"])
        assert place.entry_hash(*halves) == case["entry"]


def check_opened_place(case: Case) -> tuple[str, str]:
    """Good cases hold all members; a bad one only the half or extra that must be refused."""
    if "where" in case:
        where = canonical.decode(case["where"].encode(), place.Where)
    extra = place.read_extra(case["extra"].encode())
    what = canonical.decode(case["what"].encode(), place.What)
    assert extra == place.Extra(what, place.where_hash(where))
    assert place.entry_of(what, where) == place.entry_of_extra(extra)
    return place.what_hash(what), place.where_hash(where)


@cases("keys")
def test_key(case: Case) -> None:
    public = keys.PublicKey(**case["public"])
    with verdict_of(case):
        keys.check_public(public)
        assert strict(case["public"], keys.PublicKey) == public
        assert keys.key_id(public) == case["id"]


@cases("signatures")
def test_signature(case: Case) -> None:
    public = keys.PublicKey(**case["public"])
    message, signature = bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])
    with verdict_of(case):
        keys.verify(public, message, signature)
    if "seed" in case:
        signer = keys.signer_from_seed(public.suite, bytes.fromhex(case["seed"]))
        assert signer.public == public
        assert signer.sign(message) == signature


@cases("envelope")
def test_envelope(case: Case) -> None:
    public = keys.PublicKey(**case["public"])
    with verdict_of(case):
        opened = envelope.open_envelope(case["envelope"].encode())
        envelope.check_signature(opened, public)
        assert opened.header == strict(case["header"], envelope.Header)
        signed = envelope.pae(envelope.PAYLOAD_TYPE, opened.header_bytes)
        assert signed.hex() == case["signed_bytes"]
        assert (opened.id, opened.stream) == (case["id"], case["stream"])
        assert opened.signature_digest == case["sig"]
        signer = keys.signer_from_seed(public.suite, bytes.fromhex(case["seed"]))
        again = envelope.seal(opened.header, signer)
        assert canonical.encode(again).decode() == case["envelope"]


@cases("shamir")
def test_sharing(case: Case) -> None:
    given = {int(x): bytes.fromhex(y) for x, y in case["given"].items()}
    with verdict_of(case):
        assert shamir.combine(given, case["t"]).hex() == case["secret"]


@cases("box")
def test_box(case: Case) -> None:
    sealed = strict(case["box"], box.Box)
    context = strict(case["context"], box.BoxContext)
    shares = [strict(share, box.Share) for share in case["shares"]]
    ciphertext = bytes.fromhex(case["ciphertext"])
    with verdict_of(case):
        opened = box.open_box(sealed, ciphertext, shares, context)
        assert opened.plaintext.hex() == case["plaintext"]
        assert opened.key.hex() == case["key"]
        assert box.open_with_key(sealed, ciphertext, opened.key, context) == opened.plaintext


@cases("sealed")
def test_sealed_share(case: Case) -> None:
    context = strict(case["context"], box.BoxContext)
    data, private = bytes.fromhex(case["sealed"]), bytes.fromhex(case["private"])
    with verdict_of(case):
        share = box.open_share(data, case["index"], context, private)
        assert share == strict(case["share"], box.Share)
