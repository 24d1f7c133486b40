"""Attacks on the draw, each named by what the attacker does."""

from __future__ import annotations

from hashlib import sha256

import pytest

from node.core.errors import NodeError, RuleError
from node.core.records.box import SEALED_NAME_SIZE
from node.core.records.keys import key_id, signer_from_seed
from node.core.rules import draw, pool

DRAW = sha256(b"draw").hexdigest()
ROUND = draw.round_id(0, DRAW, "slate")
SECRETS = {bytes([i]) * 20: bytes([0x40 + i]) * 32 for i in (1, 2, 3)}
COMMITMENTS = {a: draw.commitment(ROUND, a, s) for a, s in SECRETS.items()}
SEED = draw.seed_of(ROUND, SECRETS)
LIST = sorted(draw.person(DRAW, str(i), sha256(b"%d" % i).hexdigest()) for i in range(40))


def test_the_honest_round_and_list_pass() -> None:
    draw.check_seed(ROUND, COMMITMENTS, SECRETS, SEED)
    draw.check_list(LIST, (), 30, "ours")
    draw.check_list(LIST[:30], LIST[30:], 30, "ours")


def test_a_member_withholds_his_reveal_when_he_dislikes_the_seed() -> None:
    left = dict(list(SECRETS.items())[:2])
    with pytest.raises(RuleError, match="no reveal by 0303"):
        draw.check_seed(ROUND, COMMITMENTS, left, draw.seed_of(ROUND, left))


def test_a_member_reveals_another_secret_than_he_committed() -> None:
    changed = SECRETS | {bytes([2]) * 20: bytes(32)}
    with pytest.raises(RuleError, match=r"0202.* did not open"):
        draw.check_seed(ROUND, COMMITMENTS, changed, draw.seed_of(ROUND, changed))


def test_an_outsider_adds_a_secret() -> None:
    more = SECRETS | {bytes([9]) * 20: bytes(32)}
    with pytest.raises(RuleError, match=r"0909.* no member"):
        draw.check_seed(ROUND, COMMITMENTS, more, draw.seed_of(ROUND, more))


def test_a_member_copies_another_members_commitment() -> None:
    """With the copied commitment and the copied secret the seed would cancel nothing."""
    copied = COMMITMENTS | {bytes([2]) * 20: COMMITMENTS[bytes([1]) * 20]}
    secrets = SECRETS | {bytes([2]) * 20: SECRETS[bytes([1]) * 20]}
    with pytest.raises(RuleError, match=r"0202.* did not open"):
        draw.check_seed(ROUND, copied, secrets, draw.seed_of(ROUND, secrets))


def test_a_commitment_of_the_voided_round_is_used_again() -> None:
    later = draw.round_id(1, DRAW, "slate")
    with pytest.raises(RuleError, match="did not open"):
        draw.check_seed(later, COMMITMENTS, SECRETS, draw.seed_of(later, SECRETS))


def test_the_host_writes_a_seed_of_its_choice() -> None:
    with pytest.raises(RuleError, match="not that of its secrets"):
        draw.check_seed(ROUND, COMMITMENTS, SECRETS, bytes(32))


@pytest.mark.parametrize("purpose", ["pick", "lot"])
def test_a_seed_is_used_for_another_purpose(purpose: draw.Purpose) -> None:
    assert draw.round_id(0, DRAW, purpose) != ROUND


def test_a_pool_lists_its_friend_twice() -> None:
    with pytest.raises(RuleError, match="ascending"):
        draw.check_list(sorted([*LIST, LIST[3]]), (), 30, "ours")


def test_a_pool_signals_by_the_order_of_its_list() -> None:
    with pytest.raises(RuleError, match="ascending"):
        draw.check_list([LIST[1], LIST[0], *LIST[2:]], (), 30, "ours")


def test_a_pool_copies_a_person_of_another_pool() -> None:
    with pytest.raises(RuleError, match="another pool"):
        draw.check_list(LIST, {LIST[7]}, 30, "ours")


def test_a_pool_offers_so_few_that_the_draw_is_a_naming() -> None:
    with pytest.raises(RuleError, match="29 fit experts") as caught:
        draw.check_list(LIST[:29], (), 30, "TBL 37")
    assert caught.value.article == "TBL 37"


def test_a_pool_writes_one_person_in_two_spellings() -> None:
    with pytest.raises(NodeError) as caught:
        draw.check_list(sorted([LIST[0].upper(), *LIST]), (), 30, "ours")
    assert caught.value.code == "form"


def entry(number: int, since: str = "2026-01-01T00:00:00Z", specialty: str = "a") -> pool.PoolEntry:
    """An entry signed by its expert."""
    signer = signer_from_seed("ed25519", sha256(b"expert %d" % number).digest())
    facts = pool.EntryFacts(
        entry=signer.public,
        name="00" * SEALED_NAME_SIZE,
        pseudonym=key_id(signer.public),
        region="zhuzhou",
        since=since,
        specialties=(specialty,),
    )
    sig = signer.sign(pool.entry_message(facts)).hex()
    return pool.PoolEntry(facts=facts, salt=sha256(b"salt %d" % number).hexdigest(), sig=sig)


JAN_31 = 1_769_817_600  # 2026-01-31T00:00:00Z


def test_an_entry_is_exactly_old_enough() -> None:
    assert pool.is_old_enough(entry(1).facts, JAN_31, 30)


def test_somebody_is_put_into_the_pool_for_one_tender() -> None:
    assert not pool.is_old_enough(entry(1).facts, JAN_31 - 1, 30)


def test_a_centre_invents_an_expert_or_changes_what_he_knows() -> None:
    true, other = entry(1), entry(2, specialty="b")
    pool.check_signed(true.facts, bytes.fromhex(true.sig))
    with pytest.raises(NodeError) as caught:
        pool.check_signed(other.facts, bytes.fromhex(true.sig))
    assert caught.value.code == "signature"


def test_one_expert_is_entered_under_two_pseudonyms() -> None:
    signer = signer_from_seed("ed25519", sha256(b"expert 1").digest())
    facts = pool.EntryFacts(
        entry=signer.public,
        name="00" * SEALED_NAME_SIZE,
        pseudonym="22" * 32,
        region="zhuzhou",
        since="2026-01-01T00:00:00Z",
        specialties=("a",),
    )
    sig = signer.sign(pool.entry_message(facts)).hex()
    twin = pool.PoolEntry(facts=facts, salt="00" * 32, sig=sig)
    with pytest.raises(RuleError, match="not the id of the entry's key"):
        pool.check_signed(facts, bytes.fromhex(sig))
    with pytest.raises(RuleError, match="one key"):
        pool.snapshot_root([entry(1), twin])
    with pytest.raises(RuleError, match="one pseudonym"):
        pool.snapshot_root([entry(1), entry(1, since="2026-01-02T00:00:00Z")])
