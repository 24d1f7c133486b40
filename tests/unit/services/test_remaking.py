"""Making a lost tick anew: what it had taken of many streams within one second."""

from __future__ import annotations

from hashlib import sha256

from node.core.log.merkle import Tree, leaf_hash
from node.core.records.place import entry_bytes
from node.services.remaking import MOST_STREAMS, Remaker, padding

SECRET = b"s" * 32


def second(streams: int) -> list[list[str]]:
    """One place of each of so many streams, written to within the same second."""
    return [[sha256(number.to_bytes(4, "big")).hexdigest()] for number in range(streams)]


def tick_of(places: list[str], width: int) -> list[bytes]:
    """The entries of the first tick of a log with these places."""
    entries = [entry_bytes(entry) for entry in places]
    return sorted(entries + [padding(SECRET, 0, n) for n in range(width - len(places))])


def root_of(entries: list[bytes]) -> str:
    """The root over them."""
    return Tree(leaf_hash(entry) for entry in entries).root().hex()


def remade(streams: int, size: int, root: str) -> list[list[bytes]] | None:
    """What is made anew for a tree of this size and root, from an empty log."""
    return Remaker(SECRET, 16, pad=True).ticks(Tree(), size, root, [second(streams)])


def test_tick_that_took_some_of_a_second_is_found() -> None:
    waiting = [places[0] for places in second(12)]
    for taken in ([], waiting[:1], waiting[3:5], waiting[:11], waiting):
        entries = tick_of(taken, 16)
        assert remade(12, 16, root_of(entries)) == [entries]


def test_false_root_over_a_second_of_many_streams_is_given_up_soon() -> None:
    # 2 to the power of 60 ticks could have been: a search through all of them never ends.
    assert remade(60, 64, "00" * 32) is None


def test_of_very_many_streams_the_whole_second_is_tried() -> None:
    streams = MOST_STREAMS + 1
    places = [one[0] for one in second(streams)]
    entries = tick_of(places, 1024)
    assert remade(streams, 1024, root_of(entries)) == [entries]
    assert remade(streams, 1024, root_of(tick_of(places[1:], 1024))) is None
