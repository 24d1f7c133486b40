"""What `fsck` says where a store is not as it must be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from node.core.errors import NodeError


class Difference(Exception):  # noqa: N818 - not an error of the program: what it looks for
    """The first thing of a part that differs: where, and how."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(where)
        self.where, self.detail = where, detail


@contextmanager
def looking_at(where: str) -> Iterator[None]:
    """Turn an error of ours into the difference at this place."""
    try:
        yield
    except NodeError as error:
        raise Difference(where, str(error)) from error
