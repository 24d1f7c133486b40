"""Who may say what where: each guard of the fold refuses what it is there for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from node.core.errors import NodeError, SignatureError
from node.core.records.canonical import decode, encode
from node.core.records.envelope import Seen
from node.core.records.keys import signer_from_seed
from node.core.records.kinds.streams import RecordRefused, RegistryNoted
from node.core.rules.membership import Keyring, learn, signer_of
from node.core.rules.registry import Change, Descriptor, entries_at, read_descriptor
from node.core.rules.state import Phase, TenderState
from tests.world.moments import after, again, before, body, header, moment, place, refusal, saw
from tests.world.network import HOST, REGULATOR
from tests.world.run import Said
from tests.world.session import world

OTHER = "ab" * 32
Case = tuple[Callable[[], Said], str]


def late(said: Said, seconds: int) -> Said:
    """The same so many seconds after the place before it."""
    return place(said, received=said.before.received + seconds)


def seat(number: int = 0) -> Said:
    """A seat's first record after it sat down."""
    return moment("cn", "undertaking.signed", number)


CASES: dict[str, Case] = {
    "a place is left out": (
        lambda: place(moment("jp", "bids.closed"), seq=99),
        "place 99 does not follow",
    ),
    "a place is given twice": (
        lambda: place(moment("jp", "bids.closed"), seq=moment("jp", "bids.closed").placed.seq - 1),
        "does not follow",
    ),
    "time goes back by one second": (
        lambda: late(moment("jp", "tender.planned"), -1),
        "`received` decreases [protocol 3]",
    ),
    "no stream is named": (
        lambda: header(moment("jp", "tender.planned"), stream=None),
        "another stream",
    ),
    "another stream is named": (
        lambda: header(moment("jp", "tender.planned"), stream=OTHER),
        "another stream",
    ),
    "a kind that the first record does not name": (
        lambda: before(
            moment("jp", "tender.planned"),
            opened_as=structs.replace(
                world("jp").said[0].placed.body,  # type: ignore[type-var]
                kinds=("stream.opened/v1",),
            ),
        ),
        "does not name this kind",
    ),
    "another centre speaks as host": (
        lambda: header(moment("jp", "bids.closed"), author="centre:changsha"),
        "is for the host",
    ),
    "a regulator speaks as host": (
        lambda: header(moment("jp", "bids.closed"), author=f"regulator:{HOST}"),
        "is for the host",
    ),
    "a regulator opens a tender": (
        lambda: header(moment("jp", "stream.opened"), author=f"regulator:{HOST}"),
        "is for the host",
    ),
    "another buyer goes on": (
        lambda: header(moment("jp", "committee.planned"), author="buyer:other"),
        "is for the buyer",
    ),
    "a buyer bids": (
        lambda: header(moment("jp", "bid.sealed"), author="buyer:water"),
        "is for the bidder",
    ),
    "an expert bids": (
        lambda: header(moment("jp", "bid.sealed"), author="expert:1"),
        "is for the bidder",
    ),
    "a buyer takes a seat": (
        lambda: header(moment("jp", "expert.seated"), author="buyer:1"),
        "is for the seat",
    ),
    "an expert speaks for a pool": (
        lambda: header(moment("jp", "draw.joined"), author="expert:changsha"),
        "is for the pool",
    ),
    "a buyer shows shares": (
        lambda: header(moment("jp", "share.released"), author="buyer:changsha"),
        "is for the holder",
    ),
    "a bid without its body": (
        lambda: place(moment("jp", "bid.sealed"), body=None),
        "body of bid.sealed/v1 is missing",
    ),
    "an award without its body": (
        lambda: place(moment("jp", "award.decided"), body=None),
        "body of award.decided/v1 is missing",
    ),
    "a bid for no lot": (lambda: header(moment("jp", "bid.sealed"), lot=None), "lot must be 1"),
    "a bid for another lot": (lambda: header(moment("jp", "bid.sealed"), lot="2"), "lot must be 1"),
    "the end of all bids for one lot": (
        lambda: header(moment("jp", "bids.closed"), lot="1"),
        "lot must be absent",
    ),
    "nothing seen after the bids are closed": (
        lambda: header(moment("jp", "term.expired"), seen=None),
        "`seen` is missing",
    ),
    "a place to come is seen": (
        lambda: header(
            moment("jp", "term.expired"),
            seen=Seen(seq=moment("jp", "term.expired").placed.seq, entry=OTHER),
        ),
        "no place of this stream",
    ),
    "another entry is seen": (
        lambda: header(
            moment("jp", "term.expired"),
            seen=Seen(seq=moment("jp", "term.expired").placed.seq - 1, entry=OTHER),
        ),
        "no place of this stream",
    ),
    "the place itself is seen, with the entry before it": (
        lambda: header(
            moment("jp", "term.expired"),
            seen=Seen(
                seq=moment("jp", "term.expired").placed.seq,
                entry=moment("jp", "term.expired").before.entries[-1],
            ),
        ),
        "no place of this stream",
    ),
    "an author saw more before": (
        lambda: saw(moment("jp", "draw.requested"), moment("jp", "term.expired").before.closed_seq),
        "had seen more before",
    ),
    "an author saw less than the end of the bids": (
        lambda: saw(
            moment("jp", "share.released"), moment("jp", "share.released").before.closed_seq - 1
        ),
        "had seen more before",
    ),
    "a seat saw less than where it sat down": (
        lambda: saw(seat(), seat().before.seen["expert:1"] - 1),
        "had seen more before",
    ),
    "a buyer names what it saw before the bids are closed": (
        lambda: saw(moment("jp", "tender.announced"), 1),
        "may not stand here",
    ),
    "a bidder names what he saw": (lambda: saw(moment("jp", "bid.unlocked"), 1), "may not stand"),
    "a seat's first record names what it saw": (
        lambda: saw(moment("jp", "expert.seated"), moment("jp", "expert.seated").placed.seq - 1),
        "may not stand here",
    ),
    "the term for objections ends before the opening": (
        lambda: body(moment("jp", "term.expired"), term="objection"),
        "no objection term",
    ),
    "the unlock window ends in the publicity": (
        lambda: body(moment("cn", "term.expired", -1), term="unlock"),
        "no unlock term",
    ),
    "a lot where nobody is equal": (
        lambda: again(
            moment("jp-tie", "draw.seeded", -1), moment("jp", "result.consolidated").before
        ),
        "only among equals",
    ),
    "a stream of another kind": (
        lambda: body(moment("jp", "stream.opened"), kind="pool"),
        "cannot open as pool",
    ),
    "somebody else's stream": (
        lambda: body(moment("jp", "stream.opened"), keeper="changsha"),
        "only its keeper opens",
    ),
    "a tender beside another stream": (
        lambda: body(moment("jp", "stream.opened"), of=OTHER),
        "in a side stream only",
    ),
    "kinds unsorted": (
        lambda: body(moment("jp", "stream.opened"), kinds=("b.b/v1", "a.a/v1")),
        "kinds stand sorted",
    ),
    "kinds twice": (
        lambda: body(moment("jp", "stream.opened"), kinds=("a.a/v1", "a.a/v1")),
        "kinds stand sorted",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_guard(name: str) -> None:
    make, words = CASES[name]
    assert words in refusal(make())


def test_a_record_of_the_same_second_follows() -> None:
    assert after(late(moment("jp", "tender.planned"), 0)).phase is Phase.PLANNED


def test_what_an_author_has_seen_is_kept() -> None:
    said = moment("jp", "term.expired")
    assert said.placed.header.seen is not None
    assert after(said).seen[f"centre:{HOST}"] == said.placed.header.seen.seq
    sat = moment("cn", "expert.seated")
    assert after(sat).seen["expert:1"] == sat.placed.seq
    bidder = moment("jp", "bid.sealed")
    assert bidder.placed.header.author not in after(bidder).seen


def test_the_end_of_the_bids_is_enough_to_have_seen() -> None:
    said = moment("jp", "share.released")
    after(saw(said, said.before.closed_seq))


# --- the registry in the stream -----------------------------------------------------------------


def noted(number: int = 1) -> Said:
    """A note of the registry; 0 founds the stream."""
    return moment("jp", "registry.noted", number)


def entries(said: Said) -> RegistryNoted:
    """Its body."""
    assert isinstance(said.placed.body, RegistryNoted)
    return said.placed.body


REGISTRY: dict[str, Case] = {
    "members unsorted": (
        lambda: body(noted(), entries=entries(noted()).entries[::-1]),
        "entries stand sorted",
    ),
    "a member twice": (
        lambda: body(noted(), entries=(entries(noted()).entries[0], *entries(noted()).entries)),
        "entries stand sorted",
    ),
    "keys unsorted": (
        lambda: body(noted(), entries=with_keys(slice(None, None, -1))),
        "keys of changsha stand sorted",
    ),
    "a block above the height": (
        lambda: body(noted(), block=entries(noted()).height + 1),
        "never goes back",
    ),
    "a lower view than the last one": (
        lambda: body(noted(), height=entries(noted(0)).height - 1, block=0),
        "never goes back",
    ),
}


def with_keys(order: slice) -> tuple[object, ...]:
    """The entries with the first member's keys in another order."""
    first, *rest = entries(noted()).entries
    return (structs.replace(first, keys=first.keys[order]), *rest)


@pytest.mark.parametrize("name", REGISTRY)
def test_registry(name: str) -> None:
    make, words = REGISTRY[name]
    assert words in refusal(make())


def test_a_later_note_changes_members_and_not_the_phase() -> None:
    said = noted()
    less = tuple(e for e in entries(said).entries if e.id != "xiangtan")
    state = after(body(said, entries=less))
    assert state.phase is said.before.phase
    assert "xiangtan" not in state.keyring.members
    assert state.registry is not None
    assert state.registry.entries == less
    assert after(noted(0)).phase is Phase.FOUNDED


def test_a_record_is_refused_once_for_all() -> None:
    kind = moment("jp", "bids.closed")
    refused = RecordRefused(record=OTHER, code="rule", article="protocol 4", salt=OTHER)
    said = header(place(kind, body=refused), type="record.refused/v1")
    state = after(said)
    assert state.refused == {OTHER}
    assert "refused before" in refusal(again(said, state))


# --- whose key signs ----------------------------------------------------------------------------


def keyring_with(member: str, **changes: object) -> Keyring:
    """The members of the tender, one of them otherwise."""
    body_ = entries(noted())
    members = tuple(structs.replace(e, **changes) if e.id == member else e for e in body_.entries)
    return learn(Keyring(), noted().placed.header, structs.replace(body_, entries=members))


def code_of(keyring: Keyring, said: Said) -> str:
    """Why nobody may sign this."""
    with pytest.raises(SignatureError) as caught:
        signer_of(keyring, said.placed.header, said.placed.body)
    return caught.value.code


def test_suspended_unknown_and_keyless_members_sign_nothing() -> None:
    said = moment("jp", "bids.closed")
    assert signer_of(keyring_with(HOST), said.placed.header, said.placed.body) is not None
    assert code_of(keyring_with(HOST, status="suspended"), said) == "centre-suspended"
    assert code_of(keyring_with(HOST, role="regulator"), said) == "key-unknown"
    assert code_of(keyring_with(HOST, id="zzz"), said) == "key-unknown"
    log_only = tuple(k for k in keyring_with(HOST).members[HOST].keys if k.role == "log")
    assert code_of(keyring_with(HOST, keys=log_only), said) == "key-unknown"


def test_a_record_is_signed_with_the_key_for_records() -> None:
    keyring = keyring_with(HOST)
    signer = signer_of(keyring, moment("jp", "bids.closed").placed.header, None)
    assert signer == world("jp").net.members[HOST].record.public


def test_people_keep_the_key_of_their_first_record() -> None:
    said = moment("jp", "bid.sealed")
    bid, author = said.placed, said.placed.header.author
    first = signer_of(Keyring(), bid.header, bid.body)
    keyring = learn(Keyring(), bid.header, bid.body)
    assert keyring.people == {author: first}
    other = signer_from_seed("ed25519", b"\1" * 32).public
    changed = structs.replace(bid.body, key=other)  # type: ignore[type-var]
    assert learn(keyring, bid.header, changed).people[author] == first
    assert signer_of(keyring, bid.header, changed) == first


def test_the_newest_note_alone_says_who_is_a_member() -> None:
    said = noted()
    before_, less = keyring_with(HOST), entries(said).entries[:1]
    now = learn(before_, said.placed.header, structs.replace(entries(said), entries=less))
    assert set(now.members) == {less[0].id}


# --- descriptors --------------------------------------------------------------------------------


def descriptor(member: str, **changes: object) -> bytes:
    """A member's descriptor, changed."""
    data = next(c.descriptor for c in world("jp").net.chain.changes if c.id == member)
    return encode(structs.replace(decode(data, Descriptor), **changes))


def test_members_are_those_whose_change_is_not_above_the_height() -> None:
    old, new = descriptor(HOST, name_en="old"), descriptor(HOST, status="suspended")
    changes = (Change(HOST, "", old, 5, 0), Change(HOST, "", new, 7, 0))
    assert entries_at(changes, 4) == ()
    assert [e.status for e in entries_at(changes, 5)] == ["active"]
    assert [e.status for e in entries_at(changes, 6)] == ["active"]
    assert [e.status for e in entries_at(changes, 7)] == ["suspended"]


def test_a_descriptor_is_its_members_own_with_good_keys_in_order() -> None:
    keys = read_descriptor(descriptor(HOST), HOST).keys
    with pytest.raises(NodeError, match="another member"):
        read_descriptor(descriptor(HOST), REGULATOR)
    with pytest.raises(NodeError, match="unsorted keys"):
        read_descriptor(descriptor(HOST, keys=keys[::-1]), HOST)
    small = tuple(
        structs.replace(key, key="00" * 32) if key.role == "record" else key for key in keys
    )
    with pytest.raises(NodeError):
        read_descriptor(descriptor(HOST, keys=tuple(sorted(small, key=by_role))), HOST)


def by_role(key: object) -> tuple[str, str]:
    """The order of keys."""
    return (key.role, key.key)  # type: ignore[attr-defined]


def test_state_of_bids_and_draws() -> None:
    """The last bid of each key is in force; a draw that changes stays one draw."""
    state = moment("jp", "bids.closed").before
    twice = [b for b in state.bids.values() if b.bidder == world("jp").sealed[3].person.author[7:]]
    assert len(twice) == 2
    assert world("jp").sealed[3].record in state.in_force
    assert len(state.in_force) == len(state.bids) - 1
    done: TenderState = moment("jp", "draw.picked").before
    assert len(done.draws) == 1
    second = replace(done, draws=(*done.draws, replace(done.draw, id=OTHER)))
    assert second.draw.id == OTHER
