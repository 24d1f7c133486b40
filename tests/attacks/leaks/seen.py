"""What a search need not look at again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """What one party's things were searched for already, by marks of layers and by runs.

    What a piece holds does not depend on whose it is: where nothing was found in the whole of it,
    all that it is made of is `clean`, for every party that shares that set. What was seen in a
    piece with a find is passed over for this party only, which was told of it.
    """

    clean: set[bytes] = field(default_factory=set)
    _told: set[bytes] = field(default_factory=set)
    _piece: set[bytes] = field(default_factory=set)
    _is_whole: bool = True

    def new(self, marks: set[bytes]) -> set[bytes]:
        """Those that are to be looked at now; they count as seen from here on."""
        marks = marks - self.clean - self._piece
        new = marks - self._told
        self._is_whole = self._is_whole and len(new) == len(marks)
        self._piece |= new
        return new

    def end(self, *, found: bool) -> None:
        """A piece is over."""
        kept = self._told if found or not self._is_whole else self.clean
        kept |= self._piece
        self._piece, self._is_whole = set(), True
