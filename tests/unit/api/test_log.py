"""`/log` and `/witness` as C2SP says: content types, caching, one spelling of a tile."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from api.limits import MAX_BODY
from node.core.log.tiles import ENTRIES, Tile
from node.services.reads import WitnessAnswer
from tests.simulators.reads import SimulatedReads

NOTE = "zhuzhou.example/log\n4\nAAAA\n\n\u2014 zhuzhou.example/log AAAA\n"


def test_checkpoint_is_text_that_nobody_keeps(http: TestClient, reads: SimulatedReads) -> None:
    reads.note = NOTE
    said = http.get("/log/checkpoint")
    assert (said.status_code, said.content) == (200, NOTE.encode())
    assert said.headers["content-type"] == "text/plain; charset=utf-8"
    assert said.headers["cache-control"] == "no-cache"


def test_log_without_checkpoint_says_so(http: TestClient) -> None:
    said = http.get("/log/checkpoint")
    assert (said.status_code, said.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("0/000", Tile(0, 0)),
        ("1/x001/x234/067", Tile(1, 1_234_067)),
        ("0/000.p/4", Tile(0, 0, 4)),
        ("entries/x001/000.p/255", Tile(ENTRIES, 1000, 255)),
    ],
)
def test_tile_is_bytes_that_everybody_may_keep(
    http: TestClient, reads: SimulatedReads, path: str, tile: Tile
) -> None:
    reads.tiles[tile] = b"\xff\0tile"
    said = http.get(f"/log/tile/{path}")
    assert (said.status_code, said.content) == (200, b"\xff\0tile")
    assert said.headers["content-type"] == "application/octet-stream"
    assert said.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_tile_of_no_checkpoint_is_not_there_and_not_kept(http: TestClient) -> None:
    said = http.get("/log/tile/0/000")
    assert (said.status_code, said.json()["code"]) == (404, "not-found")
    assert said.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "0/00",
        "0/0000",
        "0/x000/000",
        "00/000",
        "64/000",
        "-1/000",
        "0/000.p/256",
        "0/000.p/0",
        "0/000.p/04",
        "0/000.p/",
        "0//000",
        "0/000/",
        "0/000%00",
        "0/000%0a",
        "0/%2e%2e/0/000",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "entries/%2e%2e/000",
        "0/\u0660\u0660\u0660",
        "0/" + "x999/" * 30 + "999",
    ],
)
def test_path_traversal_and_other_spellings_name_no_tile(
    http: TestClient, reads: SimulatedReads, path: str
) -> None:
    reads.tiles[Tile(0, 0)] = b"secret"
    said = http.get(f"http://testserver/log/tile/{path}")
    assert (said.status_code, said.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("status", "content_type"),
    [
        (200, "text/plain; charset=utf-8"),
        (404, "text/plain; charset=utf-8"),
        (409, "text/x.tlog.size"),
    ],
)
def test_witness_answers_in_c2sp_words(
    http: TestClient, reads: SimulatedReads, status: int, content_type: str
) -> None:
    reads.answer = WitnessAnswer(status, b"20852014\n", content_type)
    said = http.post("/witness/add-checkpoint", content=b"old 0\n\n")
    assert (said.status_code, said.content) == (status, b"20852014\n")
    assert said.headers["content-type"] == content_type
    assert reads.bodies == [b"old 0\n\n"]


def test_body_of_the_greatest_size_is_read(http: TestClient, reads: SimulatedReads) -> None:
    http.post("/witness/add-checkpoint", content=b"x" * MAX_BODY)
    assert len(reads.bodies[0]) == MAX_BODY


def test_huge_body_is_refused_by_its_announced_length(
    http: TestClient, reads: SimulatedReads
) -> None:
    said = http.post("/witness/add-checkpoint", content=b"x" * (MAX_BODY + 1))
    assert (said.status_code, said.json()["code"]) == (413, "limit")
    assert said.headers["connection"] == "close"
    assert reads.bodies == []


def test_endless_body_without_a_length_is_cut(http: TestClient, reads: SimulatedReads) -> None:
    said = http.post("/witness/add-checkpoint", content=iter([b"x" * 65536] * 64))
    assert (said.status_code, said.json()["code"]) == (413, "limit")
    assert reads.bodies == []


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"9" * 4000, b"\xb2"])
def test_length_that_is_no_number_is_refused(http: TestClient, length: bytes) -> None:
    said = http.post("/witness/add-checkpoint", content=b"", headers={b"content-length": length})
    assert (said.status_code, said.json()["code"]) == (413, "limit")
