"""The node's log file: one JSON object a line on stderr, without secrets or personal data.

Who reads it: the operator and whoever he sends it to. So it must not help the adversary of
architecture 1, who may be that operator: a member of an event whose name says that it holds a
secret is dropped wherever it stands, and of errors that are not ours only type and place are
written, for their text may quote what was just read.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from node.core.errors import NodeError

SECRET: Final = frozenset(
    {"body", "key", "password", "salt", "secret", "seed", "share"}
    | {"expert", "idcard", "person", "phone", "price", "score"}
)
"""Words; a member is dropped if one of them, or its plural, is a word of its name."""
MAX_FRAMES: Final = 12
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

Event = MutableMapping[str, Any]
Fault = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's logging to `stream` (stderr) as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True, key="at"),
        tell_fault,
        drop_secrets,
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=_shown),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def drop_secrets(_logger: object, _method: str, event: Event) -> Event:
    """Leave out, at any depth, members whose name says that they hold a secret."""
    return {
        name: without_secrets(value)
        for name, value in event.items()
        if name.startswith("_") or not is_secret(name)
    }


def without_secrets(value: object) -> object:
    """Give mappings and sequences without secret members; other values as they are."""
    if isinstance(value, Mapping):
        kept = (name for name in value if not is_secret(str(name)))
        return {str(name): without_secrets(value[name]) for name in kept}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(item) for item in value]
    return value


def is_secret(name: str) -> bool:
    """Tell whether a word of the name (`record_key`, `bidKeys`) is one of `SECRET`."""
    words = (word.lower() for word in _WORDS.findall(name))
    return any(word in SECRET or word.removesuffix("s") in SECRET for word in words)


def tell_fault(_logger: object, _method: str, event: Event) -> Event:
    """Replace `exc_info` by what may be written of the error: `error`, `code`, `frames`."""
    fault = _fault_of(event.pop("exc_info", None))
    if fault is None:
        return event
    kind, error, trace = fault
    event["error"] = kind.__name__
    if isinstance(error, NodeError):
        event["code"], event["detail"] = error.code, error.detail
    elif isinstance(error, OSError):
        event["detail"] = error.strerror or ""
    event["frames"] = list(_frames(traceback.extract_tb(trace)))[-MAX_FRAMES:]
    return event


def _fault_of(info: object) -> Fault | None:
    if isinstance(info, BaseException):
        return type(info), info, info.__traceback__
    kind, error, trace = info if isinstance(info, tuple) else sys.exc_info()
    return (kind, error, trace) if info and kind and error else None


def _frames(frames: Iterable[traceback.FrameSummary]) -> Iterable[str]:
    return (f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)


def _shown(value: object) -> str:
    """Write what JSON does not know by its type alone: a text might hold what was dropped."""
    return f"<{type(value).__name__}>"
