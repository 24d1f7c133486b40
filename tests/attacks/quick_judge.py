"""The verifier as it is, with its pure parts remembered: thousands of files that differ in a byte.

Nothing is left out: each remembered function is pure, so the same question has the same answer.
Only the first broken link is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType

import pytest

from node.core.evidence import (
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
from node.core.records.canonical import encode

PURE: tuple[tuple[ModuleType, str], ...] = (
    (bundle, "open_envelope"),
    (bundle, "decode_body"),
    (bundle, "parse_note"),
    (bundle, "parse_checkpoint"),
    (bundle, "what_hash"),
    (bundle, "where_hash"),
    (bundle, "entry_hash"),
    (cosignatures, "check_in_eras"),
    (registry, "verify_note"),
    (signatures, "body_digest"),
    (signatures, "check_signature"),
    (streams, "check_consistency"),
    (streams, "check_inclusion"),
    (streams, "leaf_hash"),
)


PARTS: tuple[tuple[ModuleType, str], ...] = (
    (signatures, "_check_stream"),
    (streams, "_check_chain"),
    (streams, "_check_heads"),
    (streams, "_check_included"),
)
"""Checks of one stream by itself: of the good file's streams they have been run once already."""


@contextmanager
def remembering(good: bytes) -> Iterator[None]:
    """While this lasts, pure functions of the verifier remember their answers.

    So do the checks of single streams, for those streams that are byte for byte the good file's.
    """
    evidence = bundle.read_evidence(good)
    pairs = zip(evidence.form.streams, evidence.streams, strict=True)
    read = {(stream.path, encode(form)): stream for form, stream in pairs}
    with pytest.MonkeyPatch.context() as patch:
        for module, name in PURE:
            patch.setattr(module, name, lru_cache(maxsize=20_000)(getattr(module, name)))
        for module, name in PARTS:
            patch.setattr(module, name, _once(getattr(module, name), read.values()))
        patch.setattr(bundle, "_stream", _known(bundle._stream, read))
        yield


def _known(
    real: Callable[[str, bundle.StreamForm], bundle.Stream],
    read: Mapping[tuple[str, bytes], bundle.Stream],
) -> Callable[[str, bundle.StreamForm], bundle.Stream]:
    """Opens a stream, unless it is one of those read already."""

    def opened(path: str, form: bundle.StreamForm) -> bundle.Stream:
        return read.get((path, encode(form))) or real(path, form)

    return opened


def _once(
    real: Callable[[bundle.Stream], None], read: Collection[bundle.Stream]
) -> Callable[[bundle.Stream], None]:
    """Checks a stream, unless it is one of those that pass: they are checked here, once."""
    for stream in read:
        real(stream)
    passed = {id(stream) for stream in read}

    def checked(stream: bundle.Stream) -> None:
        if id(stream) not in passed:
            real(stream)

    return checked


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
