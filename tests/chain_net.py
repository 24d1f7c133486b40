"""One real chain with four members, shared by the suites of a module that need it."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass

import pytest

from chain.calls import Call
from chain.client import ChainClient
from chain.deploy import Deployment
from chain.errors import ChainError
from tests.chain_process import ACCOUNTS, ChainProcess

WORD, OTHER = b"\xa1" * 32, b"\xb2" * 32
_NUMBERS = itertools.count(1)


@dataclass
class Net:
    """One chain with its members; tests use fresh ids, so they do not disturb one another."""

    process: ChainProcess
    deployment: Deployment
    members: list[ChainClient]
    stranger: ChainClient

    @property
    def host(self) -> ChainClient:
        return self.members[0]

    @property
    def guest(self) -> ChainClient:
        return self.members[1]

    def now(self) -> int:
        """Give the time that a block mined now would have, at least."""
        return self.host.latest().time

    def jump_to(self, time: int) -> None:
        """Mine a block at this time, which must be well ahead."""
        self.host.jump(time)


def fresh() -> bytes:
    return hashlib.sha256(b"%d" % next(_NUMBERS)).digest()


def commitment(round_id: bytes, account: str, secret: bytes) -> bytes:
    said = b"yuanping/commit/v1\n" + round_id + bytes.fromhex(account[2:]) + secret
    return hashlib.sha256(said).digest()


def refused(name: str, client: ChainClient, call: Call) -> None:
    """Assert that the contract itself refuses, with this custom error and no other."""
    with pytest.raises(ChainError) as caught:
        client.send([call])
    assert caught.value.name == name, str(caught.value)


def open_for_three(net: Net, last: int = 1000) -> tuple[bytes, int]:
    round_id, now = fresh(), net.now()
    assert net.host.open_round(round_id, ACCOUNTS[:3][::-1], last // 2, last - last // 2)
    return round_id, now


def commit_all(net: Net, round_id: bytes, secrets: list[bytes]) -> None:
    for member, secret in zip(net.members, secrets, strict=False):
        said = commitment(round_id, member.account, secret)
        assert member.commit(round_id, ACCOUNTS[0], said)
        assert member.commit(round_id, ACCOUNTS[0], said) is None
