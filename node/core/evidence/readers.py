"""For whom a file can be made or judged: the centres of its streams, the bidders of its bids.

Source: interfaces.md I4 (`--as`). Under a name that nobody bears "nothing withheld" would mean
nothing; so it is said which readers there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.evidence.links import LinkError
from node.core.rules.audience import Stage

if TYPE_CHECKING:
    from node.core.evidence.case import Case


def check_reader(case: Case, stage: Stage, reader: str) -> None:
    """Accept only a reader there is; `stage` is that of the file.

    A file may be made for any centre of its registry, also before the participants are named;
    looked at it may be as one of those that take part. Raises LinkError: `reader` for the one that
    the file names, `reader-unknown` for another.
    """
    own = reader == case.evidence.form.reader
    centres, bidders = _centres(case, takes_part=not own), _bidders(case)
    role = reader.partition(":")[0]
    if role == "centre":
        known, told = centres, (*centres, "bidder:<key id of a bid>")
    elif role == "bidder" and stage >= Stage.BIDS_CLOSED:  # only then all bids are in the file
        known, told = bidders, (*centres, *bidders)
    else:
        return
    if reader in known:
        return
    there = f"{reader[:80]}; there are {', '.join(('public', 'regulator', *told))}"
    raise LinkError("reader", "/reader", there) if own else LinkError("reader-unknown", "", there)


def _centres(case: Case, *, takes_part: bool) -> list[str]:
    """Centres (a regulator reads under his own name), or only those that keep a stream."""
    roles = {change.id: change.descriptor.role for change in case.evidence.form.registry}
    keepers = {stream.keeper for stream in case.evidence.streams}
    found = sorted(name for name, role in roles.items() if role == "centre")
    return [f"centre:{name}" for name in found if name in keepers or not takes_part]


def _bidders(case: Case) -> list[str]:
    """Authors of the bids, each once, by key."""
    return sorted({place.author for place in case.of_type("bid.sealed/v1")})
