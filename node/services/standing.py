"""What a store says of itself: that it is an old copy, and what was lost for good.

Facts, so that they are backed up, restored and committed with what they speak of. The mark is put
there by `yuanping node restore` before the store can be seen, or by a node that notices that others
know more of its log than it does; it is taken away only once it has caught up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from node.services.ports import Store

MARK: Final = "restored/mark"
LOSS: Final = "restored/loss/"
DONE: Final = ""
"""The value of a mark or a loss that is over: facts are set, never removed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An old copy: how it was found out (`restored`, `noticed`), and our log's size in it."""

    how: str
    at: int
    size: int

    def text(self) -> str:
        """As the fact holds it."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that nobody could give back: `place`, `body`, `box` or `record`, by its name."""

    kind: str
    name: str
    detail_zh: str
    detail: str

    @property
    def key(self) -> str:
        """The fact that names it."""
        return f"{LOSS}{self.kind}/{self.name}"


def mark_of(store: Store) -> Mark | None:
    """The mark of an old copy, or None. Blocking."""
    text = store.fact(MARK)
    return Mark(**json.loads(text)) if text else None


def facts_of(losses: Iterable[Loss]) -> Mapping[str, str]:
    """Losses as facts."""
    return {one.key: json.dumps(asdict(one), ensure_ascii=False, sort_keys=True) for one in losses}


def losses_of(store: Store) -> list[Loss]:
    """All that was lost and has not come back since. Blocking."""
    return [Loss(**json.loads(text)) for text in store.facts(LOSS).values() if text]
