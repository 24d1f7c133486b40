"""What HTTP reads of this node: the port `Reads` over streams, members, log and chain."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from node.core.errors import ForbiddenError, MissingError, NodeError
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.records.keys import PublicKey, key_id
from node.services.mirror import FORK
from node.services.notice import notice_of
from node.services.reads import PAGE, ChainInfo, Check, Name, NodeInfo, PartnerInfo
from node.services.signed_read import Claim, is_signed_by
from node.services.trust import ChainFacts, trust_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from node.core.log.tiles import Tile
    from node.services.application import Records
    from node.services.cosigning import Cosigning
    from node.services.members import Members
    from node.services.mirror import Mirrors
    from node.services.reads import TenderInfo, WitnessAnswer
    from node.services.witness import WitnessDesk


@dataclass(frozen=True, slots=True)
class Identity:
    """What a node says of itself that never changes while it runs."""

    version: str
    clock: Literal["system", "test"]
    chain_kind: str
    chain: ChainFacts


@dataclass(frozen=True, slots=True)
class NodeReads:
    """The node's HTTP reads."""

    identity: Identity
    records: Records
    members: Members
    cosigning: Cosigning
    mirrors: Mirrors
    witness: WitnessDesk

    def now(self) -> int:
        """The node's time."""
        return self.records.now()

    async def node(self) -> NodeInfo:
        """Say who this node is."""
        me = self.members.by_id[self.members.me]
        since = self.records.anchors.waiting_since
        waiting = None if since is None else max(0, self.now() - since)
        return NodeInfo(
            id=me.id,
            role="regulator" if me.role == "regulator" else "centre",
            name=Name(me.name_zh, me.name_en),
            version=self.identity.version,
            clock=self.identity.clock,
            log_origin=me.origin,
            log_vkey=_vkey(me.origin, ED25519, me.key("log")),
            witness_vkey=_vkey(me.witness, COSIGNATURE, me.key("witness")),
            chain=ChainInfo(self.identity.chain_kind, self.records.height, waiting),
        )

    async def ready(self) -> list[Check]:
        """Check database, log, clock, chain view and partners."""
        log = self.records.log
        unknown = [
            member.id
            for member in self.members.partners()
            if await self.records.desk.off(self.mirrors.size, member.id) == 0
        ]
        return [
            await self._database(),
            self._log(),
            Check("clock", not log.times.is_off, *log.times.told),
            Check(
                "chain",
                self.records.height > 0,
                f"区块高度 {self.records.height}",
                f"block {self.records.height}",
            ),
            _partners(unknown, self.mirrors.forks()),
            _member(self.members.by_id[self.members.me].status),
        ]

    def _log(self) -> Check:
        """Whether partners vouch for our newest places: bids are refused without (protocol 3)."""
        log = self.records.log
        if log.halted:
            return Check("log", False, log.halted_zh or log.halted, log.halted)
        silent = "; ".join(f"{name}: {why}" for name, why in sorted(self.cosigning.silent.items()))
        if log.quorum_at is None:
            told = ("检查点尚无足够见证", "no checkpoint has its quorum yet")
            return Check("log", False, *(f"{one}; {silent}" if silent else one for one in told))
        age = self.cosigning.clock.now() - log.quorum_at
        if 2 * abs(age) <= log.times.grace_s:
            return Check("log", True, "最新检查点已有见证", "witnessed")
        zh = f"最近一次足够见证距今 {age} 秒，暂不接收投标：{silent}"
        en = f"the newest checkpoint with its quorum is {age} s old, no bids are taken: {silent}"
        return Check("log", False, zh, en)

    async def _database(self) -> Check:
        desk = self.records.desk
        try:
            await desk.off(desk.store.streams)
        except NodeError as error:
            return Check("database", False, f"数据库不可用：{error.advice_zh}", error.detail)
        failed = self.records.publisher.failed
        if failed is not None:
            told = f"{failed.detail}. {failed.advice}"
            return Check("database", False, f"数据库不可写：{failed.advice_zh}", told)
        return Check("database", True, "可读写", "answers")

    async def partners(self) -> list[PartnerInfo]:
        """Give all other members, by id."""
        found = []
        for member in self.members.by_id.values():
            if member.id != self.members.me:
                size = await self.records.desk.off(self.mirrors.size, member.id)
                found.append(
                    PartnerInfo(
                        id=member.id,
                        role="regulator" if member.role == "regulator" else "centre",
                        name=Name(member.name_zh, member.name_en),
                        status="active" if member.status == "active" else "suspended",
                        connected=member.id not in self.cosigning.silent,
                        checkpoint_size=size or None,
                        tls_sha256=sha256(member.tls).hexdigest(),
                    )
                )
        return found

    async def tenders(self, after: str | None) -> list[TenderInfo]:
        """Give planned and later tenders with id > `after`, by id."""
        told = (notice_of(state) for state in self.records.tenders().values())
        notices = sorted((n for n in told if n is not None), key=lambda notice: notice.id)
        return [notice for notice in notices if after is None or notice.id > after][:PAGE]

    async def tender(self, tender: str) -> TenderInfo:
        """Give one tender by its id or its stream's id."""
        for stream, state in self.records.tenders().items():
            notice = notice_of(state)
            if notice is not None and tender in (notice.id, stream):
                return notice
        raise MissingError(f"no tender {tender[:64]} here")

    async def evidence(self, tender: str, reader: str) -> bytes:
        """Give the evidence file cut for `reader`."""
        stream = (await self.tender(tender)).stream
        state = self.records.tenders()[stream]
        if reader.startswith("bidder:") and reader not in state.keyring.people:
            raise ForbiddenError("this key has sealed no bid in this tender")
        return await self.records.evidence(stream, reader)

    async def entitled(self, reader: str, key: str, message: bytes, signature: bytes) -> bool:
        """Tell whether `key` may read as `reader` now and signed `message`."""
        claim = Claim(key, signature)
        return any(is_signed_by(one, claim, message) for one in self._keys_of(reader, key))

    def _keys_of(self, reader: str, key: str) -> list[PublicKey]:
        role, _, name = reader.partition(":")
        if role == "bidder":
            states = self.records.tenders().values()
            known = [state.keyring.people.get(reader) for state in states]
            return [one for one in known if one is not None and key_id(one) == key == name]
        keys = [
            member.key("record")
            for member in self.members.active()
            if member.role == role and name in ("", member.id)
        ]
        return [one for one in keys if one is not None and key_id(one) == key]

    async def trust(self) -> dict[str, Any]:
        """Give trust.json of this node's network."""
        test = self.identity.clock == "test"
        return trust_of(self.members, self.identity.chain, test=test)

    async def checkpoint(self) -> str | None:
        """Give the newest published checkpoint with its quorum, or None before the first."""
        return self.records.publisher.checkpoint()

    async def tile(self, tile: Tile) -> bytes | None:
        """Give a tile or bundle of a published checkpoint, or None."""
        return await self.records.desk.off(self.records.publisher.tile, tile)

    async def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Judge a checkpoint, store it durably, cosign it."""
        return await self.witness.add_checkpoint(body)


def _partners(unknown: Sequence[str], forks: Mapping[str, str]) -> Check:
    """Who was not seen yet, and who must not be believed: `forks` are origins by keeper."""
    zh = [f"尚未见到：{'、'.join(unknown)}"] if unknown else []
    en = [f"not seen yet: {', '.join(unknown)}"] if unknown else []
    for keeper, origin in sorted(forks.items()):
        zh.append(
            f"{keeper} 的日志 {origin} 有两个相互矛盾的签名检查点，已停止接收；"
            f"两份检查点存于本节点数据库（{FORK}{origin}），请保全并报告监管部门"
        )
        en.append(
            f"log {origin} of {keeper}: two signed checkpoints contradict each other and nothing "
            f"more is taken from it; both notes are kept in this node's database "
            f"({FORK}{origin}): keep them safe and tell the regulator"
        )
    told = ("；".join(zh) or "全部成员可见", "; ".join(en) or "all members are seen")
    return Check("partners", not (unknown or forks), *told)


def _member(status: str) -> Check:
    """Whether the registry lets us take part; a suspended member's records are refused."""
    if status == "active":
        return Check("member", True, "登记状态正常", "active in the registry")
    zh = "本中心已被停用：其他成员不再接受本中心的连接与记录；请与成员协商后由其提议恢复"
    en = (
        "this member is suspended: others take neither its calls nor its records; "
        "`yuanping centre propose admit` by another member takes it back"
    )
    return Check("member", False, zh, en)


def _vkey(name: str, kind: int, key: PublicKey | None) -> str:
    return VerifierKey(name, kind, bytes.fromhex(key.key if key else "")).encode()
