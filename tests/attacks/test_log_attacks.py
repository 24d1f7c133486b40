"""Attacks on the log, each by its name: what a lying host, partner or network would try."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from node.core.log.cosignature import (
    check_quorum,
    cosigned_message,
    earliest_quorum,
    existed_by,
    verify_cosignature,
)
from node.core.log.merkle import Tree, leaf_hash, node_hash
from node.core.log.note import (
    COSIGNATURE,
    ED25519,
    Note,
    NoteSignature,
    VerifierKey,
    sign_note,
)
from node.core.log.policy import Quorum, parse_policy
from node.core.log.proof import TlogProof, check_inclusion, parse_proof
from node.core.log.witness import Accept, Refuse, add_checkpoint, judge
from tests.vectors.log.keyring import LOG, NOON, ORIGIN, WITNESSES, cosigned, entry, signed, tree

TWO = Quorum(LOG.key, tuple(w.key for w in WITNESSES), 2)
LOGS = {ORIGIN: [LOG.key]}


def forked(size: int, at: int) -> Tree:
    """The log with another entry put in place of the one at `at`."""
    honest = tree(size)
    return Tree(leaf_hash(b"x" * 32) if i == at else honest.leaf(i) for i in range(size))


def test_split_view_is_not_cosigned_twice() -> None:
    """The host shows a second history of the same log to a witness."""
    fork = forked(20, 3)
    note = sign_checkpoint(Checkpoint(ORIGIN, 20, fork.root()), LOG.sign, LOG.key.public)
    for known in ((7, tree(7).root()), (20, tree(20).root())):
        request = add_checkpoint(known[0], fork.consistency(known[0], 20), note)
        answer = judge(known, request, LOGS)
        assert isinstance(answer, Refuse)
        assert answer.status == 422


def test_rollback_of_a_witness() -> None:
    """An old checkpoint, honestly signed once, is sent again to make the witness forget."""
    known = (20, tree(20).root())
    for old in (0, 7, 13, 20):
        answer = judge(known, add_checkpoint(old, (), signed(13)), LOGS)
        assert not isinstance(answer, Accept)


def test_an_inner_node_shown_as_an_entry() -> None:
    """Second preimage: the two halves of an inner node are offered as a 64-byte entry."""
    whole = tree(4)
    inner = whole.leaf(0) + whole.leaf(1)
    path = (node_hash(whole.leaf(2), whole.leaf(3)),)
    check_inclusion(node_hash(inner[:32], inner[32:]), 0, 2, path, whole.root())
    with pytest.raises(LogError):
        check_inclusion(leaf_hash(inner), 0, 2, path, whole.root())
    with pytest.raises(LogError):
        check_inclusion(leaf_hash(inner), 0, 4, path, whole.root())


def test_backdated_cosignature() -> None:
    """The time in a cosignature's blob is moved; the signature covers it."""
    note = cosigned(13, NOON + 9, NOON + 9)
    line = note.signatures[1]
    moved = NoteSignature(line.name, line.key_id, NOON.to_bytes(8, "big") + line.blob[8:])
    with pytest.raises(LogError, match="does not verify"):
        earliest_quorum(Note(note.text, (note.signatures[0], moved, note.signatures[2])), TWO)


def test_one_lying_witness_cannot_move_existed_by() -> None:
    """Of three cosignatures one bears an early time; with f = 1 an honest time counts."""
    three = Quorum(LOG.key, TWO.witnesses, 3)
    note = earliest_quorum(cosigned(13, NOON - 3600, NOON + 2, NOON + 4), three)
    assert existed_by(check_quorum(note, three).times, 1) == NOON + 2


def test_one_witness_fills_the_quorum_alone() -> None:
    note = signed(13)
    lines = tuple(WITNESSES[0].cosign(note, NOON + i) for i in range(3))
    with pytest.raises(LogError):
        earliest_quorum(note.with_signatures(*lines), TWO)
    with pytest.raises(LogError):
        check_quorum(note.with_signatures(*lines[:2]), TWO)


def test_the_log_cosigns_itself() -> None:
    """The host's log key is offered as a witness: in the policy, and in the note."""
    own = VerifierKey(WITNESSES[0].key.name, COSIGNATURE, LOG.key.public)
    with pytest.raises(LogError, match="two places"):
        Quorum(LOG.key, (own, *TWO.witnesses[1:]), 2)
    note = signed(13)
    with pytest.raises(LogError, match="0 of 2 cosignatures"):
        check_quorum(note.with_signatures(note.signatures[0], note.signatures[0]), TWO)


def test_cosignature_of_one_witness_under_another_name() -> None:
    """The signed bytes name nobody: key id and key of the claimed witness must refuse it."""
    note = cosigned(13, NOON, NOON)
    stolen, claimed = note.signatures[1], WITNESSES[2].key
    forged = NoteSignature(claimed.name, claimed.key_id, stolen.blob)
    with pytest.raises(LogError, match="does not verify"):
        check_quorum(Note(note.text, (*note.signatures[:2], forged)), TWO)


def test_a_witness_signs_a_checkpoint_as_a_log_would() -> None:
    """The line names the witness's key, of type 4, and signs the bare text as type 1 does."""
    witness = WITNESSES[0]
    text = Checkpoint(witness.key.name, 13, tree(13).root()).encode()
    line = NoteSignature(witness.key.name, witness.key.key_id, witness.sign(text.encode()))
    with pytest.raises(LogError, match="not a log's signature"):
        open_checkpoint(Note(text, (line,)), witness.key)


def test_a_note_signature_passed_off_as_a_cosignature() -> None:
    """A host has a witness's key sign a note whose text is a cosignature's message.

    As the line of a note (type 0x01) it counts for nothing. Under the other key id it would count:
    that is why a witness's key signs nothing else, and why no key has two places in a `Quorum`.
    """
    witness, note = WITNESSES[0], signed(13)
    text = cosigned_message(note.text, NOON).decode()
    lured = sign_note(text, witness.key.name, witness.sign, witness.key.public).signatures[0]
    line = NoteSignature(lured.name, lured.key_id, NOON.to_bytes(8, "big") + lured.blob)
    with pytest.raises(LogError, match="1 of 2"):
        check_quorum(note.with_signatures(line, WITNESSES[1].cosign(note, NOON)), TWO)
    relabelled = NoteSignature(lured.name, witness.key.key_id, line.blob)
    assert verify_cosignature(note.text, relabelled, witness.key) == NOON


def test_extra_lines_smuggled_into_a_receipt() -> None:
    """Bytes that no check covers would let two receipts of one place differ."""
    note = earliest_quorum(cosigned(13, NOON, NOON + 1), TWO)
    proof = TlogProof(5, b"x", tree(13).inclusion(5, 13), note.encode())
    assert check_quorum(parse_proof(proof.encode()).checkpoint, TWO).times == (NOON, NOON + 1)
    foreign = sign_note(note.text, "a.example/x", LOG.sign, LOG.key.public).signatures[0]
    longer = TlogProof(5, b"x", proof.proof, note.with_signatures(foreign).encode())
    with pytest.raises(LogError, match="exactly"):
        check_quorum(longer.checkpoint, TWO)


def test_a_proof_moved_to_another_checkpoint() -> None:
    whole = tree(20)
    moved = TlogProof(5, None, whole.inclusion(5, 13), signed(20).encode())
    with pytest.raises(LogError):
        moved.check(leaf_hash(entry(5)))


def test_a_checkpoint_of_another_log_under_a_good_key() -> None:
    note = sign_note(
        signed(13).text.replace(ORIGIN, "a.example/log"), ORIGIN, LOG.sign, LOG.key.public
    )
    with pytest.raises(LogError, match="but of origin"):
        open_checkpoint(note, LOG.key)


def test_small_order_keys_sign_everything_and_are_refused() -> None:
    """With the identity as key, R = identity and S = 0 verify for any message in some libraries."""
    one = (1).to_bytes(32, "little")
    for kind in (ED25519, COSIGNATURE):
        with pytest.raises(LogError, match="prime order"):
            VerifierKey(ORIGIN, kind, one)


def test_a_policy_that_names_a_witness_twice_under_two_names() -> None:
    key = WITNESSES[0].key
    twin = VerifierKey("twin.example/witness", COSIGNATURE, key.public)
    text = f"witness a {key.encode()}\nwitness b {twin.encode()}\ngroup g 2 a b\nquorum g\n"
    with pytest.raises(LogError, match="same public key twice"):
        parse_policy(text)
