"""Golden vectors of the log formats: the files are what the generator writes, and they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.core.errors import LogError
from node.core.log.cosignature import check_quorum, existed_by
from node.core.log.merkle import leaf_hash, root_of
from node.core.log.note import ED25519, VerifierKey, is_signed
from node.core.log.policy import parse_policy, quorum_of
from node.core.log.proof import check_consistency, check_inclusion, parse_proof
from node.core.log.tiles import ENTRIES, parse_bundle, parse_tile, parse_tile_path
from node.core.log.witness import Accept, judge, malformed, parse_request
from tests.vectors.log.generate import FOLDER, build, written
from tests.vectors.log.keyring import LOG, NOON, ORIGIN, entry


def read(stem: str) -> Any:  # noqa: ANN401 - JSON of several shapes
    """Read one committed vector file."""
    return json.loads((FOLDER / f"{stem}.json").read_text("utf-8"))


QUORUMS, EDGES, REQUESTS = read("quorums"), read("ed25519"), read("requests")


def test_the_generator_writes_what_is_committed() -> None:
    made = build()
    assert {p.stem for p in FOLDER.glob("*.json")} == set(made)
    for stem, value in made.items():
        assert (FOLDER / f"{stem}.json").read_text("utf-8") == written(value), stem


def test_trees() -> None:
    vectors = read("trees")
    roots = {0: vectors["empty"]} | {t["size"]: t["root"] for t in vectors["trees"]}
    for case in vectors["trees"]:
        size, root = case["size"], bytes.fromhex(case["root"])
        leaves = [leaf_hash(entry(i)) for i in range(size)]
        assert root_of(leaves) == root
        for index, path in enumerate(case["inclusion"]):
            check_inclusion(leaves[index], index, size, [bytes.fromhex(h) for h in path], root)
        for old, path in enumerate(case["consistency"]):
            before = bytes.fromhex(roots.get(old) or root_of(leaves[:old]).hex())
            check_consistency(old, before, size, root, [bytes.fromhex(h) for h in path])


@pytest.mark.parametrize("case", QUORUMS["cases"], ids=lambda c: c["name"])
def test_quorums(case: dict[str, Any]) -> None:
    quorum = quorum_of(parse_policy(QUORUMS["policy"]), ORIGIN)
    if case["code"] is None:
        proven = check_quorum(case["note"], quorum)
        assert list(proven.times) == case["times"]
        assert proven.checkpoint.size == 13
        assert existed_by(proven.times, 1) == NOON + 5
        return
    with pytest.raises(LogError) as caught:
        check_quorum(case["note"], quorum)
    assert caught.value.code == case["code"]


def test_proof_file() -> None:
    vector = read("proof")
    proof = parse_proof(vector["file"])
    assert (proof.index, proof.extra) == (vector["index"], vector["extra"].encode())
    proof.check(bytes.fromhex(vector["leaf"]))
    assert proof.encode() == vector["file"]


@pytest.mark.parametrize("case", REQUESTS["cases"], ids=lambda c: c["name"])
def test_requests(case: dict[str, Any]) -> None:
    known = (REQUESTS["known"]["size"], bytes.fromhex(REQUESTS["known"]["root"]))
    try:
        answer = judge(known, parse_request(case["body"].encode()), {ORIGIN: [LOG.key]})
    except LogError as error:
        answer = malformed(error)
    assert (200 if isinstance(answer, Accept) else answer.status) == case["status"]


@pytest.mark.parametrize("case", EDGES["cases"], ids=lambda c: c["name"])
def test_ed25519_edges(case: dict[str, Any]) -> None:
    public, signature, message = (
        bytes.fromhex(case[k]) for k in ("public", "signature", "message")
    )
    assert is_signed(message, signature, public) is case["accept"]
    if case["name"].startswith("key"):  # such a key cannot even be named
        with pytest.raises(LogError):
            VerifierKey("a", ED25519, public)


def test_tiles_hash_up_to_the_root() -> None:
    vector = read("tiles")
    data = {parse_tile_path(t["path"]): bytes.fromhex(t["data"]) for t in vector["tiles"]}
    leaves: list[bytes] = []
    entries: list[bytes] = []
    for tile, raw in data.items():
        if tile.level == ENTRIES:
            entries += parse_bundle(raw, tile.width)
        elif tile.level == 0:
            leaves += parse_tile(raw, tile.width)
    assert len(entries) == vector["size"]
    assert [leaf_hash(e) for e in entries] == leaves
    assert root_of(leaves).hex() == vector["root"]
