"""Wire types to the ports' values and back; strict, because the other side may be hostile.

Wire types end here. Everything read raises InvalidError or LimitError and nothing else; what is
signed or hashed is read from its own bytes by the core.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, TypeVar

from yuanping.v1 import records_pb2 as pb
from yuanping.v1 import seats_pb2 as seats_pb

from node.adapters.blobs import MAX_BLOB
from node.adapters.rpc.refusals import error_of_problem, problem_of
from node.core.errors import InvalidError, LimitError, NodeError
from node.core.records.box import SEALED_SIZE
from node.core.records.canonical import decode, encode
from node.core.records.envelope import MAX_BODY, MAX_ENVELOPE, NODE_ID, Envelope
from node.core.records.keys import SIGNATURE_SIZE
from node.core.records.place import What, Where
from node.core.records.shamir import MAX_SHARES
from node.services.ports import (
    UNTOLD,
    Accepted,
    Followed,
    LogPart,
    StreamRow,
    Submission,
    Wanted,
)
from node.services.ports.door import Call, Invitation

MAX_ITEMS: Final = 256
"""Records in one batch."""
MAX_MESSAGE: Final = 5 * 1024 * 1024
"""Bytes of one message, either way."""
MAX_CHUNK: Final = 1024 * 1024
CHUNK: Final = 256 * 1024
"""Bytes of a piece of a file: the most that is taken, and what we send (measured best)."""
MAX_HALF: Final = 1024
"""Bytes of a place's half; both are below 450."""
ENTRY_SIZE: Final = 32
MAX_BOXES: Final = 1024
"""Boxes whose shares are asked for in one call."""
MAX_ENTRIES: Final = 32768
MAX_COUNT: Final = 2**53
_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_NODE: Final = re.compile(NODE_ID)
_READER: Final = re.compile(rf"public|regulator|bidder:[0-9a-f]{{64}}|centre:{NODE_ID}")
_KINDS: Final = frozenset({"tender", "side", "pool", "centre"})
_SEAT: Final = re.compile(r"[1-9][0-9]{0,2}")
_MAX_TENDER: Final = 200

T = TypeVar("T")


def digest_from(text: str, what: str) -> str:
    """An id, digest or salt: 64 lower-case hex digits."""
    return _match(_HEX32, text, f"{what} is 64 lower-case hex digits")


def reader_from(text: str) -> str:
    """A reader as the audience table names it."""
    return _match(_READER, text, "a reader is public, regulator, bidder:<key id> or centre:<id>")


def signature_from(data: bytes) -> bytes:
    """A raw signature."""
    if len(data) != SIGNATURE_SIZE:
        raise InvalidError(f"a signature has {SIGNATURE_SIZE} bytes, not {len(data)}")
    return data


def count_from(number: int, what: str) -> int:
    """A place, size or index below 2^53."""
    if number >= MAX_COUNT:
        raise InvalidError(f"{what} is below 2^53")
    return number


def index_from(number: int) -> int:
    """The number of a share, from 1."""
    if not 1 <= number <= MAX_SHARES:
        raise InvalidError(f"a share's number is 1 to {MAX_SHARES}")
    return number


def boxes_from(records: Sequence[str]) -> list[str]:
    """The records that made some boxes, by id."""
    if not 1 <= len(records) <= MAX_BOXES:
        raise InvalidError(f"1 to {MAX_BOXES} boxes are asked for at once")
    return [digest_from(record, "a record's id") for record in records]


def body_from(data: bytes) -> bytes:
    """The bytes of a body, not yet read."""
    return _at_most(MAX_BODY, data, "a body")


class Gathered:
    """A file that comes in pieces. `add` raises LimitError as soon as it is too large."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self._size += len(_at_most(MAX_CHUNK, piece, "a piece of a file"))
        if self._size > MAX_BLOB:
            raise LimitError(f"a file has at most {MAX_BLOB} bytes")
        self._pieces.append(piece)

    def data(self) -> bytes:
        """The whole file."""
        return b"".join(self._pieces)


def pieces_of(data: bytes) -> Iterator[bytes]:
    """A file in pieces; an empty file is one empty piece."""
    for at in range(0, max(1, len(data)), CHUNK):
        yield data[at : at + CHUNK]


def envelope_from(data: bytes) -> Envelope:
    """An envelope of good form; its header and signature are not looked at."""
    return decode(_at_most(MAX_ENVELOPE, data, "an envelope"), Envelope)


def stored_from(name: str, data: bytes) -> str:
    """The digest under which another node says that it keeps `data`."""
    if name != sha256(data).hexdigest():
        raise InvalidError("a file is not the one its SHA-256 names")
    return name


def submission_to(item: Submission) -> pb.Submission:
    """A record for the wire."""
    return pb.Submission(envelope=encode(item.envelope), body=item.body, sealed=item.sealed)


def submission_from(item: pb.Submission) -> Submission:
    """A record as it came; only form and sizes are checked."""
    sealed = tuple(item.sealed)
    if len(sealed) > MAX_SHARES or any(len(one) != SEALED_SIZE for one in sealed):
        raise InvalidError(f"at most {MAX_SHARES} sealed shares of {SEALED_SIZE} bytes each")
    return Submission(envelope_from(item.envelope), body_from(item.body), sealed)


def submissions_from(items: Sequence[pb.Submission]) -> list[Submission | NodeError]:
    """A batch: a record that cannot be read is answered for itself and harms no other."""
    if len(items) > MAX_ITEMS:
        raise LimitError(f"at most {MAX_ITEMS} records at once, not {len(items)}")
    return [_or_error(submission_from, item) for item in items]


def answer_to(answer: Accepted | NodeError) -> pb.Answer:
    """The answer to one record, for the wire."""
    if isinstance(answer, NodeError):
        return pb.Answer(problem=problem_of(answer))
    seq = None if answer.seq == UNTOLD else answer.seq
    return pb.Answer(accepted=pb.Accepted(record=answer.record, seq=seq, entry=answer.entry))


def answers_from(answers: Sequence[pb.Answer], asked: int) -> list[Accepted | NodeError]:
    """The answers to a batch of `asked` records."""
    if len(answers) != asked:
        raise InvalidError(f"{len(answers)} answers to {asked} records")
    return [_answer_from(answer) for answer in answers]


def accepted_from(record: str, seq: int | None, entry: str) -> Accepted:
    """A record's place; its number may be withheld."""
    return Accepted(
        digest_from(record, "a record's id"),
        UNTOLD if seq is None else count_from(seq, "a place"),
        digest_from(entry, "an entry"),
    )


def wanted_to(wanted: Wanted) -> pb.FollowRequest:
    """A stream to be followed, for the wire."""
    after = None if wanted.after < 0 else wanted.after
    return pb.FollowRequest(stream=wanted.stream, after=after, reader=wanted.reader or None)


def place_to(place: Followed) -> pb.Place:
    """A followed place for the wire."""
    return pb.Place(
        seq=place.seq,
        what=encode(place.what),
        where=encode(place.where),
        envelope=encode(place.envelope),
        body=place.body,
    )


def place_from(place: pb.Place) -> Followed:
    """A place as its keeper shows it. Whether it follows the one before, a fold must judge."""
    where = decode(_at_most(MAX_HALF, place.where, "half a place"), Where)
    if where.seq != place.seq:
        raise InvalidError(f"place {where.seq} is called {place.seq}")
    what = decode(_at_most(MAX_HALF, place.what, "half a place"), What)
    body = body_from(place.body) if place.HasField("body") else None
    return Followed(where.seq, what, where, envelope_from(place.envelope), body)


def stream_to(row: StreamRow) -> pb.StreamInfo:
    """A stream for the wire."""
    return pb.StreamInfo(
        id=row.id, kind=row.kind, keeper=row.keeper, own=row.own, of=row.of, tender=row.tender
    )


def stream_from(info: pb.StreamInfo) -> StreamRow:
    """A stream as another node names it; `own` is that node's view."""
    if info.kind not in _KINDS:
        raise InvalidError("a stream is of a tender, a side, a pool or a centre")
    if info.HasField("of") != (info.kind == "side"):
        raise InvalidError("a side stream, and no other, is of a host's stream")
    if len(info.tender) > _MAX_TENDER or not info.tender.isprintable():
        raise InvalidError(f"a tender's name has at most {_MAX_TENDER} printable characters")
    return StreamRow(
        id=digest_from(info.id, "a stream"),
        kind=info.kind,
        keeper=_match(_NODE, info.keeper, "a keeper is a member's id"),
        own=info.own,
        of=digest_from(info.of, "the host's stream") if info.HasField("of") else None,
        tender=info.tender if info.HasField("tender") else None,
    )


def parts_to(part: LogPart) -> Iterator[pb.FollowLogResponse]:
    """A stretch of the log in pieces; the last one bears the note."""
    last = max(0, (len(part.entries) - 1) // MAX_ENTRIES * MAX_ENTRIES)
    for at in range(0, last + 1, MAX_ENTRIES):
        yield pb.FollowLogResponse(
            start=part.start + at,
            entries=b"".join(part.entries[at : at + MAX_ENTRIES]),
            note=part.note if at == last else None,
        )


def entries_from(response: pb.FollowLogResponse) -> tuple[bytes, ...]:
    """The entries of one piece."""
    data = response.entries
    if len(data) % ENTRY_SIZE or len(data) > MAX_ENTRIES * ENTRY_SIZE:
        raise InvalidError(f"entries have {ENTRY_SIZE} bytes each, at most {MAX_ENTRIES} of them")
    return tuple(data[at : at + ENTRY_SIZE] for at in range(0, len(data), ENTRY_SIZE))


def call_to(call: Call) -> seats_pb.CallsResponse:
    """A call for the wire."""
    return seats_pb.CallsResponse(
        draw=call.draw,
        stratum=call.stratum,
        person=call.person,
        pseudonym=call.pseudonym,
        message_zh=call.message_zh,
        message_en=call.message_en,
        at=call.at,
    )


def call_from(call: seats_pb.CallsResponse) -> Call:
    """A call as the expert's own centre makes it."""
    return Call(
        draw=digest_from(call.draw, "a draw"),
        stratum=call.stratum,
        person=digest_from(call.person, "a person"),
        pseudonym=digest_from(call.pseudonym, "a pseudonym"),
        message_zh=call.message_zh,
        message_en=call.message_en,
        at=call.at,
    )


def invitation_to(one: Invitation) -> seats_pb.InvitationsResponse:
    """An invitation for the wire."""
    return seats_pb.InvitationsResponse(
        stream=one.stream,
        draw=one.draw,
        seat=one.seat,
        person=one.person,
        person_salt=one.person_salt,
        pseudonym=one.pseudonym,
    )


def invitation_from(one: seats_pb.InvitationsResponse) -> Invitation:
    """An invitation as the expert's own centre gives it."""
    return Invitation(
        stream=digest_from(one.stream, "a stream"),
        draw=digest_from(one.draw, "a draw"),
        seat=_match(_SEAT, one.seat, "a seat is a number from 1"),
        person=digest_from(one.person, "a person"),
        person_salt=digest_from(one.person_salt, "a salt"),
        pseudonym=digest_from(one.pseudonym, "a pseudonym"),
    )


def _answer_from(answer: pb.Answer) -> Accepted | NodeError:
    match answer.WhichOneof("outcome"):
        case "accepted":
            found = answer.accepted
            seq = found.seq if found.HasField("seq") else None
            return accepted_from(found.record, seq, found.entry)
        case "problem":
            return error_of_problem(answer.problem)
    raise InvalidError("an answer is a place or a problem")


def _or_error(read: Callable[[pb.Submission], T], item: pb.Submission) -> T | NodeError:
    try:
        return read(item)
    except NodeError as error:
        return error


def _match(pattern: re.Pattern[str], text: str, need: str) -> str:
    if not pattern.fullmatch(text):
        raise InvalidError(need)
    return text


def _at_most(limit: int, data: bytes, what: str) -> bytes:
    if len(data) > limit:
        raise LimitError(f"{what} has at most {limit} bytes, not {len(data)}")
    return data
