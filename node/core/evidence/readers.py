"""For whom else a file can be judged: the centres of its streams, the bidders of its bids.

Source: interfaces.md I4 (`--as`). Under a name that nobody bears "nothing withheld" would mean
nothing; so it is said which readers there are. The reader that the file itself names is not asked
for here: `form` judges him.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.evidence.links import LinkError
from node.core.rules.audience import Stage

if TYPE_CHECKING:
    from node.core.evidence.case import Case


def check_reader(case: Case, stage: Stage) -> None:
    """Accept only a reader there is; `stage` is that of the file. Raises LinkError."""
    centres, bidders = _centres(case), _bidders(case)
    role = case.reader.partition(":")[0]
    if role == "centre":
        known, told = centres, (*centres, "bidder:<key id of a bid>")
    elif role == "bidder" and stage >= Stage.BIDS_CLOSED:  # only then all bids are in the file
        known, told = bidders, (*centres, *bidders)
    else:
        return
    if case.reader not in known:
        there = ", ".join(("public", "regulator", *told))
        raise LinkError("reader-unknown", "", f"{case.reader[:80]}; there are {there}")


def _centres(case: Case) -> list[str]:
    """Keepers of the streams; the regulator keeps one too and reads under his own name."""
    roles = {change.id: change.descriptor.role for change in case.evidence.form.registry}
    keepers = {stream.keeper for stream in case.evidence.streams}
    return [f"centre:{keeper}" for keeper in sorted(keepers) if roles.get(keeper) == "centre"]


def _bidders(case: Case) -> list[str]:
    """Authors of the bids, each once, by key."""
    return sorted({place.author for place in case.of_type("bid.sealed/v1")})
