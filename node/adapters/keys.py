"""A member's private keys as files, each in one role: `[keys] dir` of the configuration.

Who writes: `make_keys` once, then the operator alone. What an attacker gains who can read here:
everything the member can sign, open or anchor; so a file that others may read is refused, and no
error tells more than a file's name. In production the folder lies on a disk of its own.

`record.key` `log.key` `witness.key` (Ed25519 seeds), `box.key` (X25519), `chain.key` (secp256k1):
32 bytes in hex, one line each; `tls.key` and `tls.crt`: PEM.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from node.adapters.durable import sync_folder
from node.adapters.tls import make_certificate
from node.core.errors import ConfigError
from node.core.records.keys import Signer, signer_from_seed
from node.services.ports import Entropy, Keys

SEEDS: Final = ("record.key", "log.key", "witness.key", "box.key", "chain.key")
TLS_KEY: Final = "tls.key"
TLS_CERT: Final = "tls.crt"
SEED_SIZE: Final = 32
_MAX_FILE: Final = 64 * 1024
# Of secp256k1 (SEC 2, 2.4.1); a private key is below it.
_CHAIN_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def load_keys(folder: Path) -> Keys:
    """Read all keys of a member.

    Raises ConfigError naming the file that is missing, malformed, used twice or readable by others.
    """
    seeds = {name: _seed(folder / name) for name in SEEDS}
    if len(set(seeds.values())) != len(seeds):
        raise ConfigError(f"{folder}: one key stands in two roles; make new keys")
    if not 0 < int.from_bytes(seeds["chain.key"], "big") < _CHAIN_ORDER:
        raise ConfigError(f"{folder / 'chain.key'}: not a private key of secp256k1")
    _check_tls(folder / TLS_KEY, folder / TLS_CERT)
    return Keys(
        record=_signer(seeds["record.key"]),
        log=_signer(seeds["log.key"]),
        witness=_signer(seeds["witness.key"]),
        box=seeds["box.key"],
        chain=seeds["chain.key"],
        tls_key=folder / TLS_KEY,
        tls_cert=folder / TLS_CERT,
    )


def make_keys(folder: Path, member: str, entropy: Entropy, now: int) -> Keys:
    """Make a folder (mode 0700) with fresh keys for a member; `now` dates the certificate.

    Never replaces a file: raises ConfigError if one is there, or if the folder takes none.
    """
    key, certificate = make_certificate(member, entropy, now)
    files = {name: f"{_chance(name, entropy).hex()}\n".encode() for name in SEEDS}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in (files | {TLS_KEY: key, TLS_CERT: certificate}).items():
            _write(folder / name, data)
        sync_folder(folder)
    except FileExistsError as error:
        raise ConfigError(f"{error.filename}: there is a key already; it stays") from None
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write keys: {error.strerror}") from None
    return load_keys(folder)


def _chance(name: str, entropy: Entropy) -> bytes:
    seed = entropy.bytes(SEED_SIZE)
    while name == "chain.key" and not 0 < int.from_bytes(seed, "big") < _CHAIN_ORDER:
        seed = entropy.bytes(SEED_SIZE)
    return seed


def _signer(seed: bytes) -> Signer:
    return signer_from_seed("ed25519", seed)


def _seed(path: Path) -> bytes:
    text = _read(path)
    try:
        seed = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        seed = b""
    if len(seed) != SEED_SIZE or text.removesuffix(b"\n") != seed.hex().encode():
        raise ConfigError(f"{path}: need {SEED_SIZE} bytes in lower-case hex on one line")
    return seed


def _check_tls(key_path: Path, cert_path: Path) -> None:
    """Accept only a pair that belongs together: found at the start, not in a partner's log."""
    key_pem, cert_pem = _read(key_path), _read(cert_path)
    try:
        key = load_pem_private_key(key_pem, password=None)
        certificate = x509.load_pem_x509_certificate(cert_pem)
        same = key.public_key() == certificate.public_key()
    except (ValueError, TypeError):
        raise ConfigError(f"{key_path}, {cert_path}: not a PEM key and certificate") from None
    if not same:
        raise ConfigError(f"{cert_path}: made for another key than {key_path.name}")


def _read(path: Path) -> bytes:
    """Open first, then look at what is open: a name may be given to another file in between."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", code="unreadable") from None
    if not stat.S_ISREG(found.st_mode) or len(data) > _MAX_FILE:
        raise ConfigError(f"{path}: not a key file")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{path}: others may read it; run chmod 600 and consider a new key")
    return data


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
