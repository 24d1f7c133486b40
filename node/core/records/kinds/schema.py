"""JSON Schemas of every body, for whoever writes the other side in another language.

Made from the very structures that decode bodies, so they cannot disagree. A schema says form
only; that bytes are canonical (RFC 8785) and what the rules allow stands in protocol and folds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from node.core.records.envelope import Header
from node.core.records.kinds import KINDS
from node.core.records.kinds.session import ScoreSheet
from node.core.records.kinds.tender import BidPackage

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Any]:
    """One document: the header, every body by record type, and what lies in boxes."""
    extra = {"header": Header, "bid.json": BidPackage, "sheet.json": ScoreSheet}
    named = {**extra, **KINDS}
    found, parts = msgspec.json.schema_components(named.values(), ref_template="#/$defs/{name}")
    return {
        "$defs": parts,
        "$schema": DIALECT,
        "properties": dict(zip(named, found, strict=True)),
        "title": "Yuanping: header and bodies of records",
        "type": "object",
    }
