"""Wiring of `yuanping node fsck`: a node's store, files and chain, opened to be looked at only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chain.client import ChainClient
from chain.errors import ChainError
from node.adapters.blobs import FileBlobs
from node.adapters.ledger import ChainLedger
from node.adapters.sql.looking import LookedAt
from node.adapters.sql.store import SqlStore
from node.core.errors import ConfigError, NodeError
from node.core.records.kinds import decode_body
from node.core.records.kinds.streams import Network, StreamOpened
from node.services.fsck import Fsck, heads_of
from node.services.judging import Laws
from node.services.members import Members

if TYPE_CHECKING:
    from node.services.ports import Store
    from node.settings import Settings


@contextmanager
def checking(settings: Settings, told: Callable[[str, int, int], None]) -> Iterator[Fsck]:
    """A check of this node's store; the node itself may run or not.

    Raises UnavailableError (`store`) if the store cannot be opened, ConfigError if it is not there.
    """
    # Asked before the store is looked at: what the chain holds then, the store held before.
    chain, members = chain_of(settings)
    heads = heads_of(chain, members) if chain is not None and members is not None else {}
    store = SqlStore(LookedAt(settings.store.database_url, at_once=True))
    try:
        yield Fsck(
            me=settings.centre.id,
            origin=settings.log.origin,
            store=store,
            blobs=FileBlobs(settings.store.blobs, looking=True),
            laws=Laws(_network(store, settings.chain.registry)),
            members=members,
            chain=chain,
            told=told,
            heads=heads,
        )
    finally:
        store.close()


def chain_of(settings: Settings) -> tuple[ChainLedger | None, Members | None]:
    """The chain and the members it names; nothing if it does not answer."""
    try:
        client = ChainClient.at_registry(settings.chain.rpc, settings.chain.registry)
        ledger, members = ChainLedger(client), Members(settings.centre.id)
        members.take(ledger.registry())
    except (ChainError, NodeError):
        return None, None
    return (ledger, members) if settings.centre.id in members.by_id else (None, None)


def _network(store: Store, registry: str) -> Network:
    """The network that the oldest stream names, if that is the one we are configured for."""
    for row in store.streams():
        first = store.places(row.id)[:1]
        body = decode_body("stream.opened/v1", first[0].body or b"") if first else None
        if isinstance(body, StreamOpened):
            if body.network.registry != registry.lower().removeprefix("0x"):
                raise ConfigError("[chain] registry: the store belongs to another network")
            return body.network
    return Network(chain_id=1, registry="0" * 40)
