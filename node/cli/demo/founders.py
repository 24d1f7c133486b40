"""The founding members: a descriptor of each from its keys, and the contracts that name them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from node.adapters.tls import der_of, fingerprint
from node.cli.chain_devnet import CHAIN_ID
from node.core.errors import NodeError, UnavailableError
from node.core.records.canonical import b64encode, encode
from node.core.records.keys import PublicKey, public_of_seed
from node.core.records.kinds.streams import RegistryKey
from node.core.rules.registry import Descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chain.deploy import Deployment
    from node.cli.demo.plan import Planned
    from node.cli.demo.site import Ports
    from node.services.ports import Keys

CHAIN_AWAY_S = 30.0


def origin_of(member: str) -> str:
    """The name of a member's log."""
    return f"{member}.example/log"


def descriptor_of(planned: Planned, keys: Keys, ports: Ports) -> Descriptor:
    """What the registry says of a member at the start: names, addresses, public keys."""
    from chain.sender import signer_of

    der = der_of(keys.tls_cert.read_bytes())
    account = signer_of(keys.chain).address.lower().removeprefix("0x")
    public = {
        "box": public_of_seed("x25519", keys.box),
        "chain": PublicKey(account, "secp256k1-address"),
        "log": keys.log.public,
        "record": keys.record.public,
        "tls": PublicKey(fingerprint(der), "x509-sha256"),
        "witness": keys.witness.public,
    }
    return Descriptor(
        account=account,
        endpoint=f"127.0.0.1:{ports.grpc}",
        http=f"http://127.0.0.1:{ports.http}",
        id=planned.id,
        keys=tuple(
            RegistryKey(key=key.key, role=role, suite=key.suite)  # type: ignore[arg-type]
            for role, key in sorted(public.items())
        ),
        name_en=planned.name_en,
        name_zh=planned.name_zh,
        origin=origin_of(planned.id),
        role=planned.role,  # type: ignore[arg-type]
        status="active",
        tls=b64encode(der),
        witness=f"{planned.id}.example/witness",
    )


def deployer_of(operator: str) -> bytes:
    """The key that creates the contracts on the chain of this operator (a verifier key).

    It has no power afterwards, so it need not be secret; that it is always the same on one chain
    lets a deployment that was cut off go on, and each chain has contracts of its own.
    """
    return sha256(f"yuanping demo deployer/{operator}".encode()).digest()


@retry(
    retry=retry_if_exception_type(UnavailableError),
    stop=stop_after_delay(CHAIN_AWAY_S),
    wait=wait_fixed(0.2),
    reraise=True,
)
def found_network(
    rpc: str, deployer: bytes, descriptors: Sequence[Descriptor], out: Path
) -> Deployment:
    """Create the three contracts with these founders, or find them created.

    A chain that was killed meanwhile has half a minute to come back. Raises UnavailableError if
    it does not, NodeError (`chain`) if it refuses.
    """
    from chain.deploy import Founder, deploy
    from chain.errors import ChainError, ChainUnavailable

    founders = [
        Founder(one.id.encode("ascii").ljust(32, b"\0"), f"0x{one.account}", encode(one))
        for one in descriptors
    ]
    try:
        return deploy(rpc, CHAIN_ID, deployer, founders, out)
    except ChainUnavailable as error:
        raise UnavailableError(error.detail, code="chain") from None
    except ChainError as error:
        raise NodeError(f"founding: {error}", code="chain") from None
