"""A record's header, signed: the DSSE v1 envelope, its exact bytes and the record's id.

Source: protocol.md 2, 10.1, 10.2; DSSE v1 protocol (pre-authentication encoding). Form and
signature are two steps, because the key in force is known only at the record's place.
Hostile bytes raise InvalidError, SignatureError or LimitError only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec

from node.core.errors import LimitError, SignatureError
from node.core.records.canonical import (
    END,
    Base64,
    Count,
    Hex32,
    Time,
    b64decode,
    b64encode,
    decode,
    digest_hex,
    encode,
    prepare,
)
from node.core.records.keys import PublicKey, Signer, key_id, verify

PAYLOAD_TYPE: Final = "application/vnd.yuanping.record+json"
MAX_HEADER: Final = 8 * 1024
MAX_BODY: Final = 256 * 1024
OPENED: Final = 2048
"""So many opened envelopes are remembered, of at most 24 KiB each."""
# Base64 of the largest header, one signature and the member names.
MAX_ENVELOPE: Final = 12 * 1024

NODE_ID: Final = "[a-z][a-z0-9-]{0,31}"
NodeId = Annotated[str, msgspec.Meta(pattern=f"^{NODE_ID}{END}")]
"""Id of a centre, buyer or regulator in the registry."""
RecordType = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+\.[a-z_]+/v[1-9][0-9]?" + END)]
"""`<area>.<past tense>/v<n>`; the closed list is kept with the kinds."""
Lot = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}" + END)]
"""A lot's name inside its tender."""
Author = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(?:(?:centre|buyer|regulator):{NODE_ID}|expert:[1-9][0-9]{{0,2}}"
        rf"|bidder:[0-9a-f]{{64}}){END}"
    ),
]
"""Who speaks: `centre:<id>`, `buyer:<id>`, `regulator:<id>`, `expert:<seat>`, `bidder:<key id>`."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last place of the stream that the author had seen."""

    seq: Count
    entry: Hex32


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is signed and logged at once (table of protocol.md 2). Absent members are None.

    A bidder is known by the very key that signs: `author` and `key` must agree.
    """

    type: RecordType
    author: Author
    key: Hex32
    at: Time
    body: Hex32
    stream: Hex32 | None = None
    lot: Lot | None = None
    seen: Seen | None = None

    def __post_init__(self) -> None:
        if self.author.startswith("bidder:") and self.author != f"bidder:{self.key}":
            raise ValueError("a bidder's author names the signing key")


class SignatureLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature; a `keyid` is refused, because DSSE does not sign it."""

    sig: Base64


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """DSSE v1 JSON envelope with exactly one signature."""

    payload: Base64
    payload_type: Literal["application/vnd.yuanping.record+json"] = msgspec.field(
        name="payloadType"
    )
    signatures: tuple[SignatureLine]


prepare(Envelope, Header)


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope of good form. Nothing is proven until `check_signature` has returned."""

    header: Header
    header_bytes: bytes
    id: str
    signature: bytes

    @property
    def stream(self) -> str:
        """The stream it belongs to: the record itself if it is the first one."""
        return self.header.stream or self.id

    @property
    def signature_digest(self) -> str:
        """SHA-256 of the signature's raw bytes: the `sig` of the record's *what*."""
        return sha256(self.signature).hexdigest()


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE v1 pre-authentication encoding: the exact bytes that are signed. Lengths count bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def record_id(header_bytes: bytes) -> str:
    """SHA-256 of the pre-authentication encoding, in hex; a second signature changes nothing."""
    return sha256(pae(PAYLOAD_TYPE, header_bytes)).hexdigest()


def body_digest(body: bytes) -> str:
    """H("body", body), the header's `body`. Raises LimitError above 256 KiB."""
    if len(body) > MAX_BODY:
        raise LimitError(f"a body has at most {MAX_BODY} bytes, not {len(body)}")
    return digest_hex("body", body)


def seal(header: Header, signer: Signer) -> Envelope:
    """Sign `header`. Raises InvalidError or LimitError if others would refuse its form."""
    payload = encode(header)
    _read_header(payload)
    if header.key != key_id(signer.public):
        raise SignatureError("the header names another key than the signer's")
    signature = signer.sign(pae(PAYLOAD_TYPE, payload))
    return Envelope(b64encode(payload), PAYLOAD_TYPE, (SignatureLine(b64encode(signature)),))


def open_envelope(data: bytes | Envelope) -> Opened:
    """Check form and size of an envelope, its signature not yet.

    Raises LimitError for sizes, InvalidError for everything else.
    """
    envelope = data if isinstance(data, Envelope) else _read_envelope(data)
    return _opened(envelope.payload, envelope.signatures[0].sig)


@lru_cache(maxsize=OPENED)
def _opened(payload: str, sig: str) -> Opened:
    """One that was opened lately is not read again: who judges, keeps and shows it all ask."""
    header_bytes = b64decode(payload)
    header = _read_header(header_bytes)
    return Opened(header, header_bytes, record_id(header_bytes), b64decode(sig))


def check_signature(opened: Opened, public: PublicKey) -> None:
    """Return only if `public` is the key the header names and made the signature.

    Whether that key was in force at the record's place is the caller's question.
    Raises SignatureError.
    """
    if opened.header.key != key_id(public):
        raise SignatureError("the header names another key")
    verify(public, pae(PAYLOAD_TYPE, opened.header_bytes), opened.signature)


def _read_envelope(data: bytes) -> Envelope:
    if len(data) > MAX_ENVELOPE:
        raise LimitError(f"an envelope has at most {MAX_ENVELOPE} bytes, not {len(data)}")
    return decode(data, Envelope)


def _read_header(payload: bytes) -> Header:
    if len(payload) > MAX_HEADER:
        raise LimitError(f"a header has at most {MAX_HEADER} bytes, not {len(payload)}")
    return decode(payload, Header)
