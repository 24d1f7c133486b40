"""config.toml: what is good is read, what is wrong is refused by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from node.core.errors import ConfigError
from node.settings import SECTIONS, read_settings

SMALL = """
[centre]
id = "zhuzhou"
role = "centre"
name_zh = "株洲"
name_en = "Zhuzhou"
[chain]
rpc = "http://127.0.0.1:8545"
registry = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[log]
origin = "zhuzhou.example/log"
"""
FULL = (
    SMALL
    + """
tick_ms = 200
pad = false
[http]
listen = "0.0.0.0:80"
[grpc]
listen = "[::1]:8443"
advertise = "zhuzhou.example:443"
[store]
database_url = "postgresql://yuanping@db/yuanping"
blobs = "/srv/blobs"
[keys]
dir = "/etc/yuanping/keys"
[clock]
source = "chain"
"""
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give a place for a configuration file."""
    return tmp_path / "config.toml"


def refusal(config: Path, text: str) -> str:
    """Write, read, and give the sentence of the refusal."""
    config.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_settings(config)
    assert caught.value.code == "config"
    return caught.value.detail


def test_small_file_gets_safe_defaults(config: Path) -> None:
    config.write_text(SMALL, "utf-8")
    s = read_settings(config)
    assert (s.centre.id, s.centre.name_zh, s.chain.kind) == ("zhuzhou", "株洲", "anvil")
    assert (s.log.tick_ms, s.log.pad, s.clock.source) == (10_000, True, "system")
    assert s.http.listen.startswith("127.0.0.1:")
    assert s.grpc.address == s.grpc.listen


def test_full_file_is_taken_as_it_stands(config: Path) -> None:
    config.write_text(FULL, "utf-8")
    s = read_settings(config)
    assert (s.log.tick_ms, s.log.pad, s.clock.source) == (200, False, "chain")
    assert s.grpc.address == "zhuzhou.example:443"
    assert s.store.database_url == "postgresql://yuanping@db/yuanping"
    assert (s.store.blobs, s.keys.dir) == (Path("/srv/blobs"), Path("/etc/yuanping/keys"))


def test_relative_paths_start_at_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(SMALL, "utf-8")
    monkeypatch.chdir(config.parent.parent)
    s = read_settings(Path(config.parent.name) / "config.toml")
    assert s.keys.dir == config.parent / "keys"
    assert s.store.blobs == config.parent / "data" / "blobs"
    assert s.store.database_url == f"sqlite:///{config.parent}/data/node.db"


def test_settings_are_frozen(config: Path) -> None:
    config.write_text(SMALL, "utf-8")
    with pytest.raises(ValidationError):
        read_settings(config).log.tick_ms = 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[log]", "[log]\ntickms = 5", ["[log] unknown key `tickms`", "`tick_ms`"]),
        ("[log]", "[log]\n_env_file = 'x'", ["[log] unknown key `_env_file`"]),
        ("[log]", "[logs]", ["unknown section [logs]", "`log`"]),
        ("[centre]", "_env_file = 'x'\n[centre]", ["unknown section [_env_file]"]),
        ("[log]", "[log]\ntick_ms = '200'", ["[log] tick_ms", "text", "tick_ms = 10000"]),
        ("[log]", "[log]\ntick_ms = true", ["[log] tick_ms", "true or false"]),
        ("[log]", "[log]\ntick_ms = 0", ["[log] tick_ms", "number", "10 to 3600000"]),
        ("[log]", "[log]\ntick_ms = 1.5", ["[log] tick_ms", "fraction"]),
        ("[log]", "[log]\npad = 1", ["[log] pad", "number", "pad = true"]),
        ("[log]", "[log]\ntick_ms = [1]", ["[log] tick_ms", "list"]),
        ("[log]", "[keys]\ndir = 3\n[log]", ["[keys] dir", "number", 'dir = "keys"']),
        ('role = "centre"', 'role = "king"', ["[centre] role", 'role = "centre"']),
        ('role = "centre"', "", ["[centre] role is missing", 'role = "centre"']),
        ('"zhuzhou"', '"Zhu Zhou"', ["[centre] id", 'id = "zhuzhou"']),
        ('"zhuzhou"', '"zhuzhou\\n"', ["[centre] id"]),
        ("0x5FbD", "0x5Fb", ["[chain] registry"]),
        ("[chain]", "[chain]\nkind = 'geth'", ["[chain] kind", '"qbft"']),
        ("[chain]", "[http]\nlisten = 'here'\n[chain]", ["[http] listen", "host:port"]),
        (
            "[chain]",
            "[clock]\nsource='chain'\n[chain]\nkind='qbft'",
            ['needs [chain] kind = "anvil"'],
        ),
        (SMALL, "", ["[centre] is missing"]),
        (SMALL, "centre = 3", ["[centre] must be a table"]),
        (SMALL, "a = ", ["not TOML"]),
    ],
)
def test_wrong_key_or_value_is_refused_by_name(
    config: Path, old: str, new: str, words: list[str]
) -> None:
    assert old in SMALL
    detail = refusal(config, SMALL.replace(old, new, 1))
    assert [w for w in words if w not in detail] == [], detail
    assert "\n" not in detail


def test_value_of_a_refused_key_is_not_repeated(config: Path) -> None:
    text = SMALL + "[store]\ndatabase_url = 'mysql://root:hunter2@db'\n"
    assert "hunter2" not in refusal(config, text)


def test_file_that_cannot_be_opened_is_unreadable(config: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(config)
    assert caught.value.code == "unreadable"


def test_environment_overrides_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(SMALL, "utf-8")
    for name, value in {
        "YUANPING_CONFIG": str(config),
        "YUANPING_LOG__TICK_MS": "250",
        "YUANPING_LOG__PAD": "false",
        "YUANPING_CENTRE__NAME_ZH": "123",
        "YUANPING_KEYS__DIR": "elsewhere",
    }.items():
        monkeypatch.setenv(name, value)
    s = read_settings()
    assert (s.log.tick_ms, s.log.pad, s.log.origin) == (250, False, "zhuzhou.example/log")
    assert s.centre.name_zh == "123"
    assert s.keys.dir == config.parent / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("YUANPING_LOG__TICKMS", "5", ["unknown key `tickms`", "`tick_ms`"]),
        ("YUANPING_LGO__TICK_MS", "5", ["YUANPING_LGO__TICK_MS", "`log`"]),
        ("YUANPING_LOG__TICK_MS", "soon", ["[log] tick_ms", "text"]),
        ("YUANPING_LOG__TICK_MS__X", "1", ["[log] tick_ms", "table"]),
        ("YUANPING_LOG", "3", ["[log] must be a table"]),
        ("YUANPING_LOG", "{", ["environment"]),
    ],
)
def test_wrong_environment_is_refused_by_name(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(name, value)
    detail = refusal(config, SMALL)
    assert [w for w in words if w not in detail] == [], detail


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_every_key_says_what_it_needs_and_its_example_is_good(section: str, config: Path) -> None:
    for name, field in SECTIONS[section].model_fields.items():
        assert field.description
        assert field.examples
        lines = SMALL.splitlines()
        start = lines.index(f"[{section}]") + 1 if f"[{section}]" in lines else len(lines)
        kept = [x for x in lines[start:] if not x.startswith(f"{name} =")]
        head = [*lines[:start], *([] if start < len(lines) else [f"[{section}]"])]
        config.write_text("\n".join([*head, f"{name} = {field.examples[0]}", *kept]), "utf-8")
        read_settings(config)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_refused_as_configuration(config: Path, data: bytes) -> None:
    config.write_bytes(data)
    with pytest.raises(ConfigError):
        read_settings(config)
