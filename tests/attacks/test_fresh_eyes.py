"""Attacks that a reviewer found after the first version verified; each is named by what it did."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from node.core.errors import RuleError
from node.core.evidence.verify import verify
from node.core.records.canonical import encode, epoch_of
from node.core.records.place import What, what_hash
from node.core.rules.opening import unlock_end
from node.core.rules.tender import check_holders
from tests.world.session import SCRIPTS, Whole, evidence, world


@pytest.mark.parametrize("reader", ["public", "regulator"])
def test_a_record_hidden_behind_its_hash_is_withheld(reader: str) -> None:
    """A lodging shown as place only looked like a name that was read: nobody could tell."""
    document = json.loads(evidence("jp", reader))
    place = next(
        place
        for stream in document["streams"][1:]
        for place in stream["places"]
        if "records" in place.get("body", {})
    )
    place["what"] = what_hash(msgspec.convert(place["what"], What))
    del place["envelope"], place["body"]
    verdict = verify(encode(document) + b"\n", world("jp").net.trust())
    assert verdict.exit_code == 1
    found = verdict.document("en")["first_broken"]
    assert found["check"] == 1


class LateClosing(Whole):
    """A host that closes the bids a minute before the announced window ends."""

    def close_bids(self) -> None:
        """Wait until consents could hardly arrive any more."""
        self.net.wait_until(epoch_of(self.state.terms.unlock_until) - 60)
        super().close_bids()


def test_closing_late_leaves_bidders_their_whole_window() -> None:
    """Else the host could let only a friend's consent through and call the others silent."""
    made = LateClosing(replace(SCRIPTS["jp"], name="jp-late")).run()
    window = made.state.rules.clock.unlock_minutes.value * 60
    expired = next(s for s in made.said if s.placed.header.type == "term.expired/v1")
    assert expired.placed.received - expired.before.closed_at >= window
    assert unlock_end(expired.before) > epoch_of(expired.before.terms.unlock_until)


def test_shares_are_never_held_without_a_regulator() -> None:
    """Two friendly centres could open all bids early and nobody independent would hold a share."""
    state = world("jp").state
    holders = state.terms.holders
    centres = tuple(h for h in holders if state.keyring.members[h].role == "centre")
    check_holders(state, holders, 2)
    with pytest.raises(RuleError, match="regulator"):
        check_holders(state, centres, 2)
