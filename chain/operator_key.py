"""The development chain's operator: one Ed25519 key that says what its chain holds.

Form: C2SP signed-note; key type 0x01 (Ed25519), name `yuanping-devnet/<chain id>`.
Trust: whoever has the key file can prove anything about this chain. A development chain has one
operator, and every verdict from it says so.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519_NOTE = b"\x01"
KEY_BYTES = 32


class OperatorKey:
    """Signs notes under one name. Made at the first start, kept in a file of mode 0600."""

    def __init__(self, path: Path, chain_id: int) -> None:
        """Load the key, or make and keep one."""
        self.name = f"yuanping-devnet/{chain_id}"
        self._key = Ed25519PrivateKey.from_private_bytes(_load_or_make(path))
        self.public = self._key.public_key().public_bytes_raw()
        kind = ED25519_NOTE + self.public
        self._id = hashlib.sha256(self.name.encode() + b"\n" + kind).digest()[:4]
        self.vkey = f"{self.name}+{self._id.hex()}+{base64.b64encode(kind).decode()}"

    def note(self, line: str) -> str:
        """A signed note whose text is this one line."""
        text = line + "\n"
        blob = self._id + self._key.sign(text.encode())
        return f"{text}\n— {self.name} {base64.b64encode(blob).decode()}\n"


def _load_or_make(path: Path) -> bytes:
    if path.exists():
        return bytes.fromhex(path.read_text("ascii").strip())
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    # Written aside, synced and renamed: a crash leaves either no key or a whole one.
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(seed.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return seed
