"""Founding the network: the contracts that name its first members."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from node.cli.chain_devnet import CHAIN_ID
from node.core.errors import NodeError, UnavailableError
from node.core.evidence.registry import padded_id
from node.core.records.canonical import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chain.deploy import Deployment
    from node.cli.demo.papers import Network
    from node.core.rules.registry import Descriptor
    from node.services.ports import RegistryView

CHAIN_AWAY_S = 30.0


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

    founders = [Founder(padded_id(one.id), f"0x{one.account}", encode(one)) for one in descriptors]
    try:
        return deploy(rpc, CHAIN_ID, deployer, founders, out)
    except ChainUnavailable as error:
        raise UnavailableError(error.detail, code="chain") from None
    except ChainError as error:
        raise NodeError(f"founding: {error}", code="chain") from None


def registry_of(network: Network) -> Callable[[], RegistryView]:
    """What reads the network's registry from its chain. What it gives raises UnavailableError."""
    from chain.client import ChainClient
    from node.adapters.ledger import ChainLedger

    made = network.deployment
    ledger = ChainLedger(ChainClient(network.rpc, made.chain_id, made.contracts))

    def read() -> RegistryView:
        ledger.latest()
        return ledger.registry()

    return read
