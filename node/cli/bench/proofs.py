"""log.proofs: inclusion proofs of places all over a log, under its newest size.

Floor: the hashes that whoever checks such a proof must compute, by hashlib and nothing else. Goal
0.5: a node that gives a proof should not work more than twice as long as the one who asks, or a
crowd of readers could keep it busy with less effort than it costs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from node.cli.bench.measure import Pair, Work
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.proof import check_inclusion

if TYPE_CHECKING:
    from node.cli.bench.setting import Setting

STEP = 7919
"""Places asked for lie so far apart; a prime, so that all parts of the tree are visited."""


def proofs(setting: Setting) -> Pair:
    """Make proofs from a tree of a million leaves, or 65,536 for a quick look."""
    size = setting.amount(1_000_000, 65_536)
    count = setting.amount(20_000, 2_000)
    tree = Tree(leaf_hash(number.to_bytes(32, "big")) for number in range(size))
    indexes = [number * STEP % size for number in range(count)]
    paths = [tree.inclusion(index, size) for index in indexes]
    for index, path in zip(indexes[:100], paths, strict=False):
        check_inclusion(leaf_hash(index.to_bytes(32, "big")), index, size, path, tree.root())

    def value() -> Work:
        def work() -> int:
            for index in indexes:
                tree.inclusion(index, size)
            return count

        return work

    return Pair(value, lambda: lambda: hash_paths(paths))


def hash_paths(paths: Sequence[Sequence[bytes]]) -> int:
    """The floor: one SHA-256 of a prefix and two hashes for each hash of each path."""
    for path in paths:
        total = bytes(32)
        for sibling in path:
            total = sha256(b"\x01" + sibling + total).digest()
    return len(paths)
