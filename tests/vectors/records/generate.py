"""Make the record vectors: `python -m tests.vectors.records.generate`, then commit.

A test runs `build` again and compares. Each case has a name and `error`: null or the code.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.vectors.records import cases_box, cases_envelope, cases_keys, cases_plain

HERE = Path(__file__).parent


def build() -> dict[str, str]:
    """File name -> text of every vector file."""
    files: dict[str, object] = {
        "canonical": cases_plain.canonical(),
        "values": cases_plain.values(),
        "place": cases_plain.place(),
        "keys": cases_keys.keys(),
        "signatures": cases_keys.signatures(),
        "envelope": cases_envelope.envelopes(),
        "shamir": cases_box.shares(),
        "box": cases_box.boxes(),
        "sealed": cases_box.sealed_shares(),
    }
    return {
        f"{name}.json": json.dumps(cases, indent=1, ensure_ascii=True) + "\n"
        for name, cases in files.items()
    }


if __name__ == "__main__":
    for name, text in build().items():
        (HERE / name).write_text(text, "utf-8")
