"""The verifier as it is, with its pure parts remembered: thousands of files that differ in a byte.

Nothing is left out: each remembered function is pure, so the same question has the same answer.
Only the first broken link is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType

import pytest

from node.core.evidence import (
    anchor_devnet,
    bundle,
    cosignatures,
    registry,
    signatures,
    streams,
)
from node.core.evidence.case import Case
from node.core.evidence.links import LinkError
from node.core.evidence.trust import Trust
from node.core.evidence.verify import run_checks

PURE: tuple[tuple[ModuleType, str], ...] = (
    (anchor_devnet, "keccak256"),
    (bundle, "open_envelope"),
    (bundle, "decode_body"),
    (bundle, "parse_note"),
    (bundle, "parse_checkpoint"),
    (bundle, "what_hash"),
    (bundle, "where_hash"),
    (bundle, "entry_hash"),
    (cosignatures, "check_quorum"),
    (registry, "verify_note"),
    (signatures, "body_digest"),
    (signatures, "check_signature"),
    (streams, "check_consistency"),
    (streams, "check_inclusion"),
    (streams, "leaf_hash"),
)


@contextmanager
def remembering() -> Iterator[None]:
    """While this lasts, pure functions of the verifier remember their answers."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in PURE:
            patch.setattr(module, name, lru_cache(maxsize=20_000)(getattr(module, name)))
        yield


def first_link(data: bytes, trust: Trust) -> tuple[int, LinkError] | None:
    """Check number and link of the first thing that is broken; None if the file is proven."""
    try:
        evidence = bundle.read_evidence(data)
    except LinkError as error:
        return 1, _bare(error)
    for result in run_checks(Case(evidence, trust, evidence.form.reader)):
        if result.broken is not None:
            return result.number, _bare(result.broken)
    return None


def _bare(error: LinkError) -> LinkError:
    """Without the frames it came through: they would keep every file in memory."""
    error.__context__ = None
    return error.with_traceback(None)
