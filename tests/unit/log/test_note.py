"""Notes and verifier keys: what C2SP signed-note lets pass, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from node.core.errors import LogError
from node.core.log.note import (
    ED25519,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    NoteSignature,
    VerifierKey,
    parse_note,
    parse_vkey,
    sign_note,
    verify,
)
from tests.vectors.log.keyring import LOG, WITNESSES, signer

TEXT = "Ein Text\n\nmit leerer Zeile: 招标\n"
NOTE = sign_note(TEXT, LOG.key.name, LOG.sign, LOG.key.public)
OTHER = signer("other.example/log", ED25519)


def test_a_note_reads_back_and_verifies() -> None:
    again = parse_note(NOTE.encode().encode())
    assert again == NOTE == parse_note(NOTE.encode())
    verify(again, LOG.key)


def test_the_published_example_of_the_go_module() -> None:
    """The note and key in the documentation of golang.org/x/mod/sumdb/note."""
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdn"
        "gotpRZb6KE6RyyBwJnAM=\n"
    )
    verify(parse_note(note), key)
    assert key.encode().startswith("PeterNeumann+c74f20a3+")


@pytest.mark.parametrize(
    "mutate",
    [
        lambda t: t.replace("\n\n—", "\n—"),  # the text's own empty line then parts the note
        lambda t: t[:-1],
        lambda t: t + "x",
        lambda t: t + "\n",
        lambda t: t.replace("— ", "- "),
        lambda t: t.replace("— ", "—"),
        lambda t: t.replace("— ", "—  "),
        lambda t: t.replace("log ", "log+ "),
        lambda t: t.replace("log ", "log\u3000 "),
        lambda t: t.replace("log ", "log\t "),
        lambda t: t.replace("=\n", "\n"),
        lambda t: t.replace("=\n", "=\r\n"),
        lambda t: t.replace("=\n", "= \n"),
        lambda t: t.replace("Ein", "Ein\x00"),
        lambda t: t.replace("Ein", "Ein\ud800"),
        lambda t: t[: t.rfind("\n\n") + 2],
        lambda t: t[:0],
    ],
)
def test_a_note_has_one_spelling(mutate: Callable[[str], str]) -> None:
    text = mutate(NOTE.encode())
    assert text != NOTE.encode()
    with pytest.raises(LogError):
        verify(parse_note(text), LOG.key)


def test_base64_with_stray_bits_is_refused() -> None:
    line = NOTE.encode().rstrip("\n")
    assert line.endswith("=")
    assert not line.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet[alphabet.index(line[-2]) ^ 1]
    with pytest.raises(LogError, match="canonical"):
        parse_note(f"{line[:-2]}{last}=\n")


def test_not_utf8_is_refused() -> None:
    with pytest.raises(LogError, match="UTF-8"):
        parse_note(NOTE.encode().encode().replace(b"Ein", b"\xff"))


def test_limits() -> None:
    line = NOTE.signatures[0]
    parse_note(Note("x\n", (line,) * MAX_SIGNATURES).encode())
    with pytest.raises(LogError, match="signatures"):
        parse_note(NOTE.encode() + line.line() * MAX_SIGNATURES)
    with pytest.raises(LogError, match="longer"):
        parse_note("x" * MAX_NOTE_BYTES + NOTE.encode())
    with pytest.raises(LogError, match="longer"):
        Note("é" * (MAX_NOTE_BYTES // 2) + "\n", (line,))


def test_a_signature_has_more_than_a_key_id() -> None:
    with pytest.raises(LogError):
        parse_note("x\n\n— a AAAAAA==\n")
    with pytest.raises(LogError):
        NoteSignature("a", b"1234", b"")


def test_unknown_lines_are_ignored() -> None:
    foreign = sign_note(TEXT, OTHER.key.name, OTHER.sign, OTHER.key.public).signatures
    note = NOTE.with_signatures(*foreign)
    verify(note, LOG.key)


def test_same_name_with_another_key_id_is_another_key() -> None:
    line = NoteSignature(LOG.key.name, b"\0\0\0\0", NOTE.signatures[0].blob)
    verify(Note(TEXT, (line, *NOTE.signatures)), LOG.key)
    with pytest.raises(LogError, match="no signature"):
        verify(Note(TEXT, (line,)), LOG.key)


def test_a_false_line_of_a_known_key_spoils_the_note() -> None:
    false = NoteSignature(LOG.key.name, LOG.key.key_id, bytes(64))
    for lines in ((false, *NOTE.signatures), (*NOTE.signatures, false), (false,)):
        with pytest.raises(LogError, match="does not verify"):
            verify(Note(TEXT, lines), LOG.key)


def test_a_witness_key_signs_no_note() -> None:
    with pytest.raises(LogError, match="cosignatures"):
        verify(NOTE, WITNESSES[0].key)


def test_vkeys_read_back() -> None:
    for key in (LOG.key, WITNESSES[0].key):
        assert parse_vkey(key.encode()) == key


def test_type_enters_the_key_id() -> None:
    assert VerifierKey("a", 1, LOG.key.public).key_id != VerifierKey("a", 4, LOG.key.public).key_id


@pytest.mark.parametrize(
    "mutate",
    [
        lambda t: t.replace("+", " ", 1),
        lambda t: t.upper(),
        lambda t: "x" + t,
        lambda t: t + "=",
        lambda t: t[:-4],
        lambda t: t.partition("+")[0] + "+00000000+" + t.split("+", 2)[2],
        lambda t: "+".join(t.split("+", 2)[:2]) + "+",
        lambda t: "+".join(t.split("+", 2)[:2]),
        lambda t: t[:0],
        lambda t: t + "\n",
    ],
)
def test_a_vkey_has_one_spelling(mutate: Callable[[str], str]) -> None:
    with pytest.raises(LogError):
        parse_vkey(mutate(LOG.key.encode()))


@pytest.mark.parametrize("kind", [0, 2, 3, 5, 6, 255])
def test_other_signature_types_are_refused(kind: int) -> None:
    with pytest.raises(LogError, match="type"):
        VerifierKey("a", kind, LOG.key.public)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "x" * 257, "\udcff"])
def test_forbidden_key_names(name: str) -> None:
    with pytest.raises(LogError, match="name"):
        VerifierKey(name, ED25519, LOG.key.public)


@pytest.mark.parametrize("text", ["", "no line feed", "tab\t\n", "lone \ud800\n"])
def test_forbidden_texts(text: str) -> None:
    with pytest.raises(LogError):
        sign_note(text, LOG.key.name, LOG.sign, LOG.key.public)
