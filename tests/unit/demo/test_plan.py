"""The network's plan: as many centres as asked for, a regulator last."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.cli.demo.plan import FOLDER, read_plan
from node.core.errors import ConfigError


@pytest.mark.parametrize("centres", [None, 2, 3, 5])
def test_plan_has_so_many_centres_and_a_regulator(centres: int | None) -> None:
    plan = read_plan(centres)
    assert len(plan.centres) == (centres or 3)
    assert [p.role for p in plan.members] == ["centre"] * len(plan.centres) + ["regulator"]
    assert (plan.host, plan.regulator) == ("zhuzhou", "regulator")
    assert len({p.id for p in plan.members}) == len(plan.members)


@pytest.mark.parametrize("centres", [0, 1, 6, -1])
def test_number_of_centres_that_cannot_be_is_refused(centres: int) -> None:
    with pytest.raises(ConfigError, match="--centres must be 2 to 5"):
        read_plan(centres)


def test_missing_or_malformed_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="from a checkout"):
        read_plan(None, tmp_path)
    text = (FOLDER / "network.toml").read_text("utf-8")
    (tmp_path / "network.toml").write_text(text.replace("experts", "expert"))
    with pytest.raises(ConfigError, match=r"network\.toml"):
        read_plan(None, tmp_path)
