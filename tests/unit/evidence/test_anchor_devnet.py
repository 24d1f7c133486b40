"""The operator's note: one form is accepted, each attack on it is named and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.core.errors import InvalidError
from node.core.evidence import anchor_devnet as core
from node.core.evidence import keccak
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey, sign_note

KEY = Ed25519PrivateKey.from_private_bytes(b"\x21" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
NAME = "yuanping-devnet/20260"
PUBLIC = KEY.public_key().public_bytes_raw()
VKEY = VerifierKey(NAME, ED25519, PUBLIC).encode()
HOST, GUEST, STREAM = b"\x11" * 20, b"\x22" * 20, b"\x33" * 32
LINE: dict[str, Any] = {
    "contract": "ab" * 20,
    "hash": "cd" * 32,
    "number": 7,
    "slots": {"00" * 32: "ef" * 32},
    "time": "2017-07-14T02:40:00Z",
}


def note_of(text: str, name: str = NAME, key: Ed25519PrivateKey = KEY) -> str:
    return sign_note(text, name, key.sign, key.public_key().public_bytes_raw()).encode()


def text_of(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n"


def fact_of(slots: dict[bytes, bytes]) -> core.BlockFact:
    return core.BlockFact("ab" * 20, 7, "cd" * 32, 1_500_000_000, slots)


def refused(note: str, vkey: str = VKEY, chain_id: int = 20260) -> None:
    with pytest.raises(InvalidError) as caught:
        core.verify_note(note, vkey, chain_id)
    assert caught.value.code == "anchor"


def test_the_operators_note_is_accepted() -> None:
    fact = core.verify_note(note_of(text_of(LINE)), VKEY, 20260)
    assert (fact.contract, fact.number, fact.hash) == ("ab" * 20, 7, "cd" * 32)
    assert fact.time == 1_500_000_000
    assert fact.slots == {bytes(32): b"\xef" * 32}


@pytest.mark.parametrize(
    "change",
    [
        {"number": -1},
        {"number": 2**53},
        {"number": 7.0},
        {"number": "7"},
        {"contract": "0x" + "ab" * 20},
        {"contract": "AB" * 20},
        {"contract": "ab" * 20 + "\n"},
        {"hash": "cd" * 31},
        {"slots": {"00" * 31: "ef" * 32}},
        {"slots": {"00" * 32: "EF" * 32}},
        {"slots": {"0x" + "00" * 32: "ef" * 32}},
        {"slots": []},
        {"time": "2017-07-14T02:40:00+00:00"},
        {"time": "2017-02-30T02:40:00Z"},
        {"time": 1_500_000_000},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_signed_line_of_another_form_is_refused(change: dict[str, Any]) -> None:
    refused(note_of(text_of(LINE | change)))


@pytest.mark.parametrize("missing", list(LINE))
def test_a_signed_line_that_lacks_a_member_is_refused(missing: str) -> None:
    refused(note_of(text_of({k: v for k, v in LINE.items() if k != missing})))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(LINE, sort_keys=True) + "\n",
        json.dumps(dict(reversed(LINE.items())), separators=(",", ":")) + "\n",
        text_of(LINE) + "\n",
        text_of(LINE) + text_of(LINE),
        text_of(LINE).replace('"number":7', '"number":7,"number":7'),
        text_of(LINE).replace('"number":7', '"number":07'),
        "yuanping-devnet/20260\n" + text_of(LINE),
    ],
    ids=["spaces", "order", "empty line", "two lines", "doubled member", "zero", "header"],
)
def test_other_bytes_of_the_same_facts_are_refused(text: str) -> None:
    refused(note_of(text))


def test_a_note_of_another_key_name_or_chain_is_refused() -> None:
    good = note_of(text_of(LINE))
    refused(note_of(text_of(LINE), key=OTHER))
    refused(note_of(text_of(LINE), "yuanping-devnet/1"))
    refused(good, chain_id=1)
    refused(good, VerifierKey("yuanping-devnet/1", ED25519, PUBLIC).encode())
    refused(good, VerifierKey(NAME, COSIGNATURE, PUBLIC).encode())
    refused(good, "nonsense")
    refused(good.replace('"number":7', '"number":8'))


def test_a_second_signature_line_is_refused() -> None:
    good = note_of(text_of(LINE))
    line = good.splitlines(keepends=True)[-1]
    refused(good + line)
    refused(good + note_of(text_of(LINE), "stranger").splitlines(keepends=True)[-1])
    refused(good.removesuffix(line))


def word(*parts: tuple[int, int]) -> bytes:
    """Pack (value, size) from the low end, as the compiler does."""
    packed = b"".join(value.to_bytes(size, "big") for value, size in reversed(parts))
    return packed.rjust(32, b"\0")


def number(account: bytes) -> int:
    return int.from_bytes(account, "big")


def tender_words() -> dict[bytes, bytes]:
    words = [
        word((number(HOST), 20), (500, 8)),
        word((600, 8), (700, 8)),
        *(bytes([n]) * 32 for n in range(1, 5)),
    ]
    return dict(zip(core.tender_slots(STREAM, HOST), words, strict=True))


def test_a_tender_is_read_whole_or_not_at_all() -> None:
    seen = core.read_tender(fact_of(tender_words()), STREAM, HOST)
    assert (seen.keeper, seen.deadline, seen.bids_at, seen.result_at) == (HOST, 500, 600, 700)
    roots = (seen.bids_root, seen.bids_head, seen.result, seen.result_head)
    assert roots == tuple(bytes([n]) * 32 for n in range(1, 5))
    for slot in core.tender_slots(STREAM, HOST):
        words = tender_words()
        del words[slot]
        with pytest.raises(InvalidError, match="does not show"):
            core.read_tender(fact_of(words), STREAM, HOST)
    with pytest.raises(InvalidError, match="does not show"):
        core.read_tender(fact_of(tender_words()), b"\x34" * 32, HOST)


def test_slots_that_a_member_opened_under_its_own_name_say_nothing_of_the_hosts() -> None:
    """The guest's note, whole and signed, is no note about the host; nor can it pass for one."""
    words = dict(zip(core.tender_slots(STREAM, GUEST), tender_words().values(), strict=True))
    with pytest.raises(InvalidError, match="does not show"):
        core.read_tender(fact_of(words), STREAM, HOST)
    with pytest.raises(InvalidError, match="other slots"):
        core.check_shows_only(fact_of(words), core.tender_slots(STREAM, HOST))
    with pytest.raises(InvalidError, match="another account's"):
        core.read_tender(fact_of(words), STREAM, GUEST)


def test_slots_without_a_deadline_have_no_keeper() -> None:
    first = core.tender_slots(STREAM, HOST)[0]
    unset = tender_words() | {first: bytes(32)}
    seen = core.read_tender(fact_of(unset), STREAM, HOST)
    assert (seen.keeper, seen.deadline) == (bytes(20), 0)
    for packed in (word((number(HOST), 20)), word((0, 20), (500, 8))):
        with pytest.raises(InvalidError, match="another account's"):
            core.read_tender(fact_of(unset | {first: packed}), STREAM, HOST)


def test_bits_that_the_contract_never_writes_are_refused() -> None:
    for slot in core.tender_slots(STREAM, HOST)[:2]:
        words = tender_words()
        words[slot] = b"\x01" + words[slot][1:]
        with pytest.raises(InvalidError, match="holds more"):
            core.read_tender(fact_of(words), STREAM, HOST)


def test_a_checkpoint_is_read() -> None:
    first, second = core.checkpoint_slots(HOST)
    seen = core.read_checkpoint(fact_of({first: word((9, 8), (77, 8)), second: b"\5" * 32}), HOST)
    assert (seen.size, seen.at, seen.root) == (9, 77, b"\5" * 32)


def round_words(members: list[bytes], count: int | None = None) -> dict[bytes, bytes]:
    words = [
        word((10, 8), (20, 8), (30, 8)),
        word((number(HOST), 20), (2, 4), (1, 4)),
        word((len(members) if count is None else count, 32)),
        *(word((number(member), 20)) for member in members),
    ]
    return dict(zip(core.round_slots(STREAM, HOST, len(members)), words, strict=True))


def test_a_round_is_read_with_its_members() -> None:
    words = round_words([HOST, GUEST]) | {core.secret_slot(STREAM, HOST, GUEST): b"\7" * 32}
    seen = core.read_round(fact_of(words), STREAM, HOST)
    assert seen == core.RoundAnchor(10, 20, 30, HOST, 2, 1, (HOST, GUEST))
    assert core.read_secret(fact_of(words), STREAM, HOST, GUEST) == b"\7" * 32
    with pytest.raises(InvalidError, match="does not show"):
        core.read_secret(fact_of(words), STREAM, HOST, HOST)
    unopened = dict.fromkeys(core.round_slots(STREAM, HOST, 0), bytes(32))
    assert core.read_round(fact_of(unopened), STREAM, HOST) is None


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ([GUEST, HOST], None),
        ([HOST, HOST], None),
        ([GUEST], None),
        ([HOST], 0),
        ([HOST], 2),
        ([HOST], core.MAX_MEMBERS + 1),
        ([HOST], 2**255),
    ],
    ids=["order", "twice", "alone", "none", "hidden", "many", "endless"],
)
def test_a_round_that_the_contract_cannot_hold_is_refused(
    members: list[bytes], count: int | None
) -> None:
    with pytest.raises(InvalidError) as caught:
        core.read_round(fact_of(round_words(members, count)), STREAM, HOST)
    assert caught.value.code == "anchor"


def test_a_note_shows_neither_less_nor_more_than_wanted() -> None:
    words, wanted = tender_words(), core.tender_slots(STREAM, HOST)
    core.check_shows_only(fact_of(words), wanted)
    for other in (wanted[:-1], [*wanted, bytes(32)]):
        with pytest.raises(InvalidError, match="other slots"):
            core.check_shows_only(fact_of(words), other)


def test_places_hashed_at_once_are_all_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """After it nothing is left to be hashed one by one, which takes ten times as long."""
    rounds = [(bytes([n]) * 32, HOST, (HOST, GUEST)) for n in (1, 2)]
    monkeypatch.setattr(keccak, "_KNOWN", {})
    core.locate_rounds(rounds)
    core.locate_anchors(STREAM, HOST, (HOST, GUEST))
    monkeypatch.setattr(keccak, "_hash", pytest.fail)
    for round_id, opener, members in rounds:
        core.round_slots(round_id, opener, len(members))
        for one in members:
            core.commit_slot(round_id, opener, one)
            core.secret_slot(round_id, opener, one)
    core.tender_slots(STREAM, HOST)
    for one in (HOST, GUEST):
        core.checkpoint_slots(one)
