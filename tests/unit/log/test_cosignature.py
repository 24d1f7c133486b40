"""Cosignatures, the quorum form, and the time that a quorum proves."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.cosignature import (
    MAX_TIME,
    check_quorum,
    cosign,
    cosignatures,
    cosigned_message,
    earliest_quorum,
    existed_by,
    verify_cosignature,
)
from node.core.log.note import COSIGNATURE, Note, NoteSignature
from node.core.log.policy import Quorum
from tests.vectors.log.keyring import LOG, NOON, WITNESSES, cosigned, signed, signer

KEYS = tuple(w.key for w in WITNESSES)
TWO = Quorum(LOG.key, KEYS, 2)
STRANGER = signer("stranger.example/witness", COSIGNATURE)


def test_the_message_of_the_specification() -> None:
    """The message printed in C2SP tlog-cosignature."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    want = f"cosignature/v1\ntime 1679315147\n{text}"
    assert cosigned_message(text, 1679315147) == want.encode()


def test_a_cosignature_gives_its_time() -> None:
    for time in (0, NOON, MAX_TIME):
        line = WITNESSES[0].cosign(signed(5), time)
        assert verify_cosignature(signed(5).text, line, KEYS[0]) == time
    for time in (-1, MAX_TIME + 1):
        with pytest.raises(LogError, match="out of range"):
            WITNESSES[0].cosign(signed(5), time)


def test_a_cosignature_is_bound_to_text_time_and_key() -> None:
    line = WITNESSES[0].cosign(signed(5), NOON)
    later = NoteSignature(line.name, line.key_id, (NOON + 1).to_bytes(8, "big") + line.blob[8:])
    huge = NoteSignature(line.name, line.key_id, b"\xff" * 8 + line.blob[8:])
    short = NoteSignature(line.name, line.key_id, line.blob[:-1])
    for text, forged in ((signed(6).text, line), (signed(5).text, later)):
        with pytest.raises(LogError, match="does not verify"):
            verify_cosignature(text, forged, KEYS[0])
    for forged in (huge, short):
        with pytest.raises(LogError):
            verify_cosignature(signed(5).text, forged, KEYS[0])
    with pytest.raises(LogError, match="not a line"):
        verify_cosignature(signed(5).text, line, KEYS[1])


def test_a_log_key_makes_no_cosignature() -> None:
    with pytest.raises(LogError, match="witness"):
        cosign(signed(5).text, LOG.key, NOON, LOG.sign)
    with pytest.raises(LogError, match="not a line"):
        verify_cosignature(signed(5).text, signed(5).signatures[0], LOG.key)


def test_strangers_are_ignored_and_false_witnesses_are_not() -> None:
    note = cosigned(5, NOON, NOON + 2).with_signatures(STRANGER.cosign(signed(5), NOON))
    assert [c.time for c in cosignatures(note, KEYS)] == [NOON, NOON + 2]
    false = NoteSignature(KEYS[2].name, KEYS[2].key_id, bytes(72))
    with pytest.raises(LogError, match="does not verify"):
        cosignatures(note.with_signatures(false), KEYS)


def test_the_earliest_two_stand_in_order() -> None:
    note = cosigned(5, NOON + 9, NOON + 3, NOON + 5).with_signatures(
        STRANGER.cosign(signed(5), NOON - 60)
    )
    form = earliest_quorum(note, TWO)
    assert [s.name for s in form.signatures] == [LOG.key.name, KEYS[1].name, KEYS[2].name]
    proven = check_quorum(form.encode(), TWO)
    assert proven.times == (NOON + 3, NOON + 5)
    assert proven.checkpoint.size == 5
    assert earliest_quorum(form, TWO) == form


def test_equal_times_are_ordered_by_name() -> None:
    form = earliest_quorum(cosigned(5, NOON, NOON, NOON), TWO)
    assert [s.name for s in form.signatures[1:]] == [
        "liling.example/witness",
        "xiangtan.example/witness",
    ]
    check_quorum(form, TWO)


def test_the_log_line_is_found_wherever_it_stands() -> None:
    note = cosigned(5, NOON, NOON + 1)
    turned = Note(note.text, note.signatures[::-1])
    assert earliest_quorum(turned, TWO) == note


def test_a_witness_counts_once_by_its_earlier_line() -> None:
    twice = cosigned(5, NOON + 8).with_signatures(
        WITNESSES[0].cosign(signed(5), NOON + 1), WITNESSES[1].cosign(signed(5), NOON + 4)
    )
    assert check_quorum(earliest_quorum(twice, TWO), TWO).times == (NOON + 1, NOON + 4)


def test_too_few_cosignatures_are_a_missing_quorum() -> None:
    for note in (signed(5), cosigned(5, NOON)):
        for judge in (earliest_quorum, check_quorum):
            with pytest.raises(LogError) as caught:
                judge(note, TWO)
            assert caught.value.code == "quorum"


def test_a_quorum_of_none_is_the_logs_line_alone() -> None:
    none = Quorum(LOG.key, (), 0)
    assert check_quorum(signed(5), none).times == ()
    assert earliest_quorum(cosigned(5, NOON), none) == signed(5)
    with pytest.raises(LogError, match="exactly"):
        check_quorum(cosigned(5, NOON), none)


def test_existed_by_is_the_f_plus_first_time() -> None:
    assert [existed_by((7, 3, 5), f) for f in range(3)] == [3, 5, 7]
    for times, f in (((), 0), ((7,), 1), ((7,), -1)):
        with pytest.raises(LogError) as caught:
            existed_by(times, f)
        assert caught.value.code == "quorum"
