"""No file that differs from a good one in any small way is proven, and each names what is broken.

Both demonstration tenders as the regulator gets them (everything is in there): every leaf, member,
place, note line and header changed, every record signed again, two thousand random bits.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from node.core.evidence.links import SENTENCES
from tests.attacks.mutator import Mutator
from tests.attacks.quick_judge import first_link, remembering
from tests.world.session import evidence, world

FAMILIES = ("leaves", "removed", "doubled", "renamed", "lists", "notes", "headers", "resigned")
FLIPS = 1000
"""Random bits a file; two files."""


@pytest.fixture(scope="module", autouse=True)
def _uncollected() -> Iterator[None]:
    """No garbage collection over millions of short-lived objects: none of them is a cycle."""
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def survivors(name: str, family: str) -> tuple[list[str], Counter[str]]:
    """What passed or broke the verifier itself, and how often each code was named."""
    good, trust = evidence(name, "regulator"), world(name).net.trust()
    mutator = Mutator(good)
    cases = mutator.flips(FLIPS, 7) if family == "flips" else getattr(mutator, family)()
    bad: list[str] = []
    codes: Counter[str] = Counter()
    with remembering(good):
        for what, data in cases:
            found = first_link(data, trust)
            code = "proven" if found is None else found[1].link
            codes[code] += 1
            if code not in SENTENCES or code == "internal":
                bad.append(f"{what}: {code} {found and found[1]}")
    return bad, codes


@pytest.mark.parametrize("family", [*FAMILIES, "flips"])
@pytest.mark.parametrize("name", ["jp", "cn"])
def test_no_small_change_is_proven(name: str, family: str) -> None:
    bad, codes = survivors(name, family)
    assert bad == []
    assert codes.total() >= 300


def test_the_unchanged_file_is_proven() -> None:
    """Else every mutation above would be refused for nothing."""
    for name in ("jp", "cn"):
        assert first_link(evidence(name, "regulator"), world(name).net.trust()) is None
