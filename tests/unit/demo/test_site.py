"""The demo's folder: only an empty one or a demo's own is touched, by one demo at a time."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import chain.ports
from chain.errors import ChainError
from node.cli.demo.site import (
    DATABASE,
    MARK,
    OWN_FILE,
    Mark,
    Ports,
    claim,
    find_mark,
    free_ports,
    make_private,
    replace_json,
    wanted_database,
)
from node.core.errors import ConfigError

A_MARK = Mark("t-1", "jp-tsuchiura", 3, {"zhuzhou": Ports(1, 2)})


def test_new_and_empty_folders_hold_no_mark(tmp_path: Path) -> None:
    assert find_mark(tmp_path / "new", resume=False) is None
    assert find_mark(tmp_path, resume=True) is None


def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(ConfigError, match="not a demo's"):
            find_mark(tmp_path, resume=resume)


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(ConfigError, match="not a folder"):
        find_mark(path, resume=True)


def test_demo_goes_on_only_with_resume(tmp_path: Path) -> None:
    claim(tmp_path, A_MARK).lock.close()
    assert find_mark(tmp_path, resume=True) == A_MARK
    with pytest.raises(ConfigError, match="--resume"):
        find_mark(tmp_path, resume=False)


def test_second_demo_in_one_folder_is_refused(tmp_path: Path) -> None:
    first = claim(tmp_path, A_MARK)
    with pytest.raises(ConfigError, match="another demo runs"):
        claim(tmp_path, A_MARK, patience_s=0.0)
    first.lock.close()
    claim(tmp_path, A_MARK).lock.close()


def test_child_of_a_killed_demo_is_waited_for(tmp_path: Path) -> None:
    """It still holds ports, the store and the chain; the run that goes on needs them."""
    first = claim(tmp_path, A_MARK)
    program = "import time; time.sleep(0.5)"
    with subprocess.Popen([sys.executable, "-c", program], pass_fds=(first.lock.fileno(),)) as one:
        first.lock.close()  # as a kill does
        claim(tmp_path, A_MARK).lock.close()
        assert one.poll() is not None or one.wait(1.0) == 0


def test_folder_in_which_a_demo_was_killed_before_its_mark_is_as_new(tmp_path: Path) -> None:
    (tmp_path / f".{MARK}.new").write_text("{")
    assert find_mark(tmp_path, resume=False) is None
    claim(tmp_path, A_MARK).lock.close()
    assert find_mark(tmp_path, resume=True) == A_MARK


def test_mark_that_was_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("{}")
    with pytest.raises(ConfigError, match=MARK):
        find_mark(tmp_path, resume=True)


def test_path_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with pytest.raises(ConfigError, match="too long a path"):
        claim(deep, A_MARK)
    assert not deep.exists()


def test_ports_are_all_different() -> None:
    ports = free_ports([f"m{n}" for n in range(5)])
    numbers = [number for one in ports.values() for number in (one.http, one.grpc)]
    assert len(set(numbers)) == 10


def test_no_outgoing_connection_can_take_a_port_while_its_node_is_away() -> None:
    """Else a node that was killed could not be started again on its port, now and then."""
    ports = free_ports([f"m{n}" for n in range(50)])
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(given.read_text().split()[0]) if given.exists() else 49_152
    assert max(max(one.http, one.grpc) for one in ports.values()) < lowest


def test_port_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        number = other.getsockname()[1]
        monkeypatch.setattr(chain.ports, "LOWEST", number)
        monkeypatch.setattr(chain.ports, "HIGHEST", number + 1)
        with pytest.raises(ChainError):
            chain.ports.free_port()
    assert chain.ports.free_port() == number


def test_document_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    replace_json(path, {"name": "株洲"})
    replace_json(path, {"name": "十堰"})
    assert path.read_text("utf-8") == '{\n  "name": "十堰"\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["network.json"]


def test_private_folder_is_its_owners_alone_even_if_it_was_open(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    for folder in (tmp_path / "old", tmp_path / "new"):
        make_private(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nodes_have_files_of_their_own_unless_the_environment_names_databases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(DATABASE, raising=False)
    assert wanted_database() == OWN_FILE
    monkeypatch.setenv(DATABASE, "postgresql://me@/demo_{centre}?host=/run")
    assert wanted_database() == "postgresql://me@/demo_{centre}?host=/run"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///one_for_all",
        "postgresql://me:secret@host/{centre}",
        "postgresql://:secret@host/{centre}",
        "postgresql://me@host/{centre}?password=secret",
        "postgresql://me@host/{centre}?sslmode=require&sslpassword=secret",
    ],
)
def test_address_of_databases_that_is_no_use_or_holds_a_password_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, url)
    with pytest.raises(ConfigError) as caught:
        wanted_database()
    assert "secret" not in str(caught.value)


def test_demo_that_began_before_databases_could_be_named_goes_on(tmp_path: Path) -> None:
    old = '{"tender":"t-1","rules":"jp-tsuchiura","centres":3,"ports":{}}'
    (tmp_path / MARK).write_text(old, "utf-8")
    mark = find_mark(tmp_path, resume=True)
    assert mark is not None
    assert mark.database == OWN_FILE
