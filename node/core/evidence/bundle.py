"""The evidence file: its exact form, read strictly, and what is in it once it is read.

Source: protocol.md 8; interfaces.md I6; deploy/docs/evidence-format.md. The file is the RFC 8785
bytes of one object and a line feed, at most 64 MiB. Reading proves nothing: it opens envelopes,
bodies and checkpoints so that the seven checks can judge them. Hostile bytes raise LinkError
(code `form`, or `unreadable` where the file is no evidence file at all) only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Final, Literal

import msgspec

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.log.checkpoint import Checkpoint, parse_checkpoint
from node.core.log.note import Note, parse_note
from node.core.records.canonical import END, Count, Hex32, b64decode, encode, epoch_of
from node.core.records.envelope import Envelope, Opened, open_envelope
from node.core.records.kinds import Body, decode_body
from node.core.records.kinds.base import CentreId, Hex20, LotId
from node.core.records.kinds.streams import Network, StreamOpened
from node.core.records.place import What, Where, entry_hash, what_hash, where_hash
from node.core.rules.audience import Level
from node.core.rules.registry import Descriptor

FORMAT: Final = "yuanping-evidence/v1"
MAX_BYTES: Final = 64 * 1024 * 1024
_HASH: Final = {"pattern": r"^[0-9a-f]{64}" + END}
_Hash = Annotated[str, msgspec.Meta(min_length=64, max_length=64, extra_json_schema=_HASH)]
"""A hash of a proof. Its pattern `_check_hex` sees to, for all of a stream at once: asked of one by
one it would take a third of the decoding.
"""
_Proof = Annotated[tuple[_Hash, ...], msgspec.Meta(max_length=64)]
_Text = Annotated[str, msgspec.Meta(max_length=1 << 17)]


class _Form(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Base of every part of the file."""


class CheckpointForm(_Form, frozen=True):
    """A checkpoint in its quorum form; `consistency` goes from the one before it in the list."""

    note: _Text
    consistency: _Proof | None = None


class PlaceForm(_Form, frozen=True):
    """One place: as much of it as the reader may have."""

    checkpoint: Count
    index: Count
    proof: _Proof
    seq: Count
    what: What | Hex32
    where: Where
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    envelope: Envelope | None = None


class StreamForm(_Form, frozen=True):
    """One stream from place 0 on."""

    checkpoints: Annotated[tuple[CheckpointForm, ...], msgspec.Meta(max_length=100_000)]
    id: Hex32
    keeper: CentreId
    places: Annotated[tuple[PlaceForm, ...], msgspec.Meta(max_length=200_000)]


class ChangeForm(_Form, frozen=True):
    """One change of the registry, in the order of the chain."""

    account: Hex20
    block: Count
    descriptor: Descriptor
    id: CentreId


class AnchorForm(_Form, frozen=True):
    """One note of the chain's operator over the slots of one contract."""

    note: _Text


class Environment(_Form, frozen=True):
    """Equals `clock` and `network` of the host's `stream.opened`."""

    chain: Network
    clock: Literal["system", "test"]


class EvidenceForm(_Form, frozen=True):
    """The whole file."""

    anchors: Annotated[tuple[AnchorForm, ...], msgspec.Meta(max_length=8)]
    environment: Environment
    format: Literal["yuanping-evidence/v1"]
    reader: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    registry: Annotated[tuple[ChangeForm, ...], msgspec.Meta(min_length=1, max_length=500)]
    streams: Annotated[tuple[StreamForm, ...], msgspec.Meta(min_length=1, max_length=400)]
    tender: LotId


class _Named(msgspec.Struct):
    """Just enough to know what kind of file this is; everything else is passed over."""

    format: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the file, opened as far as it is shown. `path` is its JSON pointer."""

    path: str
    form: PlaceForm
    entry: str
    opened: Opened | None
    body: Body | None
    body_bytes: bytes | None

    @property
    def seq(self) -> int:
        """Its number in the stream."""
        return self.form.seq

    @property
    def what(self) -> What | None:
        """The opened *what*, or None if only its hash is shown."""
        return self.form.what if isinstance(self.form.what, What) else None

    @property
    def received(self) -> int:
        """Epoch seconds of `received`; only asked for where *what* is open."""
        return epoch_of(self.form.what.received) if isinstance(self.form.what, What) else 0

    @property
    def kind(self) -> str:
        """The record's type; "" where the record is not shown."""
        return self.opened.header.type if self.opened else ""

    @property
    def id(self) -> str:
        """The record's id; "" where the record is not shown."""
        return self.opened.id if self.opened else ""

    @property
    def author(self) -> str:
        """The record's author; "" where the record is not shown."""
        return self.opened.header.author if self.opened else ""

    @property
    def level(self) -> Level:
        """How much of the record is shown."""
        if self.opened is None:
            return Level.PLACE
        return Level.HEADER if self.body is None else Level.ALL


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint of the file, read but not verified."""

    path: str
    form: CheckpointForm
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of the file; `opening` is the body of its place 0."""

    path: str
    keeper: str
    id: str
    opening: StreamOpened
    heads: tuple[Head, ...]
    places: tuple[Place, ...]

    @property
    def kind(self) -> str:
        """`tender`, `side` or `pool`."""
        return self.opening.kind


@dataclass(frozen=True, slots=True)
class Evidence:
    """The file, read."""

    form: EvidenceForm
    streams: tuple[Stream, ...]

    @property
    def host(self) -> Stream:
        """The tender's own stream."""
        return self.streams[0]

    def of_kind(self, kind: str) -> tuple[Stream, ...]:
        """The streams of one kind, in the file's order."""
        return tuple(stream for stream in self.streams if stream.kind == kind)


_DECODER: Final = msgspec.json.Decoder(EvidenceForm)
_NAMED: Final = msgspec.json.Decoder(_Named)
_AT: Final = re.compile(r" - at `\$(.*)`$")


def read_evidence(data: bytes) -> Evidence:
    """Read an evidence file strictly; nothing in it is proven yet. Raises LinkError."""
    if len(data) > MAX_BYTES:
        raise LinkError("unreadable", "", f"more than {MAX_BYTES} bytes")
    try:
        form = _DECODER.decode(data)
        canonical = encode(form)
    except (msgspec.DecodeError, RecursionError, ValueError, NodeError) as error:
        _check_readable(data)
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "text or depth"
        found = _AT.search(reason)
        path = found[1].replace(".", "/").replace("[...]", "/*") if found else ""
        raise LinkError("form", path, reason) from None
    if not data.startswith(canonical) or data[len(canonical) :] != b"\n":
        _check_readable(data)
        raise LinkError("form", "", "not the RFC 8785 bytes and one line feed")
    streams = tuple(_stream(f"/streams/{n}", stream) for n, stream in enumerate(form.streams))
    return Evidence(form, streams)


def _check_readable(data: bytes) -> None:
    """Part what is broken from what is no evidence file at all."""
    try:
        data.decode()
        name = _NAMED.decode(data).format
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise LinkError("unreadable", "", "not one JSON object with a format") from None
    if name != FORMAT:
        raise LinkError("unreadable", "/format", f"the format is not {FORMAT}")


def _stream(path: str, form: StreamForm) -> Stream:
    _check_hex(f"{path}/places/*/proof/*", (place.proof for place in form.places))
    consistency = (head.consistency or () for head in form.checkpoints)
    _check_hex(f"{path}/checkpoints/*/consistency/*", consistency)
    heads = tuple(_head(f"{path}/checkpoints/{n}", c) for n, c in enumerate(form.checkpoints))
    places = tuple(_place(f"{path}/places/{n}", place) for n, place in enumerate(form.places))
    opening = places[0].body if places else None
    if not isinstance(opening, StreamOpened):
        raise LinkError("form", path, "a stream begins with stream.opened, shown whole")
    return Stream(path, form.keeper, form.id, opening, heads, places)


def _check_hex(path: str, proofs: Iterable[tuple[str, ...]]) -> None:
    joined = "".join(chain.from_iterable(proofs))
    try:
        raw = bytes.fromhex(joined)
    except ValueError:
        raw = b""
    if raw.hex() != joined:  # no hex at all, or capitals, or spaces between
        raise LinkError("form", path, "a hash of a proof is not in lower-case hex")


def _head(path: str, form: CheckpointForm) -> Head:
    try:
        note = parse_note(form.note)
        return Head(path, form, note, parse_checkpoint(note.text))
    except NodeError as error:
        raise LinkError("form", path, error.detail) from None


def _place(path: str, form: PlaceForm) -> Place:
    what = what_hash(form.what) if isinstance(form.what, What) else form.what
    entry = entry_hash(what, where_hash(form.where))
    body_bytes = None if form.body is msgspec.UNSET else bytes(form.body)
    if form.envelope is None:
        if body_bytes is not None or isinstance(form.what, What):
            raise LinkError("form", path, "an opened `what` and a body come with an envelope")
        return Place(path, form, entry, None, None, None)
    if not isinstance(form.what, What):
        raise LinkError("form", path, "an envelope comes with an opened `what`")
    try:
        opened = open_envelope(form.envelope)
        body = None if body_bytes is None else decode_body(opened.header.type, body_bytes)
    except NodeError as error:
        raise LinkError("form", path, error.detail) from None
    return Place(path, form, entry, opened, body, body_bytes)


def certificate_of(descriptor: Descriptor) -> bytes:
    """The DER bytes of a member's TLS certificate. Raises InvalidError."""
    return b64decode(descriptor.tls)
