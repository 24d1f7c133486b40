"""The network's contracts as plain calls: a thin, blocking JSON-RPC client, safe for threads.

Writers are idempotent: if what is wanted stands already, nothing is sent. So whoever does not know
the outcome of a write (ChainUnavailable) just calls it again. ChainError names the contract's
custom error and its facts. Ids, roots, heads, commitments and secrets are 32 raw bytes; accounts
are `0x` and 40 lower-case hex digits; times are seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain.calls import Call, Calls
from chain.errors import ChainError
from chain.facts import (
    Block,
    Change,
    CheckpointSlot,
    Operation,
    Round,
    RoundOpened,
    TenderSlots,
)
from chain.rpc import Rpc
from chain.sender import Receipt

ZERO = bytes(32)


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

    # Registry

    def registry_changes(self, up_to: int | None = None) -> list[Change]:
        """Every change in order, up to and with block `up_to`; the whole history."""
        found = self._events("registry", "DescriptorChanged", 0, up_to)
        return [
            Change(e["id"], e["descriptor"], e["account"], e["block"], e["head"]) for e in found
        ]

    def registry_head(self, number: int | None = None) -> bytes:
        """The running head as of a block, or of the newest one."""
        head: bytes = self._view(("registry", "head", ()), number)[0]
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

    def tender(self, stream: bytes, keeper: str, number: int | None = None) -> TenderSlots:
        """The slots that this account keeps for a tender."""
        kept, *rest = self._view(("anchor", "tenderOf", (stream, keeper)), number)[0]
        return TenderSlots("" if int(kept, 16) == 0 else kept, *rest)

    def anchor_checkpoint(self, size: int, root: bytes) -> Receipt | None:
        """Anchor our log's checkpoint; None if this very one stands."""
        now = self.checkpoint(self.account)
        if (now.size, now.root) == (size, root):
            return None
        return self._write(("anchor", "anchorCheckpoint", (size, root)))

    def set_deadline(self, stream: bytes, deadline: int) -> Receipt | None:
        """Set or move the deadline in our slots of a tender; None if it stands so."""
        if self.tender(stream, self.account).deadline == deadline != 0:
            return None
        return self._write(("anchor", "setDeadline", (stream, deadline)))

    def close_bids(self, stream: bytes, root: bytes, head: bytes) -> Receipt | None:
        """Fix the bids' root and the stream's head, once; None if these stand."""
        now = self.tender(stream, self.account)
        if now.bids_at and (now.bids_root, now.bids_head) == (root, head):
            return None
        return self._write(("anchor", "closeBids", (stream, root, head)))

    def set_result(self, stream: bytes, result: bytes, head: bytes) -> Receipt | None:
        """Fix the result and the stream's head, once; None if these stand."""
        now = self.tender(stream, self.account)
        if now.result_at and (now.result, now.result_head) == (result, head):
            return None
        return self._write(("anchor", "setResult", (stream, result, head)))

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

    def secrets(self, rounds: Sequence[tuple[bytes, str]], account: str) -> list[bytes]:
        """One member's secrets in many rounds (id, opener), in one request."""
        calls: list[Call] = [("beacon", "secretOf", (*one, account)) for one in rounds]
        return [found[0] for found in self._views(calls)]

    def commitment(self, round_id: bytes, opener: str, account: str) -> bytes:
        """A member's commitment; zero bytes if there is none."""
        found: bytes = self._view(("beacon", "commitOf", (round_id, opener, account)))[0]
        return found

    def secret(self, round_id: bytes, opener: str, account: str) -> bytes:
        """A member's secret; zero bytes if it is not revealed."""
        found: bytes = self._view(("beacon", "secretOf", (round_id, opener, account)))[0]
        return found

    def open_round(
        self, round_id: bytes, members: Sequence[str], commit_by: int, reveal_by: int
    ) -> Receipt | None:
        """Open a round as its opener, members in any order; None if it stands so."""
        ascending = tuple(sorted(member.lower() for member in members))
        now = self.round(round_id, self.account)
        wanted = (ascending, commit_by, reveal_by)
        if now and (now.members, now.commit_by, now.reveal_by) == wanted:
            return None
        return self._write(("beacon", "open", (round_id, ascending, commit_by, reveal_by)))

    def commit(self, round_id: bytes, opener: str, commitment: bytes) -> Receipt | None:
        """Commit to our secret; None if this commitment stands."""
        return next(iter(self.commit_all([(round_id, opener, commitment)])), None)

    def commit_all(self, words: Sequence[tuple[bytes, str, bytes]]) -> list[Receipt]:
        """Commit in many rounds (id, opener, commitment) in one request; without what stands."""
        return self._say("commit", "commitOf", words)

    def reveal(self, round_id: bytes, opener: str, secret: bytes) -> Receipt | None:
        """Reveal our secret; None if it stands."""
        return next(iter(self.reveal_all([(round_id, opener, secret)])), None)

    def reveal_all(self, words: Sequence[tuple[bytes, str, bytes]]) -> list[Receipt]:
        """Reveal in many rounds (id, opener, secret) in one request; without what stands."""
        return self._say("reveal", "secretOf", words)

    def _say(
        self, name: str, read: str, words: Sequence[tuple[bytes, str, bytes]]
    ) -> list[Receipt]:
        asked: list[Call] = [("beacon", read, (*one[:2], self.account)) for one in words]
        stand = [found[0] for found in self._views(asked)]
        both = zip(words, stand, strict=True)
        calls: list[Call] = [
            ("beacon", name, one) for one, word in both if not one[2] == word != ZERO
        ]
        return self.send(calls) if calls else []

    def rounds_opened(self, from_block: int, up_to: int | None = None) -> list[RoundOpened]:
        """Rounds opened from this block on, in order; look whether we are among the members."""
        return [
            RoundOpened(
                e["round"],
                e["opener"],
                tuple(e["members"]),
                e["commitBy"],
                e["revealBy"],
                e["block"],
            )
            for e in self._events("beacon", "RoundOpened", from_block, up_to)
        ]

    # The development chain only

    def prove(self, contract: str, number: int, slots: Sequence[str]) -> str:
        """The operator's signed note over these slots as of a block (protocol 10.12)."""
        asked = {"contract": self.contracts[contract][2:], "number": number, "slots": list(slots)}
        note: str = self.rpc.call("yuanping_prove", asked)["note"]
        return note

    def jump(self, time: int) -> None:
        """Mine one block at this time. Raises ChainError if time would go back."""
        self.rpc.call("yuanping_jump", {"time": time})

    def operator(self) -> str:
        """The operator's verifier key (C2SP signed-note vkey)."""
        vkey: str = self.rpc.call("yuanping_operator")
        return vkey


def _round(opened_at: int, *facts: Any) -> Round | None:  # noqa: ANN401 - as the ABI gives them
    *times, members = facts
    values = (opened_at, *times, tuple(members))
    return Round(*values) if opened_at else None
