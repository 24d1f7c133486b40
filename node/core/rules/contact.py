"""The call to a drawn expert: what she signs, and what the pool's evidence of it commits.

Source: protocol.md section 6.5: accepted, declined with her own signature, or unreachable with the
notifier's evidence. Who a person is stays in the pool; the regulator may have the evidence opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from node.core.records.canonical import Hex32, Time, digest, digest_of, encode
from node.core.records.kinds.base import HexBytes, Part

if TYPE_CHECKING:
    from node.core.rules.state import TenderState

Outcome = Literal["accepted", "declined", "unreachable"]


class ContactEvidence(Part, frozen=True, kw_only=True):
    """What a pool holds of one call; `sig` is the expert's, absent if she did not answer."""

    called: Time
    draw: Hex32
    outcome: Outcome
    person: Hex32
    salt: Hex32
    sig: HexBytes | None = None


def answer_message(draw: str, person: str, *, accepted: bool) -> bytes:
    """The 32 bytes an expert signs with her entry's key: H("answer", {"accepted",...})."""
    return digest("answer", encode({"accepted": accepted, "draw": draw, "person": person}))


def evidence_digest(evidence: ContactEvidence) -> str:
    """The member `evidence` of `expert.contacted`: H("contact", evidence)."""
    return digest_of("contact", evidence)


def answer_until(state: TenderState) -> int:
    """Until when a called expert may answer: half of the pools' time to call; epoch seconds.

    The other half is for what the pools say of it: a call logged after seed 2 was asked for would
    spoil the order in which the draw is proven.
    """
    return state.draw.called + state.rules.draw.contact_seconds.value // 2
