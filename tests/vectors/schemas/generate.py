"""Writes deploy/docs/schemas.json: JSON Schemas of everything in evidence, from the closed lists.

Run `python -m tests.vectors.schemas.generate`; a test compares. Strings that JSON Schema cannot
tell (canonical base64, RFC 8785 bytes, order of lists) are told in evidence-format.md.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from node.core.evidence.bundle import EvidenceForm
from node.core.evidence.trust import TrustForm
from node.core.records.envelope import Envelope, Header
from node.core.records.kinds import KINDS
from node.core.records.kinds.session import ScoreSheet
from node.core.records.kinds.tender import BidPackage
from node.core.records.place import Extra, What, Where
from tests.conftest import ROOT

TARGET = ROOT / "deploy" / "docs" / "schemas.json"
WHOLE = {
    "evidence": EvidenceForm,
    "trust": TrustForm,
    "envelope": Envelope,
    "header": Header,
    "what": What,
    "where": Where,
    "receipt extra": Extra,
    "bid.json": BidPackage,
    "sheet.json": ScoreSheet,
}


def document() -> dict[str, Any]:
    """All schemas: whole things by name, bodies by record type, and their parts."""
    kinds = dict(sorted(KINDS.items()))
    found, parts = msgspec.json.schema_components([*WHOLE.values(), *kinds.values()])
    references = list(found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "bodies": dict(zip(kinds, references[len(WHOLE) :], strict=True)),
        "whole": dict(zip(WHOLE, references[: len(WHOLE)], strict=True)),
        "$defs": {name: without_null(part) for name, part in sorted(parts.items())},
    }


def without_null(node: Any) -> Any:  # noqa: ANN401 - a schema of any shape
    """What may be absent is absent, never null; an unset body has no schema of its own here."""
    if isinstance(node, list):
        return [without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: without_null(value) for key, value in node.items() if key != "default"}
    options = [one for one in kept.get("anyOf", []) if one != {"type": "null"}]
    if len(options) == 1:
        return {**{k: v for k, v in kept.items() if k != "anyOf"}, **options[0]}
    return kept | ({"anyOf": options} if options else {})


def text() -> str:
    """The file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
