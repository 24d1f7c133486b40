"""Signed notes and verifier keys: C2SP signed-note, with Ed25519 only.

A note is text, an empty line, and signature lines `— <name> base64(key id || signature)`. The text
means nothing until `verify` (or `node.core.log.cosignature`) has accepted it for a key we trust.
Parsing is strict: what is accepted encodes to exactly the bytes that came in.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import CryptoError

from node.core.errors import LogError

ED25519: Final = 0x01
"""Signature type of a log's own line (C2SP signed-note, Signature types)."""
COSIGNATURE: Final = 0x04
"""Signature type of a witness's timestamped line (C2SP tlog-cosignature)."""

MAX_NOTE_BYTES: Final = 1 << 17
"""The spec asks for at least 16 signatures of up to 5 kB; ours have 76 bytes."""
MAX_SIGNATURES: Final = 64
MAX_NAME_BYTES: Final = 256
SIGNED: Final = 2048
"""So many good signatures are remembered, with what they sign."""
_DASH: Final = "— "
_KEY_ID_BYTES: Final = 4
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, not yet verified: `blob` is what follows the 4-byte key id."""

    name: str
    key_id: bytes
    blob: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != _KEY_ID_BYTES or not self.blob:
            raise LogError(f"signature of {self.name}: needs a 4-byte key id and a signature")

    def line(self) -> str:
        """Give the line as it stands in a note, with its line feed (signed-note, Format)."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """Text and its signature lines. `text` ends in a line feed, which is part of what is signed."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise LogError(f"a note has 1 to {MAX_SIGNATURES} signatures")

    def encode(self) -> str:
        """Give the note's own text form; `parse_note` reads back the same note."""
        return self.text + "\n" + "".join(s.line() for s in self.signatures)

    def with_signatures(self, *more: NoteSignature) -> Note:
        """Give the same text with lines added at the end; nothing is verified here."""
        return Note(self.text, self.signatures + more)


@lru_cache(maxsize=1024)
def _is_point(public: bytes) -> bool:
    """Of prime order, canonical; the same few keys are named in every note and policy."""
    return bool(crypto_core_ed25519_is_valid_point(public))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and one role: `kind` is ED25519 (log) or COSIGNATURE (witness).

    Raises LogError on a name the spec forbids, another kind, or a key that is not the canonical
    encoding of a point of prime order. libsodium refuses small-order and non-canonical keys at
    each use; refusing them here too means that such a key cannot even be named in a policy.
    """

    name: str
    kind: int
    public: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.kind not in (ED25519, COSIGNATURE):
            raise LogError(f"key {self.name}: signature type {self.kind} is not one of 1 and 4")
        if len(self.public) != _KEY_BYTES or not _is_point(self.public):
            raise LogError(f"key {self.name}: not a canonical Ed25519 key of prime order")
        preimage = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        object.__setattr__(self, "key_id", sha256(preimage).digest()[:_KEY_ID_BYTES])

    def encode(self) -> str:
        """Give the vkey: `<name>+<hex key id>+<base64 of type and key>` (signed-note)."""
        material = encode_base64(bytes([self.kind]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def made(self, signature: NoteSignature) -> bool:
        """Whether a line claims this key: name and key id together (signed-note, Signatures)."""
        return signature.key_id == self.key_id and signature.name == self.name


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey, and refuse one whose key id is not that of its own name, type and key.

    Source: C2SP signed-note, Verifier keys. Raises LogError.
    """
    name, _, rest = text.partition("+")
    stated, _, material = rest.partition("+")
    raw = decode_base64(material, "verifier key")
    if not raw:
        raise LogError("verifier key: empty")
    key = VerifierKey(name, raw[0], raw[1:])
    if stated != key.key_id.hex():  # lower-case hex only: one spelling of one key
        raise LogError(f"verifier key {name}: its id is {key.key_id.hex()}, not as stated")
    return key


def parse_note(data: str | bytes) -> Note:
    """Read a note strictly; nothing in it is verified yet.

    Source: C2SP signed-note, Format: UTF-8, no control character but the line feed, the last empty
    line parts text and signatures. Raises LogError on anything else, on non-canonical base64, and
    above MAX_NOTE_BYTES or MAX_SIGNATURES.
    """
    text, lines = split_note(decode_text(data, MAX_NOTE_BYTES))
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise LogError(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(lines)}")
    return Note(text, tuple(parse_line(line) for line in lines))


def split_note(data: str) -> tuple[str, list[str]]:
    """Part a note at its last empty line into text and unread signature lines.

    Raises LogError if there is no empty line or the last line is not ended.
    """
    at = data.rfind("\n\n")
    if at < 0:
        raise LogError("a note has an empty line before its signatures")
    tail = data[at + 2 :]
    if tail and not tail.endswith("\n"):
        raise LogError("a note's last line ends in a line feed")
    return data[: at + 1], tail.split("\n")[:-1]


def parse_line(line: str) -> NoteSignature:
    """Read one signature line (without its line feed). Raises LogError."""
    dash, name, encoded = line[:2], *_parts(line[2:])
    if dash != _DASH:
        raise LogError("a signature line begins with an em dash and a space")
    raw = decode_base64(encoded, "signature line")
    return NoteSignature(name, raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])


def sign_note(text: str, name: str, sign: Callable[[bytes], bytes], public: bytes) -> Note:
    """Sign text with a type 0x01 Ed25519 key; `sign` gives the 64 bytes for a message.

    Source: C2SP signed-note, Ed25519 signatures: the message is the text itself. Raises LogError
    if text or name is not allowed in a note.
    """
    key = VerifierKey(name, ED25519, public)
    _check_text(text)
    return Note(text, (NoteSignature(name, key.key_id, sign(text.encode())),))


def verify(note: Note, key: VerifierKey) -> None:
    """Accept the note only if `key`, of type 0x01, signed its text.

    A line of this key that does not verify refuses the whole note, even beside one that does;
    lines of other keys are ignored, as signed-note (Signatures) says. Raises LogError.
    """
    if key.kind != ED25519:
        raise LogError(f"key {key.name} makes cosignatures, not a log's signature")
    lines = [s for s in note.signatures if key.made(s)]
    if not lines:
        raise LogError(f"the note has no signature of {key.name}")
    message = note.text.encode()
    if not all(is_signed(message, s.blob, key.public) for s in lines):
        raise LogError(f"the signature of {key.name} does not verify")


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether an Ed25519 signature (RFC 8032) verifies under libsodium's rule.

    libsodium refuses S not below the group order, small-order R, and small-order or non-canonical
    keys; OpenSSL lets some of these pass, so nobody may check log signatures with it.
    """
    if len(signature) != _SIGNATURE_BYTES or len(public) != _KEY_BYTES:
        return False
    try:
        _open_signed(signature, message, public)
    except CryptoError:
        return False
    return True


@lru_cache(maxsize=SIGNED)
def _open_signed(signature: bytes, message: bytes, public: bytes) -> None:
    """One that verified lately is not verified again: a note stands in many streams and files."""
    crypto_sign_open(signature + message, public)


@lru_cache(maxsize=256)
def check_name(name: str) -> None:
    """Refuse a key name that signed-note forbids: empty, with a space, a plus or a control."""
    if not name or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise LogError(f"a key name has 1 to {MAX_NAME_BYTES} bytes")
    if any(c == "+" or c < " " or c.isspace() or "\ud800" <= c <= "\udfff" for c in name):
        raise LogError("a key name has no space, plus or control character")


def decode_text(data: str | bytes, limit: int) -> str:
    """Give UTF-8 text of at most `limit` bytes without controls but line feeds. Raises LogError."""
    if len(data) > limit:
        raise LogError(f"longer than {limit} bytes")
    try:
        text = data.decode() if isinstance(data, bytes) else data
        size = len(text.encode())
    except UnicodeError:
        raise LogError("not UTF-8") from None
    if size > limit:
        raise LogError(f"longer than {limit} bytes")
    if _CONTROL.search(text):
        raise LogError("a control character other than the line feed")
    return text


def encode_base64(raw: bytes) -> str:
    """Give standard, padded base64 (RFC 4648 section 4)."""
    return b2a_base64(raw, newline=False).decode("ascii")


def decode_base64(text: str, what: str) -> bytes:
    """Read padded standard base64 in its one canonical spelling. Raises LogError naming `what`."""
    try:
        raw = a2b_base64(text, strict_mode=True)
    except ValueError:  # of letters that are not ASCII, too
        raise LogError(f"{what}: not base64") from None
    if encode_base64(raw) != text:
        raise LogError(f"{what}: base64 is not canonical")
    return raw


def _parts(rest: str) -> tuple[str, str]:
    name, space, encoded = rest.partition(" ")
    if not space:
        raise LogError("a signature line has a name, a space and a signature")
    return name, encoded


def _check_text(text: str) -> None:
    decode_text(text, MAX_NOTE_BYTES)
    if not text.endswith("\n"):
        raise LogError("a note's text ends in a line feed")
