"""The published JSON Schemas are those of the code, and they say the same as the decoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.core.records.canonical import encode
from node.core.records.kinds import KINDS
from node.core.records.kinds.schema import schemas
from tests.world.session import SCRIPTS, world

PUBLISHED = Path(__file__).parents[3] / "deploy" / "docs" / "kinds.schema.json"


def test_the_published_document_is_current() -> None:
    """`yuanping kinds > deploy/docs/kinds.schema.json` makes it anew."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == json.loads(json.dumps(schemas()))


def test_every_kind_of_the_closed_list_has_its_schema() -> None:
    assert set(KINDS) <= set(schemas()["properties"])


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_every_body_of_a_whole_tender_has_exactly_the_members_of_its_schema(name: str) -> None:
    document = schemas()
    for said in world(name).said:
        kind, body = said.placed.header.type, said.placed.body
        schema = document["$defs"][type(body).__name__]
        told = json.loads(encode(body))
        assert set(schema["required"]) <= told.keys() <= schema["properties"].keys(), kind
        assert schema["additionalProperties"] is False
