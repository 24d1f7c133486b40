"""The actors' programs of one demo: a buyer, the bidders, and the experts of each centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.cli.demo.papers import TRUST
from node.cli.demo.processes import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.cli.demo.plan import Plan
    from node.cli.demo.site import Site
    from node.cli.demo.tender import Tender


def actor_commands(site: Site, plan: Plan, tender: Tender) -> Iterator[Command]:
    """What starts them. Each keeps its keys in a folder of its own that no node ever opens.

    Buyer and bidders come to the host's door, experts to that of their own centre.
    """
    yield _command(site, tender, "buyer", plan.host)
    receipts = ("--receipts", str(site.receipts))
    yield _command(site, tender, "bidders", plan.host, *receipts)
    for planned in plan.centres:
        pool = ("--centre", planned.id, "--region", planned.region)
        yield _command(site, tender, "experts", planned.id, *pool, "--count", str(planned.experts))


def _command(site: Site, tender: Tender, who: str, member: str, *more: str) -> Command:
    name = f"experts-{member}" if who == "experts" else who
    folder = site.actors / name
    words = ("actors", who, "--dir", str(folder), "--door", str(site.door(member)))
    case = ("--tender", str(tender.path), "--trust", str(site.root / TRUST))
    return Command(name, (*words, *case, *more), folder.with_suffix(".log"))
