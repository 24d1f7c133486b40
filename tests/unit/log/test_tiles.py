"""Tile paths, which tiles a growth brings, and what stands in them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from node.core.errors import LogError
from node.core.log.merkle import leaf_hash, root_of
from node.core.log.tiles import (
    ENTRIES,
    Tile,
    bundle_bytes,
    parse_bundle,
    parse_tile,
    parse_tile_path,
    tile_bytes,
    tiles_of,
)
from tests.vectors.log.keyring import entry, tree

PATHS = {
    "tile/0/000": Tile(0, 0),
    "tile/0/000.p/5": Tile(0, 0, 5),
    "tile/0/x001/234.p/5": Tile(0, 1234, 5),
    "tile/63/x001/x234/067": Tile(63, 1234067),
    "tile/1/999.p/255": Tile(1, 999, 255),
    "tile/2/x001/000.p/1": Tile(2, 1000, 1),
    "tile/entries/x001/x234/067.p/9": Tile(ENTRIES, 1234067, 9),
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_read_back(path: str) -> None:
    assert parse_tile_path(path) == PATHS[path]
    assert PATHS[path].path() == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/Entries/000",
        "tile/data/000",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001/x002",
        "tile/0/٠٠٠",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/05",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/.p/5",
        "tile/0.p/5",
        "tile/0/000.p/5/5",
        "tile/0/../000",
        "tile/0/000.P/5",
        "tile/0/" + "x999/" * 20 + "999",
        "tile/0/" + "x999/" * 6 + "999",
    ],
)
def test_every_other_path_is_refused(path: str) -> None:
    with pytest.raises(LogError):
        parse_tile_path(path)


def test_the_example_of_the_specification() -> None:
    """C2SP tlog-tiles, Partial Tiles: a tree of size 70,000."""
    tiles = [t for t in tiles_of(0, 70_000) if t.level >= 0]
    full = [sum(t.level == level and t.width == 256 for t in tiles) for level in range(3)]
    assert full == [273, 1, 0]
    assert [t for t in tiles if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_one_full_tile_and_one_of_width_1() -> None:
    assert list(tiles_of(0, 256)) == [Tile(ENTRIES, 0), Tile(0, 0), Tile(1, 0, 1)]


def test_growth_names_only_what_changed() -> None:
    assert list(tiles_of(300, 300)) == []
    assert list(tiles_of(0, 0)) == []
    assert list(tiles_of(300, 304)) == [Tile(ENTRIES, 1, 48), Tile(0, 1, 48)]
    assert Tile(0, 1, 256) in list(tiles_of(511, 513))
    for old, new in ((5, 4), (-1, 4)):
        with pytest.raises(LogError):
            list(tiles_of(old, new))


def test_steps_bring_what_one_leap_brings() -> None:
    sizes = [0, 1, 4, 255, 256, 257, 511, 512, 600]
    stepped = {t for a, b in pairwise(sizes) for t in tiles_of(a, b)}
    assert set(tiles_of(0, 600)) <= stepped
    assert all(t.is_in(600) for t in stepped)
    assert not Tile(0, 2, 89).is_in(600)
    assert Tile(0, 2, 88).is_in(600)
    assert not Tile(1, 0, 3).is_in(600)


def test_upper_tiles_hash_full_lower_tiles() -> None:
    grown = tree(600)
    lower = [parse_tile(tile_bytes(grown, Tile(0, i)), 256) for i in range(2)]
    assert lower[1][3] == leaf_hash(entry(259))
    upper = parse_tile(tile_bytes(grown, Tile(1, 0, 2)), 2)
    assert upper == tuple(root_of(hashes) for hashes in lower)


@pytest.mark.parametrize("tile", [Tile(0, 2, 89), Tile(1, 0, 3), Tile(5, 0, 1), Tile(ENTRIES, 0)])
def test_no_tile_beyond_the_tree(tile: Tile) -> None:
    with pytest.raises(LogError):
        tile_bytes(tree(600), tile)


@pytest.mark.parametrize("bad", [(0, -1, 5), (0, 0, 0), (0, 0, 257), (64, 0, 1), (-2, 0, 1)])
def test_no_tile_without_a_name(bad: tuple[int, int, int]) -> None:
    with pytest.raises(LogError):
        Tile(*bad)


def test_bundles_hold_the_entries_of_the_level_0_tile() -> None:
    entries = tuple(entry(i) for i in range(7))
    data = bundle_bytes(entries)
    assert len(data) == 7 * 34
    assert data[:2] == b"\x00\x20"
    assert parse_bundle(data, 7) == entries
    leaves = parse_tile(tile_bytes(tree(7), Tile(0, 0, 7)), 7)
    assert tuple(leaf_hash(e) for e in parse_bundle(data, 7)) == leaves


def test_bundles_hold_nothing_else() -> None:
    data = bundle_bytes([entry(0), entry(1)])
    for wrong, width in (
        (data, 1),
        (data, 3),
        (data[:-1], 2),
        (data + b"\0", 2),
        (b"", 0),
        (b"\x00\x1f" + data[2:], 2),
        (data[:34] + b"\x01\x20" + data[36:], 2),
    ):
        with pytest.raises(LogError):
            parse_bundle(wrong, width)
    for entries in ([], [entry(0)] * 257, [b"short"]):
        with pytest.raises(LogError):
            bundle_bytes(entries)
    for raw, width in ((b"", 0), (b"x" * 33, 1), (b"x" * 64, 1), (b"x" * 32 * 257, 257)):
        with pytest.raises(LogError):
            parse_tile(raw, width)
