"""What deploy/production says must be true of the program: settings, metrics, commands, folders.

Containers are not run here. systemd's own checker reads the units where it is installed.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from node.adapters.keys import SEEDS, TLS_CERT, TLS_KEY
from node.adapters.telemetry import Telemetry, Watched
from node.cli.commands import COMMANDS
from node.settings import SECTIONS, read_settings
from tests.conftest import ROOT

HERE = ROOT / "deploy" / "production"
UNITS = sorted((HERE / "systemd").iterdir())
GUIDE = ROOT / "deploy" / "docs" / "operator-guide.md"
FUNCTIONS = {"rate", "sum", "by", "time", "kind", "code", "job", "up", "or"}
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}


def metrics() -> set[str]:
    """The names that our /metrics shows."""
    return {
        sample
        for family in Telemetry().registry.collect()
        for sample in (family.name, f"{family.name}_total")
    } | PROCESS


def used_in(expression: str) -> set[str]:
    words = set(re.findall(r"[a-z_]{3,}", re.sub(r'"[^"]*"', "", expression)))
    return words - FUNCTIONS


def document(path: str) -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load((HERE / path).read_text("utf-8"))


def test_every_alert_reads_a_metric_of_ours_and_says_what_to_do() -> None:
    rules = document("prometheus/alerts.yml")["groups"][0]["rules"]
    assert len(rules) > 5
    for rule in rules:
        assert used_in(rule["expr"]) <= metrics(), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"}


def test_every_panel_reads_a_metric_of_ours_and_all_gauges_are_shown() -> None:
    text = (HERE / "grafana/dashboards/yuanping-node.json").read_text("utf-8")
    shown = [used_in(p["targets"][0]["expr"]) for p in json.loads(text)["panels"]]
    assert set().union(*shown) <= metrics()
    ours = {name for name in metrics() if name.startswith("yuanping_") and "_total" not in name}
    gauges = {gauge.value[0] for gauge in Watched}
    assert gauges <= ours
    assert gauges <= set().union(*shown)


def test_example_configuration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    shutil.copy(HERE / "config.example.toml", path)
    settings = read_settings(path)
    assert settings.clock.source == "system"
    assert "password" not in path.read_text("utf-8").partition("database_url")[2].splitlines()[0]


def test_node_gets_every_key_as_a_credential() -> None:
    text = (HERE / "systemd/yuanping-node.service").read_text("utf-8")
    given = dict(re.findall(r"^LoadCredential=([^:]+):(.+)$", text, re.MULTILINE))
    assert set(given) == {*SEEDS, TLS_KEY, TLS_CERT, "pgpass"}
    assert "YUANPING_KEYS__DIR=%d" in text
    assert "keys" in SECTIONS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_name_commands_that_exist(unit: Path) -> None:
    for line in unit.read_text("utf-8").splitlines():
        if line.startswith("ExecStart="):
            words = shlex.split(line.partition("=")[2])
            assert words[0].endswith("/bin/yuanping")
            assert " ".join(words[1:3]) in COMMANDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_pass_systemd_s_own_check(unit: Path, tmp_path: Path) -> None:
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("no systemd-analyze here")
    for one in UNITS:  # the program itself is not installed here: any that runs stands for it
        text = re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", one.read_text("utf-8"))
        (tmp_path / one.name).write_text(text, "utf-8")
    words = [checker, "verify", str(tmp_path / unit.name)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    ours = [line for line in done.stderr.splitlines() if "yuanping" in line]
    assert not ours, done.stderr


def test_compose_names_files_and_volumes_that_it_has() -> None:
    whole = document("compose.yaml")
    secrets = set(whole["secrets"])
    for service in whole["services"].values():
        assert set(service.get("secrets", ())) <= secrets
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            own = {"./config.toml", "./keys"}  # the operator's, told at the top of the file
            is_there = source in own or source in whole["volumes"] or (HERE / source).exists()
            assert is_there, mount
    assert (HERE / whole["services"]["node"]["build"]["context"]).resolve() == ROOT


def test_compose_says_which_secrets_to_make_and_how_backups_are_made() -> None:
    text = (HERE / "compose.yaml").read_text("utf-8")
    top = text.partition("\nname:")[0]
    for secret in document("compose.yaml")["secrets"].values():
        assert secret["file"].removeprefix("./") in top
    assert "yuanping node backup" in top
    assert "/var/backups/yuanping" in (HERE / "Dockerfile").read_text("utf-8")


def test_guide_makes_the_node_before_anything_lies_in_its_folder() -> None:
    text = GUIDE.read_text("utf-8")
    assert text.index("node init --out /etc/yuanping") < text.index("/etc/yuanping/pgpass")


def test_image_copies_what_the_package_is_made_of() -> None:
    lines = (HERE / "Dockerfile").read_text("utf-8").splitlines()
    copied = {word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]}
    assert all((ROOT / name).exists() for name in copied)
    assert {"node", "chain", "api", "protos", "pyproject.toml"} <= copied


def test_commands_of_the_guide_exist() -> None:
    command = r"yuanping ((?:node|centre|chain) [a-z]+|verify|demo|replay)"
    found = re.findall(command, GUIDE.read_text("utf-8"))
    assert found
    assert set(found) <= set(COMMANDS)
