"""What other members of the chain can do to a tender's anchors: nothing."""

from __future__ import annotations

import json

from node.core.evidence.anchors import wanted_slots
from node.core.evidence.verify import verify
from node.core.records.canonical import encode
from tests.world.network import HOST
from tests.world.scripts import JP
from tests.world.session import Whole, evidence, world

GUEST, ROOT = "changsha", b"\xee" * 32


def links(made: Whole, data: bytes) -> list[tuple[int, str]]:
    """Number and code of each check that failed."""
    verdict = verify(data, made.net.trust())
    return [(r.number, r.broken.link) for r in verdict.results if r.broken is not None]


def open_slots(made: Whole, account: str) -> None:
    """Write all slots of the tender under a member's own name."""
    made.net.chain.set_tender(
        made.state.stream,
        bytes.fromhex(account),
        deadline=1,
        bids_at=2,
        result_at=3,
        bids_root=ROOT,
        bids_head=ROOT,
        result=ROOT,
        result_head=ROOT,
    )


def with_note(data: bytes, note: str) -> bytes:
    """The same file with another note of the anchor."""
    document = json.loads(data)
    document["anchors"][0]["note"] = note
    return encode(document) + b"\n"


def test_a_member_that_opens_a_tenders_slots_under_its_own_name_changes_nothing() -> None:
    made = Whole(JP).run()
    open_slots(made, made.net.members[GUEST].account)
    assert links(made, made.net.evidence(made.state.stream, "regulator")) == []


def test_a_members_own_slots_do_not_pass_for_the_hosts() -> None:
    made, data = world("jp"), evidence("jp", "regulator")
    members, stream = made.net.members, made.state.stream
    keepers = {one["keeper"] for one in json.loads(data)["streams"]}
    accounts = [members[keeper].account for keeper in keepers]
    right = wanted_slots(stream, members[HOST].account, accounts)
    assert links(made, with_note(data, made.net.chain.prove("anchor", right))) == []
    theirs = wanted_slots(stream, members[GUEST].account, accounts)
    note = made.net.chain.prove("anchor", theirs)
    assert links(made, with_note(data, note)) == [(5, "chain-slots")]
