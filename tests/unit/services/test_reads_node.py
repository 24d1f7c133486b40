"""What HTTP reads of a node: whether it is ready, and what its operator must be told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from node.core.errors import LogError, UnavailableError
from node.services.reads_node import Identity, NodeReads
from tests.simulators.office import Office, open_network, open_office, other_history
from tests.simulators.people import GUEST, HOST, REGULATOR
from tests.simulators.sources import NOON, HandClock

if TYPE_CHECKING:
    from node.services.application import Records
    from node.services.reads import Check
    from node.services.trust import ChainFacts

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]


def reads_of(office: Office) -> NodeReads:
    """The node's HTTP reads, with as much of its records as readiness asks for."""
    desk = SimpleNamespace(off=asyncio.to_thread, store=office.store)
    records = SimpleNamespace(desk=desk, log=office.log, height=1, publisher=office.publisher)
    identity = Identity("0", "test", "anvil", cast("ChainFacts", None))
    return NodeReads(
        identity,
        cast("Records", records),
        office.members,
        office.cosigning,
        office.mirrors,
        office.witness,
    )


async def checks_of(office: Office) -> dict[str, Check]:
    """What `/readyz` lists, by name."""
    return {check.name: check for check in await reads_of(office).ready()}


async def test_node_is_ready_once_it_has_seen_all_partners() -> None:
    offices, _ = open_network()
    guest = offices[GUEST]
    assert (await checks_of(guest))["partners"].detail_en == f"not seen yet: {REGULATOR}, {HOST}"
    for name in (HOST, REGULATOR, GUEST):
        await offices[name].tick()
        part = offices[name].publisher.part(0)
        assert part is not None
        if name != GUEST:
            await guest.mirrors.take(name, part)
    checks = await checks_of(guest)
    assert all(check.ok for check in checks.values())
    assert checks["partners"].detail_en == "all members are seen"


async def test_operator_is_told_of_a_log_with_two_histories() -> None:
    """A fork is kept for good; it must not be kept from those who can act on it."""
    offices, _ = open_network()
    host, guest = offices[HOST], offices[GUEST]
    await host.tick()
    part = host.publisher.part(0)
    assert part is not None
    await guest.mirrors.take(HOST, part)
    with pytest.raises(LogError):
        await guest.mirrors.take(HOST, await other_history())
    for office in (guest, open_office(GUEST, guest.store)):
        check = (await checks_of(office))["partners"]
        assert not check.ok
        for told in (check.detail_zh, check.detail_en):
            assert host.log.origin in told
            assert f"fork/{host.log.origin}" in told
        assert "two signed checkpoints contradict each other" in check.detail_en
        assert "tell the regulator" in check.detail_en
        assert "两个相互矛盾的签名检查点" in check.detail_zh
        assert "报告监管部门" in check.detail_zh
        assert f"not seen yet: {REGULATOR}; " in check.detail_en


async def test_operator_is_told_that_the_clock_is_off_and_that_nobody_vouches_for_the_log() -> None:
    offices, _ = open_network()
    host = offices[HOST]
    await host.tick()
    assert (await checks_of(host))["clock"].detail_en == "agrees with the other members'"
    host.clock = host.cosigning.clock = host.publisher.clock = HandClock(NOON + 600)
    await host.tick()
    checks = await checks_of(host)
    assert not checks["clock"].ok
    assert "600 s ahead of most members" in checks["clock"].detail_en
    assert not checks["log"].ok
    assert "600 s old, no bids are taken" in checks["log"].detail_en
    assert f"{GUEST}: its clock is -600 s from ours" in checks["log"].detail_en


async def test_operator_is_told_that_the_disk_takes_nothing_although_it_can_be_read() -> None:
    offices, _ = open_network()
    host = offices[HOST]
    await host.tick()
    host.publisher.failed = UnavailableError("the database cannot be written", code="disk-full")
    check = (await checks_of(host))["database"]
    assert not check.ok
    assert "make room" in check.detail_en
    assert "腾出空间" in check.detail_zh
    await host.tick()
    assert (await checks_of(host))["database"].ok
