"""Check 2, signatures: every record by the key in force at its place, every body by its digest.

Source: protocol.md 2, 7. Places 0 and 1 are judged by the registry note at place 1; each later one
by the last note before it. What it proves: who said it, if the registry is the right one (check 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.records.envelope import body_digest, check_signature
from node.core.records.kinds.streams import RegistryNoted
from node.core.rules.membership import Keyring, learn, signer_of

if TYPE_CHECKING:
    from node.core.evidence.bundle import Place, Stream
    from node.core.evidence.case import Case


def check(case: Case) -> None:
    """Check 2. Raises LinkError."""
    for stream in case.evidence.streams:
        _check_stream(stream)


def _check_stream(stream: Stream) -> None:
    noted = stream.places[1] if len(stream.places) > 1 else None
    if noted is None or noted.opened is None or not isinstance(noted.body, RegistryNoted):
        raise LinkError("registry-missing", f"{stream.path}/places/1", "no registry.noted")
    keyring = learn(Keyring(), noted.opened.header, noted.body)
    for place in stream.places:
        if place.opened is None:
            continue
        check_record(place, keyring)
        keyring = learn(keyring, place.opened.header, place.body)


def check_record(place: Place, keyring: Keyring) -> None:
    """Accept one record if its body and signature are what its header and place say."""
    opened, what = place.opened, place.what
    if opened is None or what is None:
        return
    header = opened.header
    if place.body_bytes is not None and body_digest(place.body_bytes) != header.body:
        raise LinkError("body", place.path, "the body's digest is not the header's")
    try:
        public = signer_of(keyring, header, place.body)
    except NodeError as error:
        raise LinkError("key", place.path, error.detail) from None
    if public is None:
        return  # the record that introduces this author is withheld: `unseen` says so
    try:
        check_signature(opened, public)
    except NodeError as error:
        raise LinkError("signature", place.path, error.detail) from None
    if what.sig != opened.signature_digest:
        raise LinkError("signature", place.path, "another signature than the one logged")
