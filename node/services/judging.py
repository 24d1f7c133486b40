"""How a record is judged at its place: form, signature, rules; the same way for everybody.

The sequencer, the followers and the start-up all go through `judge`, and through `found` for the
first two places of a stream, so recovery is the normal path, and a row that was changed in the
database is noticed when it is read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from node.core.errors import InvalidError, LogError, RuleError
from node.core.records.canonical import epoch_of
from node.core.records.envelope import Opened, body_digest, check_signature, open_envelope
from node.core.records.kinds import KINDS, decode_body
from node.core.records.kinds.streams import Network, RegistryNoted, StreamOpened
from node.core.records.place import FIRST_PREV, entry_of
from node.core.rules.fold import apply
from node.core.rules.membership import Keyring, learn, signer_of
from node.core.rules.ruleset import builtin_rulesets
from node.core.rules.side import OwnState, apply_own
from node.core.rules.state import Placed, TenderState

if TYPE_CHECKING:
    from node.core.records.envelope import Envelope
    from node.core.records.kinds import Body
    from node.core.records.place import What, Where
    from node.core.rules.ruleset import RuleSet
    from node.services.ports import Submission

State = TenderState | OwnState
FOLDED = ("tender", "side", "pool")
"""Kinds of streams that a fold knows; another kind is not joined."""


class Shown(Protocol):
    """A place as a keeper shows it (`ports.Followed`) or as it was stored (`ports.PlaceRow`)."""

    @property
    def what(self) -> What:
        """Which record, when."""
        ...

    @property
    def where(self) -> Where:
        """Its place."""
        ...

    @property
    def envelope(self) -> Envelope:
        """The signed header."""
        ...

    @property
    def body(self) -> bytes | None:
        """The body, None where it is withheld from us."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record at the place it is to have, of good form, not judged yet."""

    opened: Opened
    body: Body | None
    received: int
    seq: int
    prev: str
    entry: str

    def placed(self) -> Placed:
        """What a fold reads."""
        opened = self.opened
        return Placed(self.seq, self.entry, self.received, opened.id, opened.header, self.body)


@dataclass(frozen=True, slots=True)
class Laws:
    """What a stream must name to be joined: our network, and a rule set that we have."""

    network: Network
    rulesets: Mapping[str, RuleSet] = field(default_factory=builtin_rulesets)


def check_signer(keyring: Keyring, candidate: Candidate) -> None:
    """Accept only a record signed with the key in force at its place. Raises SignatureError.

    Where its body is withheld and nobody introduced its author, the signature cannot be judged.
    """
    signer = signer_of(keyring, candidate.opened.header, candidate.body)
    if signer is not None:
        check_signature(candidate.opened, signer)


def fold(state: State, candidate: Candidate) -> State:
    """The state after one more record whose signature was checked. Raises as the rules do."""
    expected = state.entries[-1] if state.entries else FIRST_PREV
    if candidate.prev != expected:
        raise LogError(f"place {candidate.seq} does not name the entry before it")
    if isinstance(state, TenderState):
        return apply(state, candidate.placed())
    return apply_own(state, candidate.placed())


def judge(state: State, candidate: Candidate) -> State:
    """The state after one more record (place 2 and later): signature, then rules."""
    check_signer(state.keyring, candidate)
    return fold(state, candidate)


def judge_ahead(state: TenderState, item: Submission, now: int) -> None:
    """Raise what our own fold says against a record at the next place of a stream we follow.

    The host's clock and place will differ; what is refused here would be refused there.
    """
    opened = item.opened
    body = read_body(opened, item.body)
    received = max(now, state.received)
    seq, prev = len(state.entries), state.entries[-1]
    judge(state, Candidate(opened, body, received, seq, prev, FIRST_PREV))


def found(laws: Laws, first: Candidate, second: Candidate) -> State:
    """The state after a stream's first two places, both judged by the second (protocol 7).

    Raises RuleError for a stream of another network, kind or rule set than we know.
    """
    opened, noted = first.body, second.body
    if not (isinstance(opened, StreamOpened) and isinstance(noted, RegistryNoted)):
        raise RuleError(
            "places 0 and 1 open the stream and note the registry", article="protocol 7"
        )
    state = _start(laws, opened)
    keyring = learn(Keyring(), second.opened.header, noted)
    for candidate in (first, second):
        check_signer(keyring, candidate)
        state = fold(state, candidate)
    return state


def _start(laws: Laws, opened: StreamOpened) -> State:
    rules = laws.rulesets.get(opened.ruleset)
    if opened.network != laws.network:
        raise RuleError("the stream belongs to another network", article="protocol 2")
    if rules is None or opened.kind not in FOLDED or not set(opened.kinds) <= KINDS.keys():
        raise RuleError("this node lacks what the stream needs", article="protocol 2")
    return TenderState(rules) if opened.kind == "tender" else OwnState(opened.kind)


def read_place(stream: str, shown: Shown) -> Candidate:
    """A place as shown, once its parts fit together: record, signature, body, stream, entry.

    Raises InvalidError, LimitError or LogError.
    """
    opened = open_envelope(shown.envelope)
    what = shown.what
    if (what.id, what.sig, what.stream) != (opened.id, opened.signature_digest, stream):
        raise LogError("`what` is not of this record")
    if opened.stream != stream:
        raise InvalidError("the record was made for another stream")
    body = None if shown.body is None else read_body(opened, shown.body)
    where = shown.where
    entry = entry_of(what, where)
    return Candidate(opened, body, epoch_of(what.received), where.seq, where.prev, entry)


def read_body(opened: Opened, data: bytes) -> Body:
    """Decode a body that is the one its header names. Raises InvalidError, LimitError."""
    if body_digest(data) != opened.header.body:
        raise InvalidError("the body is not the one the header names")
    return decode_body(opened.header.type, data)
