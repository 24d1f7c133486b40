"""The witness's side of C2SP tlog-witness, and the words both sides exchange.

`judge` decides, it stores nothing. Whoever answers MUST compare the stored state with the one that
was judged and replace it by the accepted checkpoint in one durable transaction, and only then
cosign (`cosignature.cosign`): otherwise two requests at once could roll the witness back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from node.core.errors import LogError
from node.core.log.checkpoint import Checkpoint, parse_checkpoint, parse_decimal, parse_hashes
from node.core.log.merkle import EMPTY_ROOT
from node.core.log.note import (
    MAX_NOTE_BYTES,
    Note,
    NoteSignature,
    VerifierKey,
    decode_text,
    encode_base64,
    parse_line,
    parse_note,
    split_note,
    verify,
)
from node.core.log.proof import MAX_PROOF, check_consistency

SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
MAX_BODY_BYTES: Final = MAX_NOTE_BYTES + (MAX_PROOF + 2) * 64
_OLD: Final = "old "


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request: the log's last size known to be cosigned, a proof from there, the signed note.

    `checkpoint` is what the note states. The note's signature lines are read only by `judge`,
    because a malformed one is answered by another status than a malformed body.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str
    checkpoint: Checkpoint

    def encode(self) -> bytes:
        """Give the request body (tlog-witness, add-checkpoint)."""
        hashes = "".join(f"{encode_base64(h)}\n" for h in self.proof)
        return f"{_OLD}{self.old}\n{hashes}\n{self.note}".encode()


@dataclass(frozen=True, slots=True)
class Accept:
    """Store `checkpoint` in place of the state that was judged, then cosign `text`."""

    checkpoint: Checkpoint
    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with this HTTP status and body; nothing is stored or signed."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


def add_checkpoint(old: int, proof: tuple[bytes, ...], note: Note) -> AddCheckpoint:
    """Make the request by which a log asks for a cosignature.

    `note` should bear the log's own line only: some witnesses limit bodies to 10 KiB. Raises
    LogError if the note is no checkpoint.
    """
    return AddCheckpoint(old, proof, note.encode(), parse_checkpoint(note.text))


def parse_request(body: bytes) -> AddCheckpoint:
    """Read an add-checkpoint body strictly; nothing in it is verified yet.

    Source: C2SP tlog-witness, add-checkpoint. Raises LogError, which is to be answered with
    `malformed(error)`: old size not canonical decimal, more than 63 proof lines, no checkpoint.
    """
    text = decode_text(body, MAX_BODY_BYTES)
    top, blank, note = text.partition("\n\n")
    lines = top.split("\n")
    if not blank or not lines[0].startswith(_OLD):
        raise LogError("a request begins with its old size and has an empty line before the note")
    old = parse_decimal(lines[0].removeprefix(_OLD), "old size")
    signed, _ = split_note(note)
    return AddCheckpoint(old, parse_hashes(lines[1:], MAX_PROOF), note, parse_checkpoint(signed))


def malformed(error: LogError) -> Refuse:
    """Give the answer to a body that `parse_request` refused: 400."""
    return Refuse(400, f"{error.detail}\n")


def judge(
    known: tuple[int, bytes] | None,
    request: AddCheckpoint,
    logs: Mapping[str, Collection[VerifierKey]],
) -> Accept | Refuse:
    """Decide on a checkpoint, given the size and root last cosigned for its origin (None: never).

    Source: C2SP tlog-witness, add-checkpoint, in this order: 404 unknown origin; 403 no signature
    by a key trusted for it, or a malformed one; 400 old size above the checkpoint's; 409 with the
    known size if the old size is another; 422 if the proof does not hold, or the same size has
    another root. `logs` are the trusted keys by origin.
    """
    checkpoint, (size, root) = request.checkpoint, known or (0, EMPTY_ROOT)
    keys = logs.get(checkpoint.origin)
    if keys is None:
        return Refuse(404, "unknown log origin\n")
    if (reason := _unsigned(request.note, keys)) is not None:
        return Refuse(403, f"{reason}\n")
    if request.old > checkpoint.size:
        return Refuse(400, "the old size is above the checkpoint's size\n")
    if request.old != size:
        return Refuse(409, f"{size}\n", SIZE_TYPE)
    try:
        check_consistency(size, root, checkpoint.size, checkpoint.root, request.proof)
    except LogError as error:
        return Refuse(422, f"{error.detail}\n")
    return Accept(checkpoint, checkpoint.encode())


def _unsigned(text: str, keys: Collection[VerifierKey]) -> str | None:
    """Say why a note does not count as signed; None if a trusted key signed it.

    A line of any trusted key that does not verify spoils the note (signed-note, Signatures).
    """
    try:
        note = parse_note(text)
        claimed = [key for key in keys if any(key.made(line) for line in note.signatures)]
        for key in claimed:
            verify(note, key)
    except LogError as error:
        return error.detail
    return None if claimed else "no signature by a trusted key"


def parse_cosignatures(body: bytes) -> tuple[NoteSignature, ...]:
    """Read a witness's 200 answer: one or more note lines, not yet verified. Raises LogError."""
    text = decode_text(body, MAX_NOTE_BYTES)
    if not text.endswith("\n"):
        raise LogError("an answer's last line ends in a line feed")
    return tuple(parse_line(line) for line in text.split("\n")[:-1])


def parse_known_size(body: bytes, content_type: str) -> int:
    """Read the size in a witness's 409 answer. Raises LogError if the answer has another form."""
    text = decode_text(body, 32)
    if content_type != SIZE_TYPE or not text.endswith("\n"):
        raise LogError("a conflict names the witness's size as text/x.tlog.size")
    return parse_decimal(text[:-1], "witness's size")


def monitoring_path(origin: str) -> str:
    """Give the path, below the monitoring prefix, of the last checkpoint cosigned for a log."""
    return f"{sha256(origin.encode()).hexdigest()}/checkpoint"
