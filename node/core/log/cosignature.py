"""Ed25519 cosignatures of witnesses, and the quorum form of a note.

C2SP tlog-cosignature, `cosignature/v1`: a witness states that at a time the checkpoint was the
newest consistent one it had seen. The signed bytes do not name the witness, so one key serves one
witness and nothing else (`policy.Quorum` refuses anything else).

The quorum form (protocol.md section 10.6) is the one form in which a checkpoint stands in evidence
and receipts: the log's line, then exactly q cosignatures of the policy's witnesses, the q earliest,
in order of time, then name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from node.core.errors import LogError
from node.core.log.checkpoint import MAX_SIZE, Checkpoint, open_checkpoint
from node.core.log.note import COSIGNATURE, Note, NoteSignature, VerifierKey, is_signed, parse_note
from node.core.log.policy import Quorum

MAX_TIME: Final = MAX_SIZE
"""A timestamp must not exceed 2**63 - 1 (tlog-cosignature, Format)."""
_TIME_BYTES: Final = 8
_BLOB_BYTES: Final = 72


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: who, when (POSIX seconds), and the note line it stands in."""

    name: str
    time: int
    signature: NoteSignature


@dataclass(frozen=True, slots=True)
class QuorumNote:
    """A checkpoint proven by its log and a quorum; `times` are the q cosignature times, rising."""

    note: Note
    checkpoint: Checkpoint
    times: tuple[int, ...]


def cosigned_message(text: str, time: int) -> bytes:
    """Give the bytes a witness signs (tlog-cosignature, Ed25519 signed message).

    `text` is the checkpoint's note text with its last line feed, `time` POSIX seconds. Raises
    LogError if the time is out of range.
    """
    if not 0 <= time <= MAX_TIME:
        raise LogError(f"cosignature time {time} is out of range")
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosign(text: str, key: VerifierKey, time: int, sign: Callable[[bytes], bytes]) -> NoteSignature:
    """Make the cosignature line of witness `key` over a checkpoint's text at `time`.

    The witness MUST have checked consistency and stored the checkpoint before. Raises LogError if
    the key is not a witness's (type 0x04).
    """
    if key.kind != COSIGNATURE:
        raise LogError(f"key {key.name} is not a witness's key")
    signature = sign(cosigned_message(text, time))
    return NoteSignature(key.name, key.key_id, time.to_bytes(_TIME_BYTES, "big") + signature)


def verify_cosignature(text: str, signature: NoteSignature, key: VerifierKey) -> int:
    """Accept a line only as witness `key`'s cosignature of `text`, and give its time.

    Whether the time is plausible is the caller's to judge (it has no clock here). Raises LogError.
    """
    if key.kind != COSIGNATURE or not key.made(signature):
        raise LogError(f"{signature.name}: not a line of the witness {key.name}")
    if len(signature.blob) != _BLOB_BYTES:
        raise LogError(f"{key.name}: a cosignature has {_BLOB_BYTES} bytes")
    time = int.from_bytes(signature.blob[:_TIME_BYTES], "big")
    if not is_signed(cosigned_message(text, time), signature.blob[_TIME_BYTES:], key.public):
        raise LogError(f"the cosignature of {key.name} does not verify")
    return time


def newest_claimed(note: Note) -> int:
    """The newest time that a line after the log's own claims; nothing is verified. 0 if none is."""
    blobs = (line.blob[:_TIME_BYTES] for line in note.signatures[1:])
    return max((int.from_bytes(blob, "big") for blob in blobs), default=0)


def cosignatures(note: Note, witnesses: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """Give all cosignatures of these witnesses in a note, in the note's order.

    Lines of other keys are ignored; one of a witness that does not verify refuses the whole note
    (signed-note, Signatures). Raises LogError.
    """
    known = {(w.name, w.key_id): w for w in witnesses}
    found: list[Cosignature] = []
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            found.append(Cosignature(line.name, verify_cosignature(note.text, line, key), line))
    return tuple(found)


def earliest_quorum(note: Note, quorum: Quorum) -> Note:
    """Bring a note into the quorum form: log line, then the q earliest cosignatures in order.

    Where a witness cosigned twice its earlier line counts. Raises LogError, with code `quorum`
    while fewer than q witnesses have cosigned.
    """
    open_checkpoint(note, quorum.log)
    own = next(line for line in note.signatures if quorum.log.made(line))
    first: dict[str, Cosignature] = {}
    for found in sorted(cosignatures(note, quorum.witnesses), key=_order):
        first.setdefault(found.name, found)
    if len(first) < quorum.q:
        detail = f"{len(first)} of {quorum.q} cosignatures of {quorum.log.name}"
        raise LogError(detail, code="quorum")
    chosen = list(first.values())[: quorum.q]
    return Note(note.text, (own, *(c.signature for c in chosen)))


def check_quorum(note: Note | str | bytes, quorum: Quorum) -> QuorumNote:
    """Accept only the quorum form, byte for byte, and give what it proves.

    Source: protocol.md sections 3 and 10.6. Refused: too few or too many lines, another order, a
    witness twice, a line of a key the policy does not name, a line that does not verify. That no
    earlier cosignature exists elsewhere cannot be seen from a note. Raises LogError.
    """
    parsed = note if isinstance(note, Note) else parse_note(note)
    _, checkpoint = open_checkpoint(parsed, quorum.log)
    if not quorum.log.made(parsed.signatures[0]):
        raise LogError("the log's own line comes first")
    found = cosignatures(parsed, quorum.witnesses)
    if len({c.name for c in found}) < quorum.q:
        raise LogError(f"{len(found)} of {quorum.q} cosignatures", code="quorum")
    if len(found) != quorum.q or len(parsed.signatures) != 1 + quorum.q:
        raise LogError(f"not exactly the log's line and {quorum.q} cosignatures of the policy")
    if list(found) != sorted(found, key=_order):
        raise LogError("cosignatures stand in order of time, then name")
    return QuorumNote(parsed, checkpoint, tuple(c.time for c in found))


def existed_by(times: Sequence[int], f: int) -> int:
    """The (f+1)-th smallest cosignature time: f liars cannot make a checkpoint look older.

    Source: protocol.md section 3. POSIX seconds. Raises LogError with code `quorum` if there are
    not more than f times.
    """
    if f < 0 or len(times) <= f:
        raise LogError(f"{len(times)} cosignatures prove no time if {f} may lie", code="quorum")
    return sorted(times)[f]


def _order(found: Cosignature) -> tuple[int, bytes]:
    return found.time, found.name.encode()
