"""verify.bundle: the evidence file of a whole tender, all seven checks, as `yuanping verify` runs.

The file is the regulator's, the fullest there is, of a tender that `yuanping demo` carries first.
Each verification is a process's first (`verifier`), so that no signature or hash is remembered from
the one before; its start and the reading of the file do not count.
Floor: what nobody can leave out who believes none of it, on one thread like the verifier: the
signatures that the file needs (one an envelope; those inside bodies; for each checkpoint the log's
and a quorum of cosignatures; one a view of the chain), the Ed25519 ones checked by libsodium, the
ES256 ones by OpenSSL alone, and each byte of the file hashed once. Decoding, proofs, rules and the
second computation of the result come on top.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nacl.bindings as sodium
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from node.cli.bench.measure import Pair, Work
from node.cli.output import Output
from node.core.errors import NodeError
from node.core.evidence.trust import parse_trust
from node.core.records.canonical import b64decode
from node.core.records.keys import PublicKey, key_id

if TYPE_CHECKING:
    from node.cli.bench.setting import Setting
    from node.core.evidence.trust import Trust

MESSAGE = bytes(400)
"""As long as a header or a checkpoint with what is signed around it."""


def bundle(setting: Setting) -> Pair:
    """Carry the demo's tender, then verify its file again and again."""
    evidence, trust = evidence_of_demo(setting)
    data = evidence.read_bytes()
    signatures = signatures_of(json.loads(data), parse_trust(trust.read_bytes()))
    count = setting.amount(5, 2)

    def value() -> Work:
        verifiers = [start_verifier(setting, evidence, trust) for _ in range(count)]
        return lambda: sum(map(verified, verifiers))

    return Pair(value, lambda: lambda: check_and_hash(signatures, data, count))


def start_verifier(setting: Setting, evidence: Path, trust: Path) -> subprocess.Popen[str]:
    """A process that has read everything and waits: one that knows nothing of earlier files."""
    words = ["-m", "node.cli.bench.verifier", str(evidence), str(trust)]
    verifier = setting.stack.enter_context(
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    )
    _line_of(verifier)
    return verifier


def verified(verifier: subprocess.Popen[str]) -> int:
    """Let it verify. Raises NodeError unless the file is proven."""
    if verifier.stdin is not None:
        verifier.stdin.write("go\n")
        verifier.stdin.flush()
    if (word := _line_of(verifier)) != "proven":
        raise NodeError(f"the demo's evidence is {word or 'not verified'}")
    return 1


def _line_of(verifier: subprocess.Popen[str]) -> str:
    return "" if verifier.stdout is None else verifier.stdout.readline().strip()


def check_and_hash(signatures: Counter[str], data: bytes, count: int) -> int:
    """The floor: check so many signatures of each suite, hash each byte."""
    public, secret = sodium.crypto_sign_seed_keypair(bytes(32))
    signed = sodium.crypto_sign(MESSAGE, secret)
    private, how = ec.derive_private_key(7, ec.SECP256R1()), ec.ECDSA(SHA256())
    point, signature = private.public_key(), private.sign(MESSAGE, how)
    for _ in range(count):
        for _ in range(signatures["ed25519"]):
            sodium.crypto_sign_open(signed, public)
        for _ in range(signatures["es256"]):
            point.verify(signature, MESSAGE, how)
        sha256(data).digest()
    return count


def signatures_of(file: dict[str, Any], trust: Trust) -> Counter[str]:
    """How many signatures of each suite a verifier of this file must check at least."""
    objects = [one for stream in file["streams"] for one in _objects(stream)]
    keys = [PublicKey(**one) for one in objects if one.keys() == {"key", "suite"}]
    suites = {key_id(key): key.suite for key in keys}
    headers = [json.loads(b64decode(o["payload"])) for o in objects if "payload" in o]
    found = Counter[str](suites.get(header["key"], "ed25519") for header in headers)
    # Inside bodies: a bidder's certificate says its suite, a disclosed expert's stands in her key.
    signed = [o for o in objects if "sig" in o and ("suite" in o or "entry" in o)]
    found.update(one.get("suite") or one["entry"]["suite"] for one in signed)
    notes = {point["note"] for one in file["streams"] for point in one["checkpoints"]}
    quorums = [trust.eras[note.partition("\n")[0]][-1].quorum for note in notes]
    views = {one["proof"] for one in objects if isinstance(one.get("proof"), str)}
    views |= {anchor["note"] for anchor in file["anchors"]}
    found["ed25519"] += sum(1 + quorum.q for quorum in quorums) + len(views)
    return found


def _objects(part: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a JSON value
    """Every object of a part of the file, at any depth."""
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for one in part.values() if isinstance(part, dict) else part:
            yield from _objects(one)


def evidence_of_demo(setting: Setting) -> tuple[Path, Path]:
    """The regulator's file of a tender that is carried now, and the policy of its network."""
    from node.cli.demo.run import Wanted, run_demo

    out, told = setting.folder / "demo", io.StringIO()
    if run_demo(out, Wanted(), Output(as_json=True, out=told)) != 0:
        raise NodeError(f"the demo's tender was not carried well: {told.getvalue()[-500:]}")
    files = sorted((out / "evidence").glob("*.evidence.json"), key=lambda one: len(one.name))
    return files[0], out / "trust.json"
