"""Key folders: made once, read strictly, and refused when others may read them."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from node.adapters.keys import SEEDS, load_keys, make_keys
from node.adapters.tls import der_of
from node.core.errors import ConfigError
from node.core.records.keys import signer_from_seed
from node.services.ports import Keys
from tests.simulators.sources import SeededEntropy

FILES = (*SEEDS, "tls.key", "tls.crt")
ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"


def made(folder: Path, name: str = "zhuzhou") -> Keys:
    """A fresh folder of keys."""
    return make_keys(folder, name, SeededEntropy(name), int(time.time()))


def test_made_keys_are_read_again_and_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "keys"
    keys = made(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in FILES:
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    again = load_keys(folder)
    assert (again.record.public, again.log.public) == (keys.record.public, keys.log.public)
    assert (again.box, again.chain) == (keys.box, keys.chain)
    seed = bytes.fromhex((folder / "witness.key").read_text())
    assert again.witness.public == signer_from_seed("ed25519", seed).public


def test_each_role_has_a_key_of_its_own(tmp_path: Path) -> None:
    made(tmp_path)
    assert len({(tmp_path / name).read_bytes() for name in SEEDS}) == len(SEEDS)


def test_keys_are_never_replaced(tmp_path: Path) -> None:
    made(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    with pytest.raises(ConfigError, match=r"record\.key"):
        make_keys(tmp_path, "zhuzhou", SeededEntropy("other"), int(time.time()))
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_secret_is_shown_by_no_text_of_the_keys(tmp_path: Path) -> None:
    keys = made(tmp_path)
    told = repr(keys) + str(keys)
    for name in SEEDS:
        seed = (tmp_path / name).read_text().strip()
        assert seed not in told
        assert repr(bytes.fromhex(seed)) not in told


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_file_that_others_may_reach_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    made(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError, match=name):
        load_keys(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    made(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match=name) as caught:
        load_keys(tmp_path)
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize(
    "text", ["", "ab" * 31, "ab" * 33, "AB" * 32, "zz" * 32, "ab" * 32 + "\n\n", " " + "ab" * 32]
)
def test_malformed_key_is_refused_and_not_quoted(tmp_path: Path, name: str, text: str) -> None:
    made(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=name) as caught:
        load_keys(tmp_path)
    assert "abab" not in caught.value.detail.lower()


def test_one_key_in_two_roles_is_refused(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "witness.key").write_bytes((tmp_path / "log.key").read_bytes())
    with pytest.raises(ConfigError, match="two roles"):
        load_keys(tmp_path)


@pytest.mark.parametrize("scalar", ["0" * 64, ORDER, "f" * 64])
def test_chain_key_out_of_its_range_is_refused(tmp_path: Path, scalar: str) -> None:
    made(tmp_path)
    (tmp_path / "chain.key").write_text(scalar)
    with pytest.raises(ConfigError, match=r"chain\.key"):
        load_keys(tmp_path)


@pytest.mark.parametrize("name", ["tls.key", "tls.crt"])
@pytest.mark.parametrize("data", [b"", b"no PEM", b"x" * 100_000])
def test_malformed_certificate_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    made(tmp_path)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=name):
        load_keys(tmp_path)


def test_certificate_of_another_key_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", "chenzhou")
    (tmp_path / "a" / "tls.crt").write_bytes((tmp_path / "b" / "tls.crt").read_bytes())
    with pytest.raises(ConfigError, match="another key"):
        load_keys(tmp_path / "a")


def test_folder_that_takes_no_keys_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ConfigError, match="file"):
        made(file / "keys")


def test_same_chance_gives_the_same_keys(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a"), made(tmp_path / "b")
    assert one.box == two.box
    assert one.tls_key.read_bytes() == two.tls_key.read_bytes()
    other = made(tmp_path / "c", "chenzhou")
    assert other.box != one.box
    assert der_of(other.tls_cert.read_bytes()) != der_of(one.tls_cert.read_bytes())
