"""The leak search is proven by canaries before it may say that anything is clean."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.attacks.leaks import canaries, decode
from tests.attacks.leaks.decode import Limits, TooMuchError
from tests.attacks.leaks.search import Searcher, Secret, search_data
from tests.attacks.leaks.seen import Seen


def test_canary_in_each_encoding_and_in_any_two_of_them_is_found(tmp_path: Path) -> None:
    kinds = len(canaries.ENCODERS)
    assert canaries.prove(tmp_path) == kinds + kinds**2 - len(canaries.WHOLE) + 9


@pytest.mark.parametrize("length", [3, 4, 5])
def test_canary_in_several_encodings_around_one_another_is_found(length: int) -> None:
    missed = [
        name
        for name, data in canaries.chains(20, length, seed=length)
        if not search_data(data, [Secret("canary", name, (needle_of(name),))])
    ]
    assert missed == []


def needle_of(name: str) -> bytes:
    """What gives a canary of this name away."""
    return canaries.canary(name).encode()


@pytest.mark.parametrize("decoder", decode.DECODERS, ids=lambda one: one.__name__)
def test_search_that_lost_a_decoder_fails_before_it_starts(
    decoder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tuple(one for one in decode.DECODERS if one is not decoder)
    monkeypatch.setattr(decode, "DECODERS", left)
    with pytest.raises(canaries.BlindError, match="not found"):
        canaries.prove(tmp_path, nested=False)


@pytest.mark.parametrize("number", range(len(decode.RUNS)))
def test_search_that_lost_a_kind_of_runs_fails_before_it_starts(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = decode.RUNS[:number] + decode.RUNS[number + 1 :]
    monkeypatch.setattr(decode, "RUNS", left)
    with pytest.raises(canaries.BlindError, match="not found"):
        canaries.prove(tmp_path, nested=False)


@pytest.mark.parametrize("lost", ["pieces._rows", "decode._inflated", "decode._deflated"])
def test_search_blind_to_a_container_fails_before_it_starts(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"tests.attacks.leaks.{lost}", lambda *_: iter(()))
    with pytest.raises(canaries.BlindError, match="not found"):
        canaries.prove(tmp_path, nested=False)


def test_search_that_reached_a_limit_says_so() -> None:
    secret = Secret("canary", "x", (b"never there",))
    with pytest.raises(TooMuchError):
        list(decode.layers(b"x" * 100, Limits(total=50)))
    bomb = canaries.ENCODERS["zlib"](bytes(10_000))
    with pytest.raises(TooMuchError):
        list(decode.layers(bomb, Limits(inflated=1000)))
    assert search_data(b"nothing here", [secret]) == []


def test_digest_is_found_raw_and_in_hex_at_any_offset() -> None:
    secret = Secret("canary", "x", (), (bytes(range(200, 232)).hex(),))
    raw = bytes.fromhex(secret.digests[0])
    for data in (b"\xff" * 3 + raw + b"\0", b"abcde" + raw.hex().encode() + b"0123", raw):
        assert [hit.secret for hit in search_data(data, [secret])] == [secret]
    assert search_data(raw[:31] + b"\0" + raw[1:], [secret]) == []


def test_number_inside_a_run_of_hex_digits_is_chance() -> None:
    price = Secret("price", "x", (b"14820000",))
    assert search_data(b"deadbeef14820000cafe", [price]) == []
    for data in (b'{"price":"14820000"}', b"\t14820000\n", "价14820000元".encode("utf-16-le")):
        assert [hit.secret for hit in search_data(data, [price])] == [price]


def test_what_one_party_had_is_found_with_the_next_one_too() -> None:
    """However it came to be passed over with the first: whole, or as a part of something else."""
    secret = Secret("canary", "x", (b"the secret itself",))
    hidden = base64.b64encode(b"first the secret itself")
    searcher, clean = Searcher([secret]), set[bytes]()
    one, two, three = Seen(clean), Seen(clean), Seen(clean)

    def finds(data: bytes, seen: Seen) -> bool:
        return [hit.secret for hit in searcher.data(data, "here", seen)] == [secret]

    assert not finds(b"nothing", one)
    assert finds(b"one: " + hidden, one)
    assert not finds(b"two: " + hidden, one), "told once"
    assert not finds(b"nothing", two)
    assert finds(b"two: " + hidden, two)
    assert finds(hidden, three)
