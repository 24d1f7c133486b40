"""Boxes whose every byte follows from the seed: the oracle's own encryption, not the library's.

The library draws the nonces of Cobblestone and HPKE itself, so a box of `make_box` is another one
at each run. These open with the node's own functions like any other.
"""

from __future__ import annotations

from hashlib import sha256

from node.core.records.box import (
    Box,
    BoxContext,
    Ciphertext,
    MadeBox,
    Share,
    pad,
    share_hash,
)
from node.core.records.canonical import encode
from node.core.records.keys import PublicKey
from node.core.records.shamir import draw_element, split
from tests.vectors.records import oracle
from tests.world.chance import Chance


def seal_box(
    plaintext: bytes,
    context: BoxContext,
    holders: list[tuple[str, PublicKey]],
    chance: Chance,
) -> MadeBox:
    """A box that any two holders open."""
    key = draw_element(chance.draw)
    values = split(key, 2, len(holders), chance.draw)
    shares = [Share(i, chance.salt(), y.hex()) for i, y in enumerate(values, start=1)]
    ciphertext = oracle.cobblestone(key, chance.draw(24), encode(context), pad(plaintext))
    box = Box(
        ciphertext=Ciphertext(sha256(ciphertext).hexdigest(), len(ciphertext)),
        holders=tuple(name for name, _ in holders),
        shares=tuple(share_hash(share) for share in shares),
        t=2,
    )
    sealed = tuple(
        oracle.hpke(
            bytes.fromhex(public.key),
            encode({"index": share.index, **_members(context)}),
            bytes.fromhex(share.share + share.salt),
            chance.draw(32),
        )
        for share, (_, public) in zip(shares, holders, strict=True)
    )
    return MadeBox(box, ciphertext, sealed, key)


def _members(context: BoxContext) -> dict[str, str]:
    found = {"key": context.key, "purpose": context.purpose, "stream": context.stream}
    return found | ({"lot": context.lot} if context.lot is not None else {})
