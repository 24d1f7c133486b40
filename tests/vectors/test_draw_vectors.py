"""The draw's bytes against draw/draw.json, which generate.py made from the protocol alone."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from node.core.errors import NodeError
from node.core.rules import draw
from node.core.rules.ranking import by_lot

HERE = Path(__file__).parent / "draw"
CASE = json.loads((HERE / "draw.json").read_text("utf-8"))


def test_generator_makes_the_committed_file() -> None:
    spec = importlib.util.spec_from_file_location("draw_generate", HERE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.make() == (HERE / "draw.json").read_text("utf-8")


def test_person() -> None:
    case = CASE["person"]
    assert draw.person(case["draw"], case["pseudonym"], case["salt"]) == case["person"]


def test_slate() -> None:
    case = CASE["slate"]
    stratum = draw.Stratum(case["stratum"], case["seats"])
    size = draw.slate_size(stratum.seats, Fraction(case["factor"]))
    slate = draw.rank_slate(bytes.fromhex(case["seed"]), case["draw"], stratum, case["pools"], size)
    assert [one.person for one in slate] == case["slate"]
    assert all(one.person in case["pools"][one.pool] for one in slate)


def test_picks() -> None:
    case = CASE["picks"]
    stratum = draw.Stratum(case["stratum"], case["seats"])
    order = draw.order_picks(bytes.fromhex(case["seed"]), case["draw"], stratum, case["accepted"])
    assert list(order) == case["order"]


def test_beacon_round() -> None:
    case = CASE["round"]
    assert draw.round_id(case["n"], case["of"], case["purpose"]) == case["round"]
    secrets = {bytes.fromhex(m["account"]): bytes.fromhex(m["secret"]) for m in case["members"]}
    commitments = {
        bytes.fromhex(m["account"]): bytes.fromhex(m["commitment"]) for m in case["members"]
    }
    for account, secret in secrets.items():
        assert draw.commitment(case["round"], account, secret) == commitments[account]
    seed = bytes.fromhex(case["seed"])
    assert draw.seed_of(case["round"], secrets) == seed
    draw.check_seed(case["round"], commitments, secrets, seed)


def test_lot() -> None:
    case = CASE["lot"]
    assert list(by_lot(bytes.fromhex(case["seed"]), case["bids"])) == case["order"]


ID = CASE["person"]["draw"]
SALT = CASE["person"]["salt"]
SEED = bytes(32)
ONE = draw.Stratum(0, 1)
BAD: dict[str, tuple[str, Callable[[], Any]]] = {
    "draw id in capitals": ("form", lambda: draw.person(ID.upper(), "p", SALT)),
    "draw id with a blank": ("form", lambda: draw.person(ID[:2] + " " + ID[2:], "p", SALT)),
    "short salt": ("form", lambda: draw.person(ID, "p", SALT[:-2])),
    "pseudonym is half a surrogate pair": ("form", lambda: draw.person(ID, "\ud800", SALT)),
    "short seed": ("form", lambda: draw.rank_slate(SEED[1:], ID, ONE, {"a": [ID]}, 1)),
    "person is no digest": ("form", lambda: draw.rank_slate(SEED, ID, ONE, {"a": ["zz"]}, 1)),
    "stratum below zero": ("form", lambda: draw.Stratum(-1, 1)),
    "stratum over four bytes": ("form", lambda: draw.Stratum(2**32, 1)),
    "stratum without a seat": ("form", lambda: draw.Stratum(0, 0)),
    "accepted twice": ("form", lambda: draw.order_picks(SEED, ID, ONE, [ID, ID])),
    "round below zero": ("form", lambda: draw.round_id(-1, ID, "pick")),
    "unknown purpose": ("form", lambda: draw.round_id(0, ID, "again")),  # type: ignore[arg-type]
    "account of 32 bytes": ("form", lambda: draw.commitment(ID, bytes(32), bytes(32))),
    "secret of 31 bytes": ("form", lambda: draw.commitment(ID, bytes(20), bytes(31))),
    "seed of nothing": ("form", lambda: draw.seed_of(ID, {})),
    "seed of a short secret": ("form", lambda: draw.seed_of(ID, {bytes(20): bytes(31)})),
    "lot with a short seed": ("form", lambda: by_lot(SEED[1:], [ID])),
    "lot over no digest": ("form", lambda: by_lot(SEED, ["B194"])),
    "person in two pools": (
        "rule",
        lambda: draw.rank_slate(SEED, ID, ONE, {"a": [ID], "b": [ID]}, 1),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    code, call = BAD[name]
    with pytest.raises(NodeError) as caught:
        call()
    assert caught.value.code == code
