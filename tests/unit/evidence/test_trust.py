"""The policy is read strictly: a misspelt permission is no permission."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from node.core.errors import InvalidError
from node.core.evidence.trust import parse_trust
from tests.world.session import world


def policy() -> dict[str, Any]:
    """A good policy."""
    found: dict[str, Any] = json.loads(json.dumps(world("jp").net.policy()))
    return found


def test_good_policy_names_quorums_by_origin() -> None:
    trust = parse_trust(json.dumps(policy(), indent=1).encode())
    assert {origin: eras[-1].quorum.q for origin, eras in trust.eras.items()} == {
        f"{name}.example/log": 3 for name in ("changsha", "hunan", "xiangtan", "zhuzhou")
    }
    assert trust.operator_vkey is not None
    assert trust.operator_vkey.startswith("yuanping-devnet/20260+")


def test_allow_is_false_unless_said() -> None:
    whole = policy()
    del whole["allow"]
    trust = parse_trust(json.dumps(whole).encode())
    assert not trust.form.allow.test_clock
    assert not trust.form.allow.one_operator_chain


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(whole: dict[str, Any]) -> None:
        *names, last = path.split("/")
        node: Any = whole
        for name in names:
            node = node[int(name) if name.isdigit() else name]
        node[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("allow/test_clocks", True),
        _set("extra", 1),
        _set("logs/0/q", 2),
        _set("logs/0/n", 4),
        _set("logs/0/f", 3),
        _set("logs/0/origin", "other.example/log"),
        _set("logs/0/tlog_policy", "quorum none\n"),
        _set("chain/operator", None),
        _set("chain/validators", [{"key": "00" * 32, "power": 1}]),
        _set("chain/operator/key", "00" * 32),
        _set("chain/contracts/registry", "0x00"),
        _set("rulesets", ["xyz"]),
        lambda whole: whole["logs"].append(whole["logs"][0]),
        lambda whole: whole.pop("beacons"),
    ],
)
def test_wrong_policy_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    whole = policy()
    change(whole)
    with pytest.raises(InvalidError) as caught:
        parse_trust(json.dumps(whole).encode())
    assert caught.value.code == "form"


def test_quorum_that_lets_two_halves_cosign_two_logs_is_refused() -> None:
    """With f = 1 of 3 lying, two of three cosign both; n and q are those of tlog_policy."""
    whole = policy()
    log = whole["logs"][0]
    log["q"] = 2
    log["tlog_policy"] = log["tlog_policy"].replace("group quorum-group 3", "group quorum-group 2")
    with pytest.raises(InvalidError, match="at least 3"):
        parse_trust(json.dumps(whole).encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff{}", b'{"format":"yuanping-trust/v2"}', b"[" * 100_000]
)
def test_no_policy_at_all_is_unreadable(data: bytes) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_trust(data)
    assert caught.value.code == "unreadable"


def test_doubled_member_is_refused() -> None:
    text = json.dumps(policy())
    doubled = text[:-1] + ',"allow":{"test_clock":true}}'
    with pytest.raises(InvalidError, match="twice"):
        parse_trust(doubled.encode())
