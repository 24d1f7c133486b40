"""What can go wrong between us and a chain. `node.adapters.ledger` turns these into NodeErrors."""

from __future__ import annotations


class ChainError(Exception):
    """The chain answered and refused. `name` is the contract's custom error, if it gave one.

    Sending the same again cannot help, unless the facts named in the text change.
    """

    def __init__(self, detail: str, *, name: str = "") -> None:
        super().__init__(f"{name}: {detail}" if name else detail)
        self.name = name
        self.detail = detail


class ChainUnavailable(ChainError):  # noqa: N818 - the name other modules were promised
    """No answer, or one that is not a chain's: the outcome is unknown. Read, then try again."""


class JournalRefused(ChainUnavailable):
    """The disk did not take a step, and nothing of it is left: nothing happened. Try again."""
