"""Other people's code judges our log formats, and ours judges theirs.

The oracle is a small Go program over golang.org/x/mod/sumdb (`note`, `tlog`) and transparency-dev's
`formats` and `merkle`. It is built once per source into YUANPING_CACHE.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from node.core.log.cosignature import check_quorum
from node.core.log.merkle import EMPTY_ROOT, Tree, leaf_hash
from node.core.log.note import parse_vkey
from node.core.log.policy import Quorum
from node.core.log.proof import check_consistency, parse_proof
from node.core.log.tiles import parse_tile_path, tile_bytes
from tests.vectors.log.generate import FOLDER

SOURCE = Path(__file__).parent / "log_oracle"
COUNT = 300
BUILD_S = 300


def go(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the Go tool in the oracle's module, without touching its go.mod."""
    command = ["go", *args]
    return subprocess.run(
        command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_S, check=False
    )


@pytest.fixture(scope="module")
def oracle() -> Path:
    """The built oracle. Skips without Go or its modules; a compile error fails."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed: the log formats are not cross-checked")
    sources = [*sorted(SOURCE.glob("*.go")), SOURCE / "go.mod", SOURCE / "go.sum"]
    digest = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("YUANPING_CACHE") or Path.home() / ".cache" / "yuanping")
    program = cache / "log-oracle" / digest
    if not program.exists():
        fetched = go("mod", "download")
        if fetched.returncode:
            last = (fetched.stderr.strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"the oracle's Go modules cannot be fetched: {last}")
        program.parent.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")
        built = go("build", "-o", str(fresh), ".")
        assert built.returncode == 0, built.stderr
        fresh.replace(program)
    return program


def run(program: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the oracle."""
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=60, check=False)


def test_go_accepts_our_vectors(oracle: Path) -> None:
    judged = run(oracle, "check", str(FOLDER))
    assert judged.returncode == 0, judged.stderr
    assert int(judged.stdout) > 700


def spoil(value: dict[str, Any], what: str) -> None:
    """Change one hash, time or byte of a vector file."""
    if what == "trees":
        value["trees"][-1]["consistency"][3][0] = "00" * 32
    elif what == "quorums":
        value["cases"][0]["times"][0] += 1
    elif what == "proof":
        value["leaf"] = "00" * 32
    else:
        tile = next(t for t in value["tiles"] if t["path"].startswith(what))
        tile["data"] = "ff" + tile["data"][2:]


SPOILT = {
    "trees": "trees",
    "quorums": "quorums",
    "proof": "proof",
    "tile/0/000": "tiles",
    "tile/0/001.p/": "tiles",
    "tile/1/": "tiles",
    "tile/entries/000": "tiles",
    "tile/entries/001.p/": "tiles",
}


@pytest.mark.parametrize("what", SPOILT)
def test_go_refuses_a_changed_vector(oracle: Path, what: str, tmp_path: Path) -> None:
    """The oracle judges indeed: it refuses what it accepted, with one byte changed."""
    for path in FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    target = tmp_path / f"{SPOILT[what]}.json"
    value = json.loads(target.read_text("utf-8"))
    spoil(value, what)
    target.write_text(json.dumps(value), "utf-8")
    assert run(oracle, "check", str(tmp_path)).returncode == 1


@pytest.fixture(scope="module")
def made(oracle: Path) -> dict[str, Any]:
    """A log of COUNT entries, all of it made by Go."""
    answer = run(oracle, "make", str(COUNT))
    assert answer.returncode == 0, answer.stderr
    value: dict[str, Any] = json.loads(answer.stdout)
    return value


@pytest.fixture(scope="module")
def same() -> Tree:
    """The same log, made by us."""
    return Tree(leaf_hash(sha256(b"go %d" % i).digest()) for i in range(COUNT))


def test_we_accept_notes_and_cosignatures_of_go(made: dict[str, Any], same: Tree) -> None:
    log, witness = parse_vkey(made["log"]), parse_vkey(made["witness"])
    proven = check_quorum(made["note"], Quorum(log, (witness,), 1))
    assert (proven.checkpoint.size, proven.checkpoint.root) == (COUNT, same.root())
    assert proven.times[0] > 1_700_000_000
    assert proven.note.encode() == made["note"]
    assert (log.encode(), witness.encode()) == (made["log"], made["witness"])


def test_we_accept_proof_files_of_go_and_make_the_same(made: dict[str, Any], same: Tree) -> None:
    for index, text in enumerate(made["proofs"]):
        proof = parse_proof(text)
        proof.check(same.leaf(index))
        assert proof.encode() == text
        assert proof.proof == same.inclusion(index, COUNT)
        assert proof.extra == (b"odd" if index % 2 else None)


def test_we_accept_consistency_proofs_of_go_and_make_the_same(
    made: dict[str, Any], same: Tree
) -> None:
    assert made["roots"][0] == EMPTY_ROOT.hex()
    for old, path in enumerate(made["consistency"]):
        steps = tuple(bytes.fromhex(step) for step in path)
        root = bytes.fromhex(made["roots"][old])
        assert root == same.root(old)
        check_consistency(old, root, COUNT, same.root(), steps)
        assert steps == same.consistency(old, COUNT)


def test_we_make_the_tiles_of_go(made: dict[str, Any], same: Tree) -> None:
    assert len(made["tiles"]) == 3  # 256 leaves, 44 leaves, one hash above
    for path, data in made["tiles"].items():
        assert tile_bytes(same, parse_tile_path(path)).hex() == data
