"""The witness's decision: each status of C2SP tlog-witness, and their order."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.merkle import EMPTY_ROOT
from node.core.log.note import ED25519, Note, NoteSignature, VerifierKey, sign_note
from node.core.log.witness import (
    SIZE_TYPE,
    Accept,
    AddCheckpoint,
    Refuse,
    add_checkpoint,
    judge,
    malformed,
    monitoring_path,
    parse_cosignatures,
    parse_known_size,
    parse_request,
)
from tests.vectors.log.keyring import LOG, NOON, ORIGIN, WITNESSES, cosigned, signed, signer, tree

TREE = tree(20)
LOGS = {ORIGIN: [LOG.key]}
KNOWN = (7, TREE.root(7))


def grown(old: int, new: int) -> AddCheckpoint:
    """An honest request from `old` to `new`."""
    return add_checkpoint(old, TREE.consistency(old, new), signed(new))


def status(answer: Accept | Refuse) -> int:
    return 200 if isinstance(answer, Accept) else answer.status


def test_a_request_reads_back() -> None:
    for old in (0, 7, 20):
        request = grown(old, 20)
        assert parse_request(request.encode()) == request


@pytest.mark.parametrize(("known", "old"), [(None, 0), (KNOWN, 7), ((20, TREE.root(20)), 20)])
def test_honest_growth_is_accepted(known: tuple[int, bytes] | None, old: int) -> None:
    answer = judge(known, grown(old, 20), LOGS)
    assert answer == Accept(grown(0, 20).checkpoint, signed(20).text)


def test_404_unknown_origin() -> None:
    assert status(judge(None, grown(0, 20), {})) == 404
    assert status(judge(None, grown(0, 20), {"other.example/log": [LOG.key]})) == 404


def test_403_no_trusted_signature() -> None:
    other = signer("other.example/log", ED25519)
    foreign = sign_note(signed(20).text, other.key.name, other.sign, other.key.public)
    assert status(judge(None, add_checkpoint(0, (), foreign), LOGS)) == 403
    assert status(judge(None, grown(0, 20), {ORIGIN: []})) == 403
    false = Note(foreign.text, (NoteSignature(ORIGIN, LOG.key.key_id, bytes(64)),))
    assert status(judge(None, add_checkpoint(0, (), false), LOGS)) == 403


@pytest.mark.parametrize("tail", ["", "— \n", "— x\n", "— a !!\n", "- a AAAAAAA=\n"])
def test_403_malformed_signature(tail: str) -> None:
    text = signed(20).text
    request = parse_request(f"old 0\n\n{text}\n{tail}".encode())
    assert status(judge(None, request, LOGS)) == 403


def test_a_new_key_of_the_log_may_sign_beside_the_old_one() -> None:
    new = signer(f"{ORIGIN} 2".replace(" ", "-"), ED25519)
    renamed = VerifierKey(ORIGIN, ED25519, new.key.public)
    line = sign_note(signed(20).text, ORIGIN, new.sign, new.key.public).signatures
    both = signed(20).with_signatures(*line)
    for keys in ([LOG.key], [renamed], [LOG.key, renamed]):
        assert status(judge(None, add_checkpoint(0, (), both), {ORIGIN: keys})) == 200


def test_403_a_false_line_of_a_new_key_beside_a_good_one_of_the_old_key() -> None:
    new = VerifierKey(ORIGIN, ED25519, signer("new.example/log", ED25519).key.public)
    spoiled = signed(20).with_signatures(NoteSignature(ORIGIN, new.key_id, bytes(64)))
    request = add_checkpoint(0, (), spoiled)
    assert status(judge(None, request, {ORIGIN: [LOG.key]})) == 200
    for keys in ([LOG.key, new], [new, LOG.key]):
        assert status(judge(None, request, {ORIGIN: keys})) == 403


def test_unknown_lines_are_ignored() -> None:
    assert status(judge(None, add_checkpoint(0, (), cosigned(20, NOON)), LOGS)) == 200


def test_400_old_size_above_the_checkpoint() -> None:
    request = AddCheckpoint(21, (), signed(20).encode(), grown(0, 20).checkpoint)
    assert status(judge(None, request, LOGS)) == 400


@pytest.mark.parametrize("old", [0, 6, 8, 20])
def test_409_tells_the_known_size(old: int) -> None:
    assert judge(KNOWN, grown(old, 20), LOGS) == Refuse(409, "7\n", SIZE_TYPE)
    assert judge(None, grown(7, 20), LOGS) == Refuse(409, "0\n", SIZE_TYPE)


def test_422_proof_does_not_hold() -> None:
    good = grown(7, 20)
    for proof in (good.proof[:-1], (*good.proof, EMPTY_ROOT), good.proof[::-1], ()):
        request = add_checkpoint(7, proof, signed(20))
        assert status(judge(KNOWN, request, LOGS)) == 422
    assert status(judge(None, add_checkpoint(0, (EMPTY_ROOT,), signed(20)), LOGS)) == 422


def test_422_same_size_with_another_root() -> None:
    assert status(judge((20, TREE.root(19)), grown(20, 20), LOGS)) == 422


def test_409_rather_than_a_step_back() -> None:
    """A smaller checkpoint than the known one never gets past the size check."""
    for old in range(8):
        answer = judge((9, TREE.root(9)), grown(old, 7), LOGS)
        assert answer == Refuse(409, "9\n", SIZE_TYPE)


BODY = grown(7, 20).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old 7\n", b"old 07\n"),
        (b"old 7\n", b"old +7\n"),
        (b"old 7\n", b"old  7\n"),
        (b"old 7\n", b"old 7 \n"),
        (b"old 7\n", b"old 7\r\n"),
        (b"old 7\n", b"Old 7\n"),
        (b"old 7\n", b"\nold 7\n"),
        (b"old 7\n", b"old \n"),
        (b"old 7\n", b"old 9223372036854775808\n"),
        (b"old 7\n", b"old 7\nAAAA\n"),
        (b"old 7\n", b"old 7\n" + b"A" * 43 + b"=\n" + b"!" * 44 + b"\n"),
        (b"old 7\n", b"old 7\n" + (b"A" * 43 + b"=\n") * 63),
        (b"\n20\n", b"\n020\n"),
        (b"\n\n", b"\n"),
        (BODY[-20:], b""),
        (BODY, b""),
    ],
)
def test_400_malformed(old: bytes, new: bytes) -> None:
    assert old in BODY
    with pytest.raises(LogError) as caught:
        parse_request(BODY.replace(old, new))
    answer = malformed(caught.value)
    assert answer.status == 400
    assert answer.body.endswith("\n")


def test_answers_read_back() -> None:
    lines = cosigned(20, NOON, NOON + 1).signatures[1:]
    body = "".join(s.line() for s in lines).encode()
    assert parse_cosignatures(body) == lines
    for bad in (b"", body[:-1], b"\n" + body, body + b"\n", body.replace("—".encode(), b"-")):
        with pytest.raises(LogError):
            parse_cosignatures(bad)
    assert lines[0].name == WITNESSES[0].key.name


def test_a_conflict_names_one_size() -> None:
    assert parse_known_size(b"7\n", SIZE_TYPE) == 7
    for body, kind in (
        (b"7", SIZE_TYPE),
        (b"07\n", SIZE_TYPE),
        (b"7\n", "text/plain"),
        (b"", SIZE_TYPE),
    ):
        with pytest.raises(LogError):
            parse_known_size(body, kind)


def test_monitoring_path_hashes_the_origin() -> None:
    assert monitoring_path("") == f"{EMPTY_ROOT.hex()}/checkpoint"  # SHA-256 of nothing
    assert monitoring_path(ORIGIN) != monitoring_path("other.example/log")
