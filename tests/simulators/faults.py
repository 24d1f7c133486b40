"""A store that fails at one chosen write: before it, or after it had happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

from node.core.errors import UnavailableError
from node.services.ports import Store

WRITES = ("commit", "publish", "mirror", "set_quorum", "set_witnessed", "put_fact", "done")
How = Literal["lost", "kept", "killed-before", "killed-after"]
HOWS: tuple[How, ...] = ("lost", "kept", "killed-before", "killed-after")


class Killed(Exception):  # noqa: N818 - no error of ours: the process is gone
    """The process died here."""


class FaultyStore:
    """Counts the writes of another store, and fails once: at write number `at` (from 1)."""

    def __init__(self, store: Store, at: int, how: How) -> None:
        self.store = store
        self.at = at
        self.how = how
        self.writes = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of the port
        method = getattr(self.store, name)
        return self._watched(method) if name in WRITES else method

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on as it is
            self.writes += 1
            if self.writes != self.at:
                return method(*args, **kwargs)
            if self.how in ("kept", "killed-after"):
                method(*args, **kwargs)
            if self.how in ("lost", "kept"):
                raise UnavailableError("the disk failed", code="store")
            raise Killed

        return call


def faulty(store: Store, at: int, how: How) -> tuple[Store, FaultyStore]:
    """The faulty store as a `Store`, and itself for its count."""
    made = FaultyStore(store, at, how)
    return cast("Store", made), made
