"""The text of a new node's config.toml."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

CONFIG: Final = """\
# {about}
[centre]
id = "{id}"
role = "{role}"
name_zh = {name_zh}
name_en = {name_en}

[http]
listen = "{http}"{http_advertise}

[grpc]
listen = "{grpc}"{grpc_advertise}

[store]
database_url = {database_url}
blobs = "data/blobs"

[keys]
dir = "keys"

[chain]
kind = "anvil"
rpc = "{rpc}"
registry = "{registry}"

[log]
origin = "{origin}"
tick_ms = {tick_ms}
smallest_tick = {smallest_tick}

[clock]
source = "{clock}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A configuration that `read_settings` accepts; `about` is its first line, a comment."""

    about: str
    id: str
    role: str
    name_zh: str
    name_en: str
    http: str
    grpc: str
    rpc: str
    registry: str
    origin: str
    tick_ms: int
    smallest_tick: int
    clock: str
    database_url: str = "sqlite:///data/node.db"
    http_advertise: str | None = None
    grpc_advertise: str | None = None

    def text(self) -> str:
        """The file's text."""
        # A JSON string of printable text is a TOML string.
        quoted = {
            name: json.dumps(getattr(self, name), ensure_ascii=False)
            for name in ("name_zh", "name_en", "database_url")
        }
        lines = {
            name: "" if value is None else f"\nadvertise = {json.dumps(value)}"
            for name in ("http_advertise", "grpc_advertise")
            for value in (getattr(self, name),)
        }
        return CONFIG.format(**(asdict(self) | quoted | lines))
