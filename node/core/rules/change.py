"""How states change: a frozen value with other members, a frozen mapping with one more item.

Every record of every stream changes a state of forty members at each node that follows it, some of
them several times. So both copy what is there as a whole, and ask for no member by name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    # mypy knows this one, and checks names and types of the members.
    from dataclasses import replace

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


def put(mapping: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """A new mapping with one more item; the old one stays as it was."""
    if isinstance(mapping, MappingProxyType):
        return MappingProxyType(mapping | {key: value})  # copies the dict below, not item by item
    return MappingProxyType({**mapping, key: value})


if not TYPE_CHECKING:

    def replace(state: T, /, **changes: object) -> T:
        """`dataclasses.replace` for frozen dataclasses without slots, ten times as fast."""
        held = state.__dict__
        members = held | changes
        if len(members) != len(held):
            raise TypeError(f"{type(state).__name__} has no {sorted(changes.keys() - held.keys())}")
        changed = object.__new__(type(state))
        object.__setattr__(changed, "__dict__", members)  # past the freezing, one copy for all
        return changed


__all__ = ["put", "replace"]
