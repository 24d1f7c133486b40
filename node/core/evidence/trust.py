"""The reader's policy: whom and what he trusts. It never comes from the evidence it judges.

Source: interfaces.md I5, protocol.md 8. The file is one JSON object, read strictly: an unknown or
doubled member is refused, because a misspelt `allow` must not pass as a default. Wrong files
raise InvalidError only: `unreadable` where it is no policy file at all, else `form`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

import msgspec

from node.core.errors import InvalidError, NodeError
from node.core.log.eras import Era
from node.core.log.note import ED25519, VerifierKey
from node.core.log.policy import Quorum, least_quorum, parse_policy, quorum_of
from node.core.records.canonical import END, Count, Hex32, Time, epoch_of
from node.core.records.kinds.base import CentreId, Hex20
from node.core.records.kinds.streams import Network, RegistryKey

FORMAT: Final = "yuanping-trust/v1"
MAX_BYTES: Final = 64 * 1024 * 1024
_Small = Annotated[int, msgspec.Meta(ge=0, le=128)]


class _Form(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Base of every part of the policy."""


class LogTrust(_Form, frozen=True):
    """One log: q of n witnesses must cosign, of whom f may lie with the host.

    A log whose witnesses changed stands more than once, in order of time; each but the last one
    speaks for what was cosigned up to its `until`.
    """

    f: _Small
    n: _Small
    origin: str
    q: _Small
    tlog_policy: str
    until: Time | None = None


class MemberTrust(_Form, frozen=True):
    """Keys that a member must have in the registry."""

    id: CentreId
    keys: tuple[RegistryKey, ...]


class Contracts(_Form, frozen=True):
    """Addresses of the network's contracts, 20 bytes in hex."""

    anchor: Hex20
    beacon: Hex20
    registry: Hex20


class OperatorKey(_Form, frozen=True):
    """The key of a development chain's one operator."""

    key: Hex32
    suite: Literal["ed25519"]


class ValidatorKey(_Form, frozen=True):
    """One validator of a real chain and its voting power."""

    key: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2}){20,64}" + END)]
    power: Count


class ChainTrust(_Form, frozen=True):
    """The chain: its kind, contracts, and the operator or the validators who speak for it."""

    contracts: Contracts
    kind: Literal["anvil", "cometbft", "qbft"]
    operator: OperatorKey | None = None
    validators: tuple[ValidatorKey, ...] | None = None


class Allow(_Form, frozen=True):
    """What a demonstration needs and a real tender must not have."""

    one_operator_chain: bool = False
    test_clock: bool = False


class TrustForm(_Form, frozen=True):
    """The whole file."""

    beacons: tuple[str, ...]
    centres: tuple[MemberTrust, ...]
    chain: ChainTrust
    format: Literal["yuanping-trust/v1"]
    logs: tuple[LogTrust, ...]
    network: Network
    regulators: tuple[MemberTrust, ...]
    rulesets: tuple[Hex32, ...]
    allow: Allow = Allow()


@dataclass(frozen=True, slots=True)
class Trust:
    """A policy that makes sense: `eras` of each log's quorum by origin, in order of time."""

    form: TrustForm
    eras: dict[str, tuple[Era, ...]]

    @property
    def operator_vkey(self) -> str | None:
        """The operator's verifier key, or None if the chain has validators."""
        operator = self.form.chain.operator
        if operator is None:
            return None
        name = f"yuanping-devnet/{self.form.network.chain_id}"
        return VerifierKey(name, ED25519, bytes.fromhex(operator.key)).encode()


_DECODER: Final = msgspec.json.Decoder(TrustForm)


def parse_trust(data: bytes) -> Trust:
    """Read a policy. Raises InvalidError: `unreadable`, or `form` saying what is wrong with it."""
    _check_readable(data)
    try:
        form = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidError(f"policy: {error}") from None
    chain = form.chain
    if (chain.operator is None) == (chain.validators is None):
        raise InvalidError("policy: a chain has an operator or validators")
    trust = Trust(form, {log.origin: _eras(form, log.origin) for log in form.logs})
    _check_operator(trust)
    return trust


def _eras(form: TrustForm, origin: str) -> tuple[Era, ...]:
    """All that the policy says of one log: one key, and each `until` later than the one before."""
    eras = tuple(_era(log) for log in form.logs if log.origin == origin)
    ends = [era.until for era in eras]
    ascending = all(a is not None and (b is None or a <= b) for a, b in pairwise(ends))
    if ends[-1] is not None or not ascending:
        raise InvalidError(
            f"policy: log {origin[:80]}: each entry but the last has `until`, in order of time"
        )
    if len({era.quorum.log for era in eras}) != 1:
        raise InvalidError(f"policy: two logs of one origin {origin[:80]}")
    return eras


def _era(log: LogTrust) -> Era:
    return Era(_quorum(log), log.f, None if log.until is None else epoch_of(log.until))


def _check_operator(trust: Trust) -> None:
    try:
        _ = trust.operator_vkey
    except NodeError as error:
        raise InvalidError(f"policy: operator: {error.detail}") from None


def _quorum(log: LogTrust) -> Quorum:
    try:
        quorum = quorum_of(parse_policy(log.tlog_policy), log.origin)
        least = least_quorum(log.n, log.f)
    except NodeError as error:
        raise InvalidError(f"policy: log {log.origin[:80]}: {error.detail}") from None
    if (len(quorum.witnesses), quorum.q) != (log.n, log.q):
        raise InvalidError(f"policy: log {log.origin[:80]}: n and q are not those of tlog_policy")
    if log.q < least:
        raise InvalidError(f"policy: log {log.origin[:80]}: q must be at least {least}")
    return quorum


def _check_readable(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise InvalidError(f"policy: more than {MAX_BYTES} bytes", code="unreadable")
    try:
        found = json.loads(data.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidError("policy: not one JSON object in UTF-8", code="unreadable") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InvalidError(f"policy: the format is not {FORMAT}", code="unreadable")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidError("policy: a member stands twice")
    return found
