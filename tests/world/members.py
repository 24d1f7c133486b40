"""Members of the network: centres and a regulator with all their keys, and their descriptors."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.records.canonical import b64encode, encode
from node.core.records.keys import PublicKey, Signer, public_of_seed
from node.core.records.kinds.streams import KeyRole, MemberRole, RegistryKey
from node.core.rules.registry import Descriptor
from tests.world.chance import Chance

NAMES = {"zhuzhou": "株洲", "changsha": "长沙", "xiangtan": "湘潭", "hunan": "湖南"}


@dataclass(frozen=True, slots=True)
class Member:
    """One member with its secrets; `box` is its X25519 private key."""

    id: str
    role: MemberRole
    record: Signer
    log: Signer
    witness: Signer
    box: bytes = field(repr=False)
    account: str
    certificate: bytes

    @property
    def author(self) -> str:
        """How it signs."""
        return f"{self.role}:{self.id}"

    @property
    def box_public(self) -> PublicKey:
        """The key that shares are sealed to."""
        return public_of_seed("x25519", self.box)

    @property
    def log_vkey(self) -> VerifierKey:
        """Its log's key; the name is the origin."""
        return VerifierKey(f"{self.id}.example/log", ED25519, raw(self.log))

    @property
    def witness_vkey(self) -> VerifierKey:
        """Its key as a witness."""
        return VerifierKey(f"{self.id}.example/witness", COSIGNATURE, raw(self.witness))

    def registry_keys(self) -> tuple[RegistryKey, ...]:
        """Its keys as the registry names them."""
        tls = sha256(self.certificate).hexdigest()
        found: list[tuple[KeyRole, PublicKey]] = [
            ("record", self.record.public),
            ("log", self.log.public),
            ("witness", self.witness.public),
            ("box", self.box_public),
            ("chain", PublicKey(self.account, "secp256k1-address")),
            ("tls", PublicKey(tls, "x509-sha256")),
        ]
        named = (RegistryKey(key=p.key, role=role, suite=p.suite) for role, p in found)
        return tuple(sorted(named, key=lambda key: (key.role, key.key)))

    def descriptor(self) -> bytes:
        """What stands on the chain of it."""
        return encode(
            Descriptor(
                account=self.account,
                endpoint=f"{self.id}.example:7443",
                http=f"https://{self.id}.example",
                id=self.id,
                keys=self.registry_keys(),
                name_en=self.id.title(),
                name_zh=NAMES.get(self.id, self.id),
                origin=self.log_vkey.name,
                role=self.role,
                status="active",
                tls=b64encode(self.certificate),
                witness=self.witness_vkey.name,
            )
        )


def raw(signer: Signer) -> bytes:
    """The 32 bytes of an Ed25519 public key."""
    return bytes.fromhex(signer.public.key)


def make_member(name: str, role: MemberRole, chance: Chance) -> Member:
    """A member with fresh keys."""
    return Member(
        id=name,
        role=role,
        record=chance.signer(),
        log=chance.signer(),
        witness=chance.signer(),
        box=chance.draw(32),
        account=chance.draw(20).hex(),
        certificate=chance.draw(300),
    )
