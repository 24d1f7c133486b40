"""The only place that wires: settings and keys in, a node out.

Nothing here decides and nothing here runs by itself; `Node.start` opens the doors, `Node.run`
runs the loops until it is cancelled, `Node.stop` closes what was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import structlog
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from chain.client import ChainClient
from chain.errors import ChainError, ChainUnavailable
from node import __version__
from node.adapters.blobs import FileBlobs
from node.adapters.clock import ChainClock, SystemClock
from node.adapters.entropy import SystemEntropy
from node.adapters.keys import load_keys
from node.adapters.ledger import ChainLedger
from node.adapters.notify import console
from node.adapters.readings import Readings
from node.adapters.rpc.client import RpcPartner
from node.adapters.rpc.server import Servers
from node.adapters.sql.store import SqlStore
from node.adapters.telemetry import Telemetry
from node.adapters.telling import report, report_caught_up, report_duty, report_loss
from node.adapters.witness import HttpWitness
from node.core.errors import ConfigError, NodeError, UnavailableError
from node.core.log.merkle import Tree
from node.core.records.kinds.streams import Network
from node.core.rules.ruleset import builtin_digest, builtin_rulesets
from node.core.rules.state import TenderState
from node.services.anchors import Anchors
from node.services.at_door import AtDoor
from node.services.beacon import Beacon
from node.services.bell import Bell
from node.services.calling import Calling
from node.services.catching_up import CatchingUp
from node.services.cosigning import Cosigning
from node.services.desk import Desk
from node.services.draft import Intake
from node.services.duties import Duties
from node.services.endorsing import GuestChecks
from node.services.evidence import Evidence
from node.services.following import Following
from node.services.founding import Founder
from node.services.guest import Guest
from node.services.helping import Helping
from node.services.identities import Identities
from node.services.judging import Laws, judge_ahead
from node.services.keeping import Keeping
from node.services.lodging import Lodging
from node.services.loops import Loops
from node.services.members import Members
from node.services.mirror import Mirrors
from node.services.model import Book, OwnLog, id_of
from node.services.oversight import Oversight, published_at
from node.services.partners import Partners
from node.services.pools import PoolService
from node.services.ports import (
    NEWEST_CLOCK,
    Block,
    Followed,
    Keys,
    Member,
    Partner,
    RegistryView,
    StreamRow,
    Submission,
)
from node.services.proofs import Proofs
from node.services.publisher import Publisher
from node.services.reads_node import Identity, NodeReads
from node.services.receipts import Receipts
from node.services.scribe import Scribe
from node.services.seats import Seats
from node.services.sequencer import Sequencer
from node.services.shown import Shown
from node.services.supervision import Supervision
from node.services.timekeeping import Timekeeping, grace_s
from node.services.times import LogTimes
from node.services.trust import ChainFacts
from node.services.voting import Voting
from node.services.witness import WitnessDesk
from node.settings import Settings

POOL_RULESET = "cn-bidding"
"""Pools and side streams of our own name this rule set: its pool numbers come from law."""
CHAIN_START_S = 30.0
KEEP_LAST_S = 3.0
log = structlog.get_logger()


@dataclass(slots=True)
class Node:
    """A wired node. `reads` is for the HTTP server, which stands above this module."""

    settings: Settings
    servers: Servers
    loops: Loops
    partners: Partners
    reads: NodeReads
    telemetry: Telemetry
    store: SqlStore
    catching_up: CatchingUp

    async def run(self) -> None:
        """Run the loops until cancelled."""
        await self.loops.run()

    async def stop(self) -> None:
        """Let go of partners, close both servers.

        What the chain proves of the last tenders is kept before, if it answers at once.
        """
        await self.partners.close()
        await self._keep_last()
        await self.servers.stop()
        await self.loops.records.sequencer.close()

    async def _keep_last(self) -> None:
        try:
            await asyncio.wait_for(self.loops.keep_proofs(), KEEP_LAST_S)
        except (NodeError, TimeoutError) as error:
            report("proofs", error)


@dataclass(frozen=True, slots=True)
class _Base:
    """What everything else is made of."""

    settings: Settings
    keys: Keys
    store: SqlStore
    chain: ChainLedger
    facts: ChainFacts
    clock: SystemClock | ChainClock
    entropy: SystemEntropy
    members: Members
    book: Book
    log: OwnLog
    bell: Bell

    @property
    def me(self) -> str:
        """Our id."""
        return self.settings.centre.id

    @property
    def clock_kind(self) -> Literal["system", "test"]:
        """What records and evidence say of our clock."""
        return "test" if self.settings.clock.source == "chain" else "system"

    @property
    def network(self) -> Network:
        """The network that our streams name."""
        return Network(chain_id=self.facts.chain_id, registry=self.facts.contracts["registry"])


async def build(settings: Settings, store: SqlStore) -> Node:
    """Wire a node and read its streams and logs back from the store, inside the event loop.

    The store has elected this process: what is read stays what stands.

    Raises ConfigError for keys or addresses, UnavailableError: `chain` if the chain stays silent,
    `not-admitted` while the registry does not name us, `store` if what is stored does not hold
    together.
    """
    base = await asyncio.to_thread(_base, settings, store)
    node = _wire(base)
    records = node.loops.records
    await asyncio.to_thread(base.book.load, base.store)
    await asyncio.to_thread(records.publisher.load)
    await asyncio.to_thread(node.reads.mirrors.load)
    await asyncio.to_thread(node.catching_up.begin)
    return node


def _base(settings: Settings, store: SqlStore) -> _Base:
    """Open keys and chain, and take the first view of the members. Blocking."""
    keys = load_keys(settings.keys.dir)
    chain, facts, block, view = _chain(settings, keys)
    system = SystemClock()
    clock: SystemClock | ChainClock = system
    if settings.clock.source == "chain":
        clock = ChainClock(system, int(store.fact(NEWEST_CLOCK) or 0))
        clock.see(block.number, block.time)
    members = Members(settings.centre.id)
    members.take(view)
    _check_admitted(members, keys)
    network = Network(chain_id=facts.chain_id, registry=facts.contracts["registry"])
    book, own = Book(Laws(network)), OwnLog(settings.log.origin, Timekeeping(grace_s()))
    return _Base(
        settings, keys, store, chain, facts, clock, SystemEntropy(), members, book, own, Bell()
    )


def _check_admitted(members: Members, keys: Keys) -> None:
    """Raise UnavailableError (`not-admitted`) if we are to wait, ConfigError for other keys."""
    me = members.by_id.get(members.me)
    if me is None:
        detail = f"the registry names no member {members.me} yet"
        raise UnavailableError(detail, code="not-admitted")
    own = {"record": keys.record, "log": keys.log, "witness": keys.witness}
    if any(me.key(role) != signer.public for role, signer in own.items()):
        raise ConfigError(f"[keys] dir: these are not the keys that the registry has of {me.id}")


@retry(
    retry=retry_if_exception_type(UnavailableError),
    stop=stop_after_delay(CHAIN_START_S),
    wait=wait_fixed(0.2),
    reraise=True,
)
def _chain(settings: Settings, keys: Keys) -> tuple[ChainLedger, ChainFacts, Block, RegistryView]:
    """The chain and the first look at it; one that starts together with us is waited for."""
    try:
        client = ChainClient.at_registry(settings.chain.rpc, settings.chain.registry, keys.chain)
        ledger, contracts = ChainLedger(client), client.contracts
        bare = {name: address.removeprefix("0x") for name, address in contracts.items()}
        facts = ChainFacts(client.chain_id, bare, client.operator())
        return ledger, facts, ledger.latest(), ledger.registry()
    except ChainUnavailable as error:
        raise UnavailableError(f"the chain does not answer: {error}", code="chain") from None
    except ChainError as error:
        raise ConfigError(f"[chain]: {error}") from None


def _desk(base: _Base, partners: dict[str, Partner]) -> Desk:
    centre = base.settings.centre
    pools = PoolService(base.me, base.store, base.clock, base.entropy)
    notifier = console(lambda line: log.info("call", message=line))
    return Desk(
        me=base.me,
        role=centre.role,
        clock=base.clock,
        entropy=base.entropy,
        keys=base.keys,
        store=base.store,
        blobs=FileBlobs(base.settings.store.blobs),
        chain=base.chain,
        scribe=Scribe(f"{centre.role}:{base.me}", base.keys.record, base.clock),
        pools=pools,
        calling=Calling(pools, notifier, base.bell, (centre.name_zh, centre.name_en)),
        partners=partners,
        times=LogTimes(base.store, base.log, base.members),
    )


def _lodging(base: _Base, desk: Desk, sequencer: Sequencer) -> Lodging:
    def judge(state: TenderState, item: Submission) -> None:
        base.log.times.check()
        judge_ahead(state, item, base.clock.now())

    return Lodging(
        desk=desk,
        own=lambda items, tasks, facts: sequencer.accept_all(items, tasks=tasks, facts=facts),
        judge=judge,
        side_of=lambda stream: id_of(base.book.side_of(stream, base.me)),
        stands=base.book.place,
    )


def _evidence(base: _Base, mirrors: Mirrors) -> Evidence:
    def tree_of(keeper: str) -> Tree:
        return base.log.tree if keeper == base.me else mirrors.of(keeper).tree

    proofs = Proofs(base.store, base.members, base.chain)
    return Evidence(base.book, base.store, base.members, tree_of, proofs)


def _app(base: _Base, desk: Desk, mirrors: Mirrors, publisher: Publisher) -> AtDoor:
    """Everything behind the servers; pools, seats and oversight as our role has them."""
    intake = Intake(base.me, base.book, base.log, base.store, desk.blobs, base.clock, base.entropy)
    sequencer = Sequencer(intake, base.bell)
    kind = base.clock_kind
    app = AtDoor(
        desk=desk,
        book=base.book,
        log=base.log,
        sequencer=sequencer,
        lodging=_lodging(base, desk, sequencer),
        shown=Shown(base.book, base.store, base.bell, desk.off),
        receipts=Receipts(base.book, base.log, base.store),
        evidence_of=_evidence(base, mirrors),
        founder=Founder(base.me, base.network, kind, base.members, desk.scribe, base.entropy),
        publisher=publisher,
        anchors=Anchors(base.chain),
        bell=base.bell,
    )
    app.voting = Voting(base.members, base.chain, base.chain)
    app.helping = Helping(base.store, desk.blobs, base.members, publisher)
    if desk.role == "centre":
        app.calling = desk.calling
        app.seats = Seats(desk.pools, app.tender, app.active, app.say, base.bell)
    else:
        app.oversight = Oversight(base.store, app.tenders, partial(published_at, base.book))
    return app


def _wire(base: _Base) -> Node:
    connected: dict[str, Partner] = {}
    desk = _desk(base, connected)
    mirrors = Mirrors(base.store, base.members)
    publisher = Publisher(
        base.log,
        base.keys.log,
        base.store,
        base.clock,
        base.entropy,
        base.bell,
        base.settings.log.smallest_tick,
        base.settings.log.pad,
    )
    app = _app(base, desk, mirrors, publisher)
    loops = _loops(base, app, publisher)
    catching_up = CatchingUp(app, base.members, report, report_loss, report_caught_up)
    loops.catch_up = catching_up.once
    gate = catching_up.check_back
    partners = _partners(base, loops, mirrors, (connected, gate))
    loops.follow_partners = partners.refresh
    if app.oversight is not None:
        identities = Identities(base.store, base.keys.box, app.oversight)
        loops.supervise = Supervision(loops, app.oversight, identities).run_once
    servers = Servers(app, app, base.members, base.keys, base.settings.grpc.listen, _door(base))
    reads = _reads(base, loops, mirrors)
    telemetry = Telemetry()
    Readings(app, base.members).install(telemetry)
    return Node(base.settings, servers, loops, partners, reads, telemetry, base.store, catching_up)


def _partners(
    base: _Base,
    loops: Loops,
    mirrors: Mirrors,
    ours: tuple[dict[str, Partner], Callable[[], None]],
) -> Partners:
    """Whom we are connected to, and what we follow there, once we may judge it (`ours`)."""
    connected, check_back = ours
    checks = GuestChecks(loops.records.desk, base.members)
    guest = Guest(base.me, base.book, base.store, base.clock, base.bell, checks)

    async def take(row: StreamRow, places: list[Followed]) -> None:
        check_back()  # what others say of us is judged by what we said ourselves
        await guest.take(row, places)

    def following(name: str, partner: Partner) -> Following:
        return Following(
            partner_id=name,
            partner=partner,
            held=guest.held,
            log_size=lambda: mirrors.size(name),
            take=take,
            take_log=mirrors.take,
            dispute=loops.dispute,
            report=report,
        )

    def connect(member: Member) -> Partner:
        return RpcPartner(member, base.keys)

    return Partners(base.members, connect, following, connected)


def _reads(base: _Base, loops: Loops, mirrors: Mirrors) -> NodeReads:
    """What HTTP reads."""
    identity = Identity(__version__, base.clock_kind, base.settings.chain.kind, base.facts)
    witness = WitnessDesk(base.keys.witness, base.store, base.clock, base.members, base.log.check)
    return NodeReads(identity, loops.records, base.members, loops.cosigning, mirrors, witness)


def _door(base: _Base) -> Path:
    """The operator's door lies beside the blobs, in the data folder."""
    return base.settings.store.blobs.parent / "door.sock"


def _loops(base: _Base, app: AtDoor, publisher: Publisher) -> Loops:
    rules = builtin_rulesets()[builtin_digest(POOL_RULESET)]
    see = base.clock.see if isinstance(base.clock, ChainClock) else None
    return Loops(
        records=app,
        members=base.members,
        publisher=publisher,
        cosigning=Cosigning(publisher, base.members, HttpWitness(), base.clock),
        duties=Duties(app.desk, app.tender, app.say, report_duty, report),
        beacon=Beacon(base.chain, base.store, base.entropy, base.clock),
        keeping=Keeping(base.book, app.evidence_of),
        report=report,
        tick_s=base.settings.log.tick_ms / 1000,
        ruleset=builtin_digest(POOL_RULESET),
        small_cell=rules.draw.small_cell.value,
        see_block=see,
    )
