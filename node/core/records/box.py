"""A box: what may not be opened before its time, not even by the host, and whose fault if it fails.

Source: protocol.md 5 and 10.7; C2SP chunked-encryption (Cobblestone-256), RFC 9180 base mode.
The record's body commits to ciphertext and shares; ciphertext and sealed shares travel beside it.
Codes: `box-maker` = the maker is at fault, `box-holder` = the holder named in the detail is,
`box` = what was handed over is not what the body commits to, or too little of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from node.core.errors import BoxError, InvalidError, LimitError, SignatureError
from node.core.records.canonical import END, Count, Hex32, decode, digest_of, encode, prepare
from node.core.records.envelope import Lot, NodeId
from node.core.records.keys import PublicKey, check_public
from node.core.records.shamir import (
    MAX_SHARES,
    Draw,
    combine,
    draw_element,
    is_element,
    split,
)

BLOCK: Final = 1024
SEALED_SIZE: Final = 112
"""Bytes of a sealed share: 32 encapsulated key, 64 plaintext, 16 tag."""
NAME_BLOCK: Final = 256
SEALED_NAME_SIZE: Final = 304
"""Bytes of a sealed name, whatever its length: 32 encapsulated key, 256 padded, 16 tag."""
_HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Ciphertext(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """SHA-256 and size in bytes of the whole ciphertext."""

    sha256: Hex32
    size: Count


class Box(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The member of a record's body: share i (from 1) is of `holders[i-1]`, hash `shares[i-1]`."""

    ciphertext: Ciphertext
    holders: Annotated[tuple[NodeId, ...], msgspec.Meta(min_length=2, max_length=MAX_SHARES)]
    shares: Annotated[tuple[Hex32, ...], msgspec.Meta(min_length=2, max_length=MAX_SHARES)]
    t: Annotated[int, msgspec.Meta(ge=2, lt=MAX_SHARES + 1)]

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.holders) or self.t > len(self.holders):
            raise ValueError("one share a holder, and not more needed than there are")
        if len(set(self.holders)) != len(self.holders):
            raise ValueError("a holder stands twice")


class BoxContext(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a box is for; a box taken elsewhere does not open.

    `key` is the id of the key that signs the box's record, `stream` the tender's stream.
    `lot` is absent, not empty, where the box concerns the whole tender.
    """

    key: Hex32
    purpose: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z-]{0,31}" + END)]
    stream: Hex32
    lot: Lot | None = None


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share in the open: number, salt and y. Its hash stands in the box since it was made."""

    index: Annotated[int, msgspec.Meta(ge=1, lt=MAX_SHARES + 1)]
    salt: Hex32
    share: Hex32


prepare(Box, Share)


@dataclass(frozen=True, slots=True)
class MadeBox:
    """What a maker has: `box` for the body, the rest for storage; `key` he keeps to himself."""

    box: Box
    ciphertext: bytes
    sealed: tuple[bytes, ...]
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedBox:
    """The content, and the key with which all others can open the same ciphertext."""

    plaintext: bytes = field(repr=False)
    key: bytes = field(repr=False)


def pad(plaintext: bytes, block: int = BLOCK) -> bytes:
    """0x80, then zeros up to a multiple of `block` (ISO/IEC 7816-4): sizes tell little."""
    return plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % block)


def unpad(padded: bytes, block: int = BLOCK) -> bytes:
    """Undo `pad`; raises InvalidError unless `padded` is exactly what `pad` would write."""
    plaintext = padded.rstrip(b"\0")[:-1]
    if pad(plaintext, block) != padded:
        raise InvalidError("padding is not 0x80 and zeros up to the block")
    return plaintext


def share_hash(share: Share) -> str:
    """H("share", {"index","salt","share"})."""
    return digest_of("share", share)


def make_box(
    plaintext: bytes,
    context: BoxContext,
    holders: Sequence[tuple[str, PublicKey]],
    t: int,
    draw: Draw,
) -> MadeBox:
    """Pad and encrypt `plaintext` under a fresh key, any t of `holders` can give it back.

    `holders` are registry ids with their X25519 keys, in order of share number. `draw` gives
    key, coefficients and salts; Cobblestone's and HPKE's own nonces come from the library.
    Raises InvalidError or SignatureError for holders or t that others would refuse.
    """
    publics = [_box_public(public) for _, public in holders]
    key = draw_element(draw)
    values = split(key, t, len(holders), draw)
    shares = [Share(i, draw(32).hex(), y.hex()) for i, y in enumerate(values, start=1)]
    encryptor = Cobblestone256Encryptor(key, encode(context))
    ciphertext = encryptor.update(pad(plaintext)) + encryptor.finalize()
    box = _box(ciphertext, [holder for holder, _ in holders], shares, t)
    sealed = (
        _HPKE.encrypt(bytes.fromhex(s.share + s.salt), public, info=_info(context, s.index))
        for s, public in zip(shares, publics, strict=True)
    )
    return MadeBox(box, ciphertext, tuple(sealed), key)


def open_share(sealed: bytes, index: int, context: BoxContext, private: bytes) -> Share:
    """What a holder does with its sealed share; `private` is its 32-byte X25519 key.

    Raises BoxError (`box`) if it was not sealed for this key, number and context. The holder
    compares the result by `check_share` at once, long before the release.
    """
    try:
        secret = X25519PrivateKey.from_private_bytes(private)
        plain = _HPKE.decrypt(sealed, secret, info=_info(context, index))
    except (InvalidTag, ValueError):
        raise BoxError(f"sealed share {index} does not open for this holder") from None
    if len(plain) != 64:
        raise BoxError(f"sealed share {index} does not hold a share and its salt")
    return Share(index, plain[32:].hex(), plain[:32].hex())


def check_share(box: Box, share: Share) -> None:
    """Accept only the very share the maker committed to.

    Raises BoxError: `box-holder` naming the holder that showed another; `box` if the box has no
    such number.
    """
    if not 1 <= share.index <= len(box.shares):
        raise BoxError(f"the box has no share {share.index}")
    if share_hash(share) != box.shares[share.index - 1]:
        holder = box.holders[share.index - 1]
        raise BoxError(f"share {share.index} of {holder} is not the sealed one", code="box-holder")


def open_box(
    box: Box, ciphertext: bytes, shares: Sequence[Share], context: BoxContext
) -> OpenedBox:
    """Open with the shares shown, t or more; every one of them is judged.

    In this order, each BoxError with its code: ciphertext and number of shares (`box`), each
    share against its hash (`box-holder`), then shares that agree, are below p, open the
    ciphertext and leave good padding (`box-maker`): only the maker can have got these wrong.
    """
    _check_ciphertext(box, ciphertext)
    for share in shares:
        check_share(box, share)
    values = {share.index: bytes.fromhex(share.share) for share in shares}
    if len(values) < box.t:
        raise BoxError(f"{len(values)} shares were shown; {box.t} are needed")
    try:
        key = combine(values, box.t)
    except InvalidError as error:
        raise BoxError(error.detail, code="box-maker") from None
    return OpenedBox(_decrypt(ciphertext, key, context, fault="box-maker"), key)


def open_with_key(box: Box, ciphertext: bytes, key: bytes, context: BoxContext) -> bytes:
    """Open with the key itself, as an opened record or the maker gives it.

    Raises BoxError (`box`): a wrong key proves nothing against anybody, shares do.
    """
    _check_ciphertext(box, ciphertext)
    if not is_element(key):
        raise BoxError("the key is not 32 bytes below 2^256 - 189")
    return _decrypt(ciphertext, key, context, fault="box")


def seal_name(name: str, pseudonym: str, public: PublicKey) -> bytes:
    """Seal a person's name to the regulator's box key, so that no centre's store holds it in clear.

    HPKE base mode; info = {"key": pseudonym, "purpose": "name"}, so that a sealed name taken to
    another entry does not open; padded, so that the length says nothing. HPKE's own nonce comes
    from the library. Raises LimitError above 255 bytes of UTF-8, SignatureError for another key.
    """
    text = name.encode()
    if len(text) >= NAME_BLOCK:
        raise LimitError(f"a name has at most {NAME_BLOCK - 1} bytes")
    return _HPKE.encrypt(pad(text, NAME_BLOCK), _box_public(public), info=_name_info(pseudonym))


def open_name(sealed: bytes, pseudonym: str, private: bytes) -> str:
    """The name, with the regulator's 32-byte X25519 key; only after `identity.unlocked` stands.

    Raises BoxError (`box`) if it was not sealed for this key and pseudonym.
    """
    try:
        secret = X25519PrivateKey.from_private_bytes(private)
        return unpad(_HPKE.decrypt(sealed, secret, info=_name_info(pseudonym)), NAME_BLOCK).decode()
    except (InvalidTag, InvalidError, ValueError):
        raise BoxError("the sealed name does not open for this key and entry") from None


def _name_info(pseudonym: str) -> bytes:
    return encode({"key": pseudonym, "purpose": "name"})


def _box(ciphertext: bytes, holders: list[str], shares: list[Share], t: int) -> Box:
    members = {
        "ciphertext": Ciphertext(sha256(ciphertext).hexdigest(), len(ciphertext)),
        "holders": holders,
        "shares": [share_hash(share) for share in shares],
        "t": t,
    }
    return decode(encode(members), Box)


def _box_public(public: PublicKey) -> X25519PublicKey:
    check_public(public)
    if public.suite != "x25519":
        raise SignatureError(f"a holder's key is of suite x25519, not {public.suite}")
    return X25519PublicKey.from_public_bytes(bytes.fromhex(public.key))


def _info(context: BoxContext, index: int) -> bytes:
    members: dict[str, str | int] = {
        "index": index,
        "key": context.key,
        "purpose": context.purpose,
        "stream": context.stream,
    }
    if context.lot is not None:
        members["lot"] = context.lot
    return encode(members)


def _check_ciphertext(box: Box, ciphertext: bytes) -> None:
    told = box.ciphertext
    if len(ciphertext) != told.size or sha256(ciphertext).hexdigest() != told.sha256:
        raise BoxError("this is not the ciphertext the record commits to")


def _decrypt(ciphertext: bytes, key: bytes, context: BoxContext, *, fault: str) -> bytes:
    decryptor = Cobblestone256Decryptor(key, encode(context))
    try:
        return unpad(decryptor.update(ciphertext) + decryptor.finalize())
    except InvalidTag:
        raise BoxError("the key does not open the ciphertext", code=fault) from None
    except InvalidError as error:
        raise BoxError(error.detail, code="box-maker") from None
