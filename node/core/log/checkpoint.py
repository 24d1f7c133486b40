"""Checkpoints: the note text a log signs and witnesses cosign (C2SP tlog-checkpoint).

Three lines: origin, size, root. Extension lines are allowed by the spec but not recommended, are
not covered by every cosignature type and say nothing here, so they are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.core.errors import LogError
from node.core.log.merkle import HASH_BYTES
from node.core.log.note import (
    Note,
    VerifierKey,
    check_name,
    decode_base64,
    encode_base64,
    parse_note,
    sign_note,
    verify,
)

MAX_SIZE: Final = (1 << 63) - 1
"""Sizes and indices are below 2**63, so that readers with signed 64-bit integers can follow."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree head: `size` leaves hash to `root` (32 bytes). Raises LogError if impossible.

    The origin follows the rule for key names, because our logs sign with their origin as name.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise LogError(f"size {self.size} is out of range")
        if len(self.root) != HASH_BYTES:
            raise LogError(f"a root has 32 bytes, not {len(self.root)}")

    def encode(self) -> str:
        """Give the note text: three lines, each ended (tlog-checkpoint, Note text)."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's note text; its signatures are another matter.

    Source: C2SP tlog-checkpoint, Note text. Raises LogError on any other number of lines, a size
    that is not canonical decimal, a root that is not 32 bytes of canonical base64.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise LogError("a checkpoint has exactly three lines: origin, size, root")
    origin, size, root = lines[:3]
    return Checkpoint(origin, parse_decimal(size, "size"), decode_base64(root, "root"))


def parse_decimal(text: str, what: str) -> int:
    """Read a canonical ASCII decimal from 0 to 2**63 - 1: no sign, no leading zero.

    Raises LogError naming `what`.
    """
    if not (0 < len(text) <= 19 and text.isascii() and text.isdigit()):
        raise LogError(f"{what}: not a decimal number")
    number = int(text)
    if number > MAX_SIZE or (text[0] == "0" and text != "0"):
        raise LogError(f"{what}: too large, or a leading zero")
    return number


def parse_hashes(lines: list[str], limit: int) -> tuple[bytes, ...]:
    """Read proof lines: at most `limit`, each the base64 of 32 bytes. Raises LogError."""
    if len(lines) > limit:
        raise LogError(f"more than {limit} proof lines")
    hashes = tuple(decode_base64(line, "proof line") for line in lines)
    if any(len(h) != HASH_BYTES for h in hashes):
        raise LogError("a proof line has 32 bytes")
    return hashes


def sign_checkpoint(checkpoint: Checkpoint, sign: Callable[[bytes], bytes], public: bytes) -> Note:
    """Sign as the log: one type 0x01 line whose name is the origin (tlog-checkpoint, Signatures).

    The caller MUST have stored what the checkpoint covers, and MUST never sign two that are
    inconsistent.
    """
    return sign_note(checkpoint.encode(), checkpoint.origin, sign, public)


def open_checkpoint(note: Note | str | bytes, log: VerifierKey) -> tuple[Note, Checkpoint]:
    """Give note and checkpoint only once `log` is proven to have signed it under its own name.

    Source: tlog-policy, Defining a log: the key's name is the origin. Other lines are neither
    verified nor refused here. Raises LogError.
    """
    parsed = note if isinstance(note, Note) else parse_note(note)
    verify(parsed, log)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != log.name:
        raise LogError(f"signed by {log.name}, but of origin {checkpoint.origin}")
    return parsed, checkpoint
