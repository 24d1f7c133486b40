"""The committed JSON Schemas are those of the code, and every record of a real file fits them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from node.core.records.kinds import KINDS
from tests.vectors.schemas.generate import TARGET, text
from tests.world.session import evidence

SCHEMA: dict[str, Any] = json.loads(TARGET.read_text("utf-8"))


def test_committed_schemas_are_the_codes() -> None:
    assert TARGET.read_text("utf-8") == text(), "run: python -m tests.vectors.schemas.generate"
    assert set(SCHEMA["bodies"]) == set(KINDS)


def fits(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - any JSON
    """A small validator of the keywords that the schemas use."""
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    checks = {"object": fits_object, "array": fits_array, "string": fits_string}
    kind = schema.get("type")
    if kind in checks:
        return checks[kind](value, schema)
    if kind == "integer":
        return isinstance(value, int) and value >= schema.get("minimum", 0)
    return kind != "boolean" or isinstance(value, bool)


def fits_object(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - any JSON
    """Members known, required ones there."""
    known = schema["properties"]
    return (
        isinstance(value, dict)
        and set(schema.get("required", ())) <= set(value) <= set(known)
        and all(fits(one, known[name]) for name, one in value.items())
    )


def fits_array(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - any JSON
    """Length and items."""
    items = schema.get("items") or {}
    if not isinstance(value, list) or len(value) < schema.get("minItems", 0):
        return False
    return all(fits(one, items) for one in value) if isinstance(items, dict) else True


def fits_string(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - any JSON
    """Pattern."""
    return isinstance(value, str) and bool(re.search(schema.get("pattern", ""), value))


def test_every_part_of_real_files_fits() -> None:
    for name, reader in (("jp-tie", "public"), ("cn", "regulator")):
        file = json.loads(evidence(name, reader))
        assert fits(file, SCHEMA["whole"]["evidence"])
        for place in (place for stream in file["streams"] for place in stream["places"]):
            if "envelope" not in place:
                continue
            header = json.loads(base64.b64decode(place["envelope"]["payload"]))
            assert fits(header, SCHEMA["whole"]["header"])
            if "body" in place:
                body = SCHEMA["bodies"][header["type"]]
                assert fits(place["body"], body)
                assert not fits({**place["body"], "extra": 1}, body)
