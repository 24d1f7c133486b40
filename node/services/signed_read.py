"""Signed reads: how a person proves over plain HTTP that a cut of the evidence is his to read.

Not C2SP, ours: two headers, `Yuanping-Time` and `Yuanping-Signature: <key id>:<hex signature>`,
over the text of `read_message`. The text names the node that is asked, so that no node can pass a
request on to another one and read there as the asker; it begins unlike a record's (`DSSEv1 `), so
that neither signature is ever the other's. Within `WINDOW_S` the same request may be sent again and
gives the same answer to whoever holds it: that is why only reads are signed so, and why the answer
belongs into TLS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from node.core.errors import InvalidError, SignatureError
from node.core.records.canonical import epoch_of
from node.core.records.keys import PublicKey, key_id, verify

SIGNATURE_HEADER: Final = "Yuanping-Signature"
TIME_HEADER: Final = "Yuanping-Time"
WINDOW_S: Final = 60
"""Seconds by which the asker's clock and the node's may differ."""
_SIGNATURE: Final = re.compile(r"([0-9a-f]{64}):([0-9a-f]{128})")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says that he signed a request, and with what; nothing of it is verified yet."""

    key: str
    signature: bytes


def read_message(node: str, target: bytes, time: str) -> bytes:
    """Give the bytes that are signed: four lines, each ended by a line feed.

    `node` is the id of the node that is asked, `target` the request target exactly as it is sent
    (path, then `?` and query if there is one), `time` the text of `Yuanping-Time`. HEAD is signed
    as GET.
    """
    return b"yuanping/read/v1\n%b\nGET %b\n%b\n" % (node.encode(), target, time.encode())


def parse_claim(header: str) -> Claim:
    """Read `Yuanping-Signature`. Raises InvalidError on any other spelling."""
    found = _SIGNATURE.fullmatch(header)
    if found is None:
        raise InvalidError(f"{SIGNATURE_HEADER} is <key id>:<signature>, 64 and 128 hex digits")
    return Claim(found[1], bytes.fromhex(found[2]))


def is_fresh(time: str, now: int) -> bool:
    """Tell whether a request of this time may be answered at `now` (epoch seconds).

    Raises InvalidError if it is no time.
    """
    return abs(epoch_of(time) - now) <= WINDOW_S


def is_signed_by(public: PublicKey, claim: Claim, message: bytes) -> bool:
    """Tell whether `public` is the key that the claim names and made its signature."""
    if key_id(public) != claim.key:
        return False
    try:
        verify(public, message, claim.signature)
    except SignatureError:
        return False
    return True
