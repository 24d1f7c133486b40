"""The network's contracts as plain calls: a thin, blocking JSON-RPC client, safe for threads.

Writers are idempotent: if what is wanted stands already, nothing is sent. So whoever does not know
the outcome of a write (ChainUnavailable) just calls it again. ChainError names the contract's
custom error and its facts. Ids, roots, heads, commitments and secrets are 32 raw bytes; accounts
are `0x` and 40 lower-case hex digits; times are seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain.calls import Call, Calls, asked_block, block_of, decoded_logs
from chain.errors import ChainError
from chain.facts import (
    Block,
    Change,
    CheckpointSlot,
    Look,
    Operation,
    Round,
    RoundOpened,
    RoundSaid,
    TenderSlots,
)
from chain.rpc import Request, Rpc, RpcError
from chain.sender import Receipt

ZERO = bytes(32)
TOLD = ("RoundOpened", "SecretCommitted", "SecretRevealed")
"""The beacon's events."""
HEAD: Call = ("registry", "head", ())
Word = tuple[bytes, str, bytes]
"""What we say in a round (id, opener): a commitment or a secret."""


class ChainClient(Calls):
    """The contracts' functions by their names."""

    @classmethod
    def at_registry(cls, rpc_url: str, registry: str, key: bytes | None = None) -> ChainClient:
        """The network of the registry at this address; asks for the chain id and the rest.

        The address may be in any spelling of its 40 digits. Raises ChainError if no registry is
        there, ChainUnavailable without an answer. What is asked is believed: see `chain/rpc.py`.
        """
        asked = Rpc(rpc_url)
        chain_id = int(asked.call("eth_chainId"), 16)
        asked.close()
        found = {"registry": "0x" + registry.lower().removeprefix("0x")}
        anchor, beacon = cls(rpc_url, chain_id, found).other_contracts()
        return cls(rpc_url, chain_id, found | {"anchor": anchor, "beacon": beacon}, key)

    def check_network(self) -> None:
        """Raise ChainError if the endpoint serves another chain id."""
        found = int(self.rpc.call("eth_chainId"), 16)
        if found != self.chain_id:
            raise ChainError(f"the endpoint serves chain {found}, not {self.chain_id}")

    def latest(self) -> Block:
        """The newest block."""
        return self._block("latest")

    def block(self, number: int) -> Block:
        """The block of this number. Raises ChainError if there is none yet."""
        return self._block(hex(number))

    def look(self, first: int | None = None) -> Look:
        """The newest block, the registry's head, and the beacon's events from block `first` on.

        All in one request, and an endpoint answers its parts in any order: what happens meanwhile
        may be missing in one of them. There are no events without `first`, nor if the chain does
        not reach it.
        """
        wanted: list[Request] = [
            asked_block("latest"),
            ("eth_call", [self._asked(HEAD), "latest"]),
        ]
        wanted += [] if first is None else [self._logs("beacon", TOLD, first, None)]
        raw, head, *more = self.rpc.answers(wanted)
        for answer in (raw, head):
            if isinstance(answer, RpcError):
                raise answer
        block, logs = block_of("latest", raw), more[0] if more else []
        if isinstance(logs, RpcError):
            if first is None or block.number >= first:
                raise logs
            logs = []
        told = tuple(map(_told, decoded_logs("beacon", TOLD, logs)))
        return Look(block, self._read(HEAD, head)[0], told)

    # Registry

    def registry_changes(self, up_to: int | None = None) -> list[Change]:
        """Every change in order, up to and with block `up_to`; the whole history."""
        found = self._events("registry", "DescriptorChanged", 0, up_to)
        return [
            Change(e["id"], e["descriptor"], e["account"], e["block"], e["head"]) for e in found
        ]

    def registry_head(self, number: int | None = None) -> bytes:
        """The running head as of a block, or of the newest one."""
        head: bytes = self._view(HEAD, number)[0]
        return head

    def is_active(self, account: str) -> bool:
        """Whether the account may write."""
        return bool(self._view(("registry", "isActive", (account,)))[0])

    def other_contracts(self) -> tuple[str, str]:
        """Where the registry says that anchor and beacon are."""
        anchor, beacon = self._view(("registry", "contracts", ()))
        return str(anchor), str(beacon)

    def operations(self) -> list[Operation]:
        """Every change that was ever proposed, in order, with its votes."""
        votes: dict[bytes, list[str]] = {}
        for e in self._events("registry", "OperationVoted", 0, None):
            votes.setdefault(e["op"], []).append(e["voter"])
        found = self._events("registry", "OperationProposed", 0, None)
        asked: list[Call] = [("registry", "operation", (e["op"],)) for e in found]
        return [
            Operation(
                op=e["op"],
                id=e["id"],
                account=e["account"],
                active=e["active"],
                descriptor=e["descriptor"],
                block=e["block"],
                voters=tuple(votes.get(e["op"], ())),
                open=bool(now[1]),
            )
            for e, now in zip(found, self._views(asked), strict=True)
        ]

    def votes_needed(self) -> int:
        """How many votes a change needs now."""
        return int(self._view(("registry", "needed", ()))[0])

    def propose(self, member: bytes, account: str, active: bool, descriptor: bytes) -> bytes:
        """Propose a member's new descriptor, or vote for it if it stands proposed; gives its id."""
        same = (member, account.lower(), active, descriptor)
        op = self._proposed(same)
        if op is None:
            self._write(("registry", "propose", (member, account, active, descriptor)))
            op = self._proposed(same)
        else:
            self.vote(op)
        if op is None:
            raise ChainError("the proposal lapsed at once: the registry has just changed")
        return op

    def _proposed(self, same: tuple[bytes, str, bool, bytes]) -> bytes | None:
        for one in self.operations():
            if one.open and (one.id, one.account, one.active, one.descriptor) == same:
                return one.op
        return None

    def vote(self, op: bytes) -> Receipt | None:
        """Vote for an operation; None if our vote is counted already."""
        if self._view(("registry", "hasVoted", (op, self.account)))[0]:
            return None
        return self._write(("registry", "vote", (op,)))

    def execute(self, op: bytes) -> Receipt:
        """Make a change that has its votes."""
        return self._write(("registry", "execute", (op,)))

    # Anchor

    def checkpoint(self, account: str, number: int | None = None) -> CheckpointSlot:
        """The newest checkpoint anchored by this account."""
        return CheckpointSlot(*self._view(("anchor", "checkpointOf", (account,)), number)[0])

    def checkpoints(self, accounts: Sequence[str]) -> list[CheckpointSlot]:
        """The same of many accounts, in one request."""
        calls: list[Call] = [("anchor", "checkpointOf", (one,)) for one in accounts]
        return [CheckpointSlot(*view[0]) for view in self._views(calls)]

    def tender(self, stream: bytes, keeper: str, number: int | None = None) -> TenderSlots:
        """The slots that this account keeps for a tender."""
        return _tender(self._view(("anchor", "tenderOf", (stream, keeper)), number))

    def anchor_checkpoint(self, size: int, root: bytes) -> Receipt | None:
        """Anchor our log's checkpoint; None if this very one stands, or a larger one."""
        now = self.checkpoint(self.account)
        if size < now.size or (now.size, now.root) == (size, root):
            return None
        return self._write(("anchor", "anchorCheckpoint", (size, root)))

    def set_deadline(self, stream: bytes, deadline: int) -> Receipt | None:
        """Set or move the deadline in our slots of a tender; None if it stands so."""
        return self._one([("anchor", "setDeadline", (stream, deadline))])

    def close_bids(self, stream: bytes, root: bytes, head: bytes) -> Receipt | None:
        """Fix the bids' root and the stream's head, once; None if these stand."""
        return self._one([("anchor", "closeBids", (stream, root, head))])

    def set_result(self, stream: bytes, result: bytes, head: bytes) -> Receipt | None:
        """Fix the result and the stream's head, once; None if these stand."""
        return self._one([("anchor", "setResult", (stream, result, head))])

    def set_slots(self, calls: Sequence[Call]) -> list[Receipt]:
        """Make many calls of the three above, in this order, in two requests; without what stands.

        One that is refused stops no other that does not build upon it.
        """
        streams = list(dict.fromkeys(call[2][0] for call in calls))
        asked: list[Call] = [("anchor", "tenderOf", (one, self.account)) for one in streams]
        views = zip(streams, self._views(asked), strict=True)
        stand = {stream: _tender(view) for stream, view in views}
        due = [call for call in calls if not _stands(stand[call[2][0]], call)]
        return self.send(due) if due else []

    def _one(self, calls: Sequence[Call]) -> Receipt | None:
        return next(iter(self.set_slots(calls)), None)

    # Beacon

    def round(self, round_id: bytes, opener: str, number: int | None = None) -> Round | None:
        """The round that this opener opened, or None."""
        return self.rounds([(round_id, opener)], number)[0]

    def rounds(
        self, asked: Sequence[tuple[bytes, str]], number: int | None = None
    ) -> list[Round | None]:
        """These rounds (id, opener), each or None, in one request."""
        calls: list[Call] = [("beacon", "roundOf", one) for one in asked]
        return [_round(*view[0]) for view in self._views(calls, number)]

    def round_words(
        self, rounds: Sequence[tuple[bytes, str, Sequence[str]]]
    ) -> list[tuple[list[bytes], list[bytes]]]:
        """Commitments and secrets of the members of rounds (id, opener, members); zeros for none.

        All in one request.
        """
        calls: list[Call] = [
            ("beacon", name, (round_id, opener, member))
            for round_id, opener, members in rounds
            for name in ("commitOf", "secretOf")
            for member in members
        ]
        words = iter(found[0] for found in self._views(calls))
        return [([next(words) for _ in who], [next(words) for _ in who]) for *_, who in rounds]

    def commitment(self, round_id: bytes, opener: str, account: str) -> bytes:
        """A member's commitment; zero bytes if there is none."""
        found: bytes = self._view(("beacon", "commitOf", (round_id, opener, account)))[0]
        return found

    def secret(self, round_id: bytes, opener: str, account: str) -> bytes:
        """A member's secret; zero bytes if it is not revealed."""
        found: bytes = self._view(("beacon", "secretOf", (round_id, opener, account)))[0]
        return found

    def open_round(
        self, round_id: bytes, members: Sequence[str], commit_s: int, reveal_s: int
    ) -> Receipt | None:
        """Open a round as its opener, members in any order; None if it stands so.

        So many seconds are for commitments, and so many after them for secrets.
        """
        ascending = tuple(sorted(member.lower() for member in members))
        now, wanted = self.round(round_id, self.account), (ascending, commit_s, reveal_s)
        if now and (now.members, now.commit_s, now.reveal_s) == wanted:
            return None
        return self._write(("beacon", "open", (round_id, *wanted)))

    def commit(self, round_id: bytes, opener: str, commitment: bytes) -> Receipt | None:
        """Commit to our secret; None if this commitment stands."""
        return next(iter(self.say_all([(round_id, opener, commitment)], [])), None)

    def reveal(self, round_id: bytes, opener: str, secret: bytes) -> Receipt | None:
        """Reveal our secret; None if it stands."""
        return next(iter(self.say_all([], [(round_id, opener, secret)])), None)

    def say_all(self, commitments: Sequence[Word], secrets: Sequence[Word]) -> list[Receipt]:
        """Commit and reveal in many rounds, in two requests; without what stands.

        One that is refused stops no other.
        """
        words = [("commit", "commitOf", one) for one in commitments]
        words += [("reveal", "secretOf", one) for one in secrets]
        asked: list[Call] = [("beacon", read, (*one[:2], self.account)) for _, read, one in words]
        stand = [found[0] for found in self._views(asked)]
        both = zip(words, stand, strict=True)
        calls: list[Call] = [
            ("beacon", name, one) for (name, _, one), word in both if not one[2] == word != ZERO
        ]
        return self.send(calls) if calls else []

    # The development chain only

    def prove(self, contract: str, number: int, slots: Sequence[str]) -> str:
        """The operator's signed note over these slots as of a block (protocol 10.12)."""
        return self.prove_all(number, [(contract, slots)])[0]

    def prove_all(self, number: int, wanted: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
        """Such a note for each of these contracts with their slots, in one request."""
        asked: list[Request] = [
            (
                "yuanping_prove",
                [{"contract": self.contracts[name][2:], "number": number, "slots": list(slots)}],
            )
            for name, slots in wanted
        ]
        return [found["note"] for found in self.rpc.batch(asked)]

    def jump(self, time: int) -> None:
        """Mine one block at this time. Raises ChainError if time would go back."""
        self.rpc.call("yuanping_jump", {"time": time})

    def operator(self) -> str:
        """The operator's verifier key (C2SP signed-note vkey)."""
        vkey: str = self.rpc.call("yuanping_operator")
        return vkey


def _tender(view: tuple[Any, ...]) -> TenderSlots:
    kept, *rest = view[0]
    return TenderSlots("" if int(kept, 16) == 0 else kept, *rest)


def _stands(now: TenderSlots, call: Call) -> bool:
    """Whether a tender's slots hold what the call would write; zeros stand nowhere."""
    _, name, (_, *values) = call
    if name == "setDeadline":
        return now.deadline != 0 and [now.deadline] == values
    if name == "closeBids":
        return now.bids_at != 0 and [now.bids_root, now.bids_head] == values
    return now.result_at != 0 and [now.result, now.result_head] == values


def _told(e: dict[str, Any]) -> RoundOpened | RoundSaid:
    key = (e["round"], e["opener"])
    if e["event"] == "RoundOpened":
        return RoundOpened(*key, tuple(e["members"]), e["commitBy"], e["revealBy"])
    if e["event"] == "SecretCommitted":
        return RoundSaid(*key, e["account"], e["commitment"], revealed=False)
    return RoundSaid(*key, e["account"], e["secret"], revealed=True)


def _round(opened_at: int, *facts: Any) -> Round | None:  # noqa: ANN401 - as the ABI gives them
    *times, members = facts
    values = (opened_at, *times, tuple(members))
    return Round(*values) if opened_at else None
