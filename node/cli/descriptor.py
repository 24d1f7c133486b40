"""A member's descriptor: what it says of itself to the registry, made from its keys."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from node.adapters.tls import der_of, fingerprint
from node.cli.language import say
from node.core.errors import ConfigError
from node.core.records.canonical import b64encode, encode
from node.core.records.keys import PublicKey, public_of_seed
from node.core.records.kinds.streams import RegistryKey
from node.core.rules.registry import Descriptor

if TYPE_CHECKING:
    from pathlib import Path

    from node.core.records.kinds.streams import KeyRole, MemberRole
    from node.services.ports import Keys
    from node.settings import Settings

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here
FILE = "descriptor.json"
"""Its name beside config.toml."""


class Named(Protocol):
    """What a member is called."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def role(self) -> MemberRole:
        """`centre` or `regulator`."""
        ...

    @property
    def name_zh(self) -> str:
        """Its Chinese name."""
        ...

    @property
    def name_en(self) -> str:
        """Its English name."""
        ...


def origin_of(member: str) -> str:
    """The name of a member's log."""
    return f"{member}.example/log"


def descriptor_of(named: Named, keys: Keys, origin: str, endpoint: str, http: str) -> Descriptor:
    """What the registry is to say of a member: names, addresses, public keys; nothing secret."""
    from chain.sender import signer_of

    der = der_of(keys.tls_cert.read_bytes())
    account = signer_of(keys.chain).address.lower().removeprefix("0x")
    public: dict[KeyRole, PublicKey] = {
        "box": public_of_seed("x25519", keys.box),
        "chain": PublicKey(account, "secp256k1-address"),
        "log": keys.log.public,
        "record": keys.record.public,
        "tls": PublicKey(fingerprint(der), "x509-sha256"),
        "witness": keys.witness.public,
    }
    return Descriptor(
        account=account,
        endpoint=endpoint,
        http=http,
        id=named.id,
        keys=tuple(
            RegistryKey(key=key.key, role=role, suite=key.suite)
            for role, key in sorted(public.items())
        ),
        name_en=named.name_en,
        name_zh=named.name_zh,
        origin=origin,
        role=named.role,
        status="active",
        tls=b64encode(der),
        witness=f"{named.id}.example/witness",
    )


def descriptor_of_node(settings: Settings, keys: Keys) -> Descriptor:
    """The descriptor of the node of this configuration, as it stands there now."""
    grpc, http = settings.grpc.address, settings.http.address
    return descriptor_of(settings.centre, keys, settings.log.origin, grpc, http)


def check_told(settings: Settings) -> None:
    """Raise ConfigError if partners would be told an address at which nobody can be reached."""
    for name, address in (("http", settings.http.address), ("grpc", settings.grpc.address)):
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.port == 0 or parts.hostname in EVERYWHERE:
            told = say(
                f"[{name}] 伙伴不能连接 {address}；请给出 advertise（--{name}-advertise）",
                f"[{name}] partners cannot reach {address}; say what they can reach: advertise "
                f"(--{name}-advertise)",
            )
            raise ConfigError(told, code="usage")


def write_descriptor(path: Path, found: Descriptor) -> str:
    """Write the file that goes to the other members; gives its SHA-256, to be told aloud."""
    data = encode(found)
    aside = path.with_suffix(".new")
    aside.write_bytes(data)
    aside.replace(path)
    return sha256(data).hexdigest()
