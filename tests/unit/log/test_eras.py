"""Quorums that change with the members: which one a checkpoint is judged by."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.cosignature import earliest_quorum
from node.core.log.eras import Era, check_in_eras
from node.core.log.note import Note
from node.core.log.policy import Quorum
from tests.vectors.log.keyring import LOG, NOON, WITNESSES, signed

KEYS = tuple(w.key for w in WITNESSES)
BEFORE = Era(Quorum(LOG.key, KEYS[:2], 2), f=0, until=NOON + 60)
NOW = Era(Quorum(LOG.key, KEYS[:3], 3), f=1)
ERAS = (BEFORE, NOW)


def note(quorum: Quorum, *times: int) -> Note:
    """A checkpoint cosigned by the first witnesses, one at each of these times."""
    lines = [w.cosign(signed(5), at) for w, at in zip(WITNESSES, times, strict=False)]
    return earliest_quorum(signed(5).with_signatures(*lines), quorum)


def test_each_time_has_its_own_quorum_and_f() -> None:
    old = check_in_eras(note(BEFORE.quorum, NOON, NOON + 5), ERAS)
    new = check_in_eras(note(NOW.quorum, NOON, NOON + 5, NOON + 9), ERAS)
    assert (old.existed_by, new.existed_by) == (NOON, NOON + 5)


def test_the_new_form_counts_before_the_old_one_has_ended() -> None:
    early = note(NOW.quorum, NOON - 9, NOON - 8, NOON - 7)
    assert check_in_eras(early, ERAS).existed_by == NOON - 8


@pytest.mark.parametrize("last", [NOON + 61, NOON + 10**6])
def test_old_quorum_is_not_used_after_its_end(last: int) -> None:
    """One cosignature later than the end is enough to refuse the whole note."""
    with pytest.raises(LogError) as caught:
        check_in_eras(note(BEFORE.quorum, NOON, last), ERAS)
    assert caught.value.code == "quorum"


def test_old_quorum_counts_at_its_very_end() -> None:
    assert check_in_eras(note(BEFORE.quorum, NOON, NOON + 60), ERAS).existed_by == NOON


def test_a_witness_of_now_does_not_fill_an_old_quorum() -> None:
    lines = [WITNESSES[0].cosign(signed(5), NOON), WITNESSES[2].cosign(signed(5), NOON)]
    mixed = earliest_quorum(
        signed(5).with_signatures(*lines), Quorum(LOG.key, (KEYS[0], KEYS[2]), 2)
    )
    with pytest.raises(LogError):
        check_in_eras(mixed, ERAS)


def test_without_any_era_nothing_is_proven() -> None:
    with pytest.raises(LogError):
        check_in_eras(note(NOW.quorum, NOON, NOON, NOON), ())
