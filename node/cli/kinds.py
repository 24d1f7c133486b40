"""`yuanping kinds`: the JSON Schemas of all records."""

from __future__ import annotations

import json
import sys


def kinds() -> None:
    """Write one JSON document with the schema of the header and of every body."""
    from node.core.records.kinds.schema import schemas

    text = json.dumps(schemas(), ensure_ascii=False, indent=1, sort_keys=True)
    sys.stdout.write(text + "\n")
