"""Fixed Ed25519 keys for the log's tests: public seeds, never used anywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from node.core.log.checkpoint import Checkpoint, sign_checkpoint
from node.core.log.cosignature import cosign
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.note import COSIGNATURE, ED25519, Note, NoteSignature, VerifierKey

ORIGIN = "zhuzhou.example/log"
NOON = 1_780_000_000
"""Some POSIX time; all vectors count from it."""


@dataclass(frozen=True)
class Signer:
    """A private key with its verifier key."""

    key: VerifierKey
    secret: bytes

    def sign(self, message: bytes) -> bytes:
        """Give the 64 bytes of an Ed25519 signature."""
        return crypto_sign(message, self.secret)[:64]

    def cosign(self, note: Note, time: int) -> NoteSignature:
        """Cosign a note's text."""
        return cosign(note.text, self.key, time, self.sign)


def signer(name: str, kind: int) -> Signer:
    """Derive a key from its own name, the same one each time."""
    public, secret = crypto_sign_seed_keypair(sha256(f"{name} {kind}".encode()).digest())
    return Signer(VerifierKey(name, kind, public), secret)


LOG = signer(ORIGIN, ED25519)
WITNESSES = tuple(
    signer(f"{i}.example/witness", COSIGNATURE) for i in ("xiangtan", "liling", "you")
)


def entry(index: int) -> bytes:
    """A 32-byte entry, as our logs have them."""
    return sha256(b"entry %d" % index).digest()


def tree(size: int) -> Tree:
    """The tree of the first `size` entries."""
    return Tree(leaf_hash(entry(i)) for i in range(size))


def signed(size: int) -> Note:
    """The log's checkpoint at a size, with its own line only."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, tree(size).root()), LOG.sign, LOG.key.public)


def cosigned(size: int, *times: int) -> Note:
    """The same with one cosignature a time, by the witnesses in the order of WITNESSES."""
    note = signed(size)
    pairs = zip(WITNESSES, times, strict=False)
    return note.with_signatures(*(w.cosign(note, t) for w, t in pairs))
