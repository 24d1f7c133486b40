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
from node.core.rules.parties import parties_of
from node.core.rules.tender import check_holders
from tests.world.network import HOST
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


NOBODIES = ("bidder:nobody", "bidder:" + "0" * 64, "centre:nobody", "centre:hunan")


@pytest.mark.parametrize("own", ["public", "centre:changsha", "regulator"])
def test_a_file_is_made_for_a_reader_there_is(own: str) -> None:
    """The file's own `reader` was believed: any name with the same view passed."""
    data = evidence("jp", own)
    for name in NOBODIES:
        forged = data.replace(f'"reader":"{own}"'.encode(), f'"reader":"{name}"'.encode())
        assert forged != data
        found = verify(forged, world("jp").net.trust()).document("en")["first_broken"]
        assert (found["check"], found["code"]) == (1, "reader")


def test_two_guests_may_see_the_same_so_the_same_file_is_true_of_both() -> None:
    """`reader` says whose view a file holds; where views coincide there is nothing to forge."""
    data = evidence("jp", "centre:changsha")
    other = data.replace(b'"reader":"centre:changsha"', b'"reader":"centre:xiangtan"')
    assert other != data
    assert verify(other, world("jp").net.trust()).exit_code == 0


class EarlyLodging(Whole):
    """A bid is brought to a guest before that guest has endorsed the announcement."""

    def anchor_deadline(self) -> None:
        """Side streams are opened and the bid is lodged before anybody endorses."""
        super().anchor_deadline()
        self.net.tick()
        for name in sorted(parties_of(self.bodies, HOST)):
            self.sides[name] = self.net.open_own(name, "side", self.state.stream)
        self.lodge({"changsha": ["cd" * 32]})


def test_a_bid_lodged_before_the_endorsement_is_told_to_no_partner() -> None:
    """The file showed the hidden place, and was then disproved: an honest host stood accused."""
    made = EarlyLodging(replace(SCRIPTS["jp"], name="jp-early"))
    made.found()
    made.end()
    streams = {}
    for reader in ("regulator", "centre:xiangtan", "centre:changsha", f"centre:{HOST}"):
        file = made.net.evidence(made.state.stream, reader)
        assert verify(file, made.net.trust()).exit_code == 0
        streams[reader] = len(json.loads(file)["streams"])
    # The file of all but the host ends before the partners are named.
    assert list(streams.values()) == [1, 1, 1, 4]


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
