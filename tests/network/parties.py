"""Who is who in a demo: whose folder, messages and pages are what, and what each may have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from node.core.records.keys import key_id, signer_from_seed
from node.core.rules.state import Phase
from tests.attacks.leaks.known import Column, Party
from tests.network.album import GUESTS, HOST, REGULATOR, Album
from tests.network.freezing import Picture


def member(name: str) -> Party:
    """A node."""
    column: Column = "host" if name == HOST else "guest"
    if name == REGULATOR:
        return Party("regulator", name, frozenset({f"regulator:{name}"}))
    return Party(column, name, frozenset({f"centre:{name}", f"pool:{name}"}))


def experts(name: str) -> Party:
    """The experts of a centre: outsiders until they are called, then they read as their centre."""
    owns = frozenset({f"experts:{name}", f"centre:{name}", f"pool:{name}"})
    return Party("public", name, owns, (Phase.CALLING, member(name).column))


def bidder(folder: Path) -> Party:
    """One bidder, by its bid key."""
    key = json.loads((folder / "bid.key").read_bytes())
    signer = signer_from_seed(key["suite"], bytes.fromhex(key["seed"]))
    name = key_id(signer.public)
    return Party("bidder", name, frozenset({f"bidder:{name}"}))


PUBLIC = Party("public", "anybody")
CHAIN = Party("public", "chain", told=frozenset({"result.consolidated/v1"}))
"""The result slot holds the record's id (protocol.md section 7)."""


def things_of(picture: Picture, album: Album) -> Iterator[tuple[Party, Path]]:
    """Whose folder or file is what. The buyer is an outsider until the opening (TBL art. 22)."""
    buyer = Party("public", "buyer", frozenset({album.buyer}), (Phase.READ, "host"))
    for name in (HOST, *GUESTS, REGULATOR):
        yield member(name), picture.site / "centres" / name
        yield member(name), picture.messages / name
        yield PUBLIC, picture.pages / name
    yield CHAIN, picture.site / "chain"
    actors = picture.site / "actors"
    houses = [path.parent for path in (actors / "bidders").glob("*/bid.key")]
    for house in houses:
        yield bidder(house), house
    everyone = frozenset().union(*(bidder(house).owns for house in houses))
    together = Party("bidder", "all of the demo's bidders", everyone)
    yield together, actors / "bidders.log"
    yield together, picture.site / "receipts"
    yield together, picture.messages / "actors-bidders"
    for name in ("buyer", "buyer.log"):
        yield buyer, actors / name
    yield buyer, picture.messages / "actors-buyer"
    for centre in (HOST, *GUESTS):
        for path in (actors / f"experts-{centre}", actors / f"experts-{centre}.log"):
            yield experts(centre), path
        yield experts(centre), picture.messages / f"actors-experts-{centre}"
