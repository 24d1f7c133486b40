"""Trust policies for logs: C2SP tlog-policy text, and the flat quorum that our own logs use.

The file comes from its reader, never from what it judges. URLs are checked for form and dropped:
a policy is used here to judge offline.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from node.core.errors import LogError
from node.core.log.checkpoint import parse_decimal
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey, parse_vkey

MAX_POLICY_BYTES: Final = 1 << 16
MAX_DEFINITIONS: Final = 128
"""Of each kind; tlog-policy (Implementation limits) asks for at least 32."""
NONE: Final = "none"
_GROUP: Final = "quorum-group"
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_WORD = re.compile("[^ \t]+")


@dataclass(frozen=True, slots=True)
class Group:
    """A group witnesses a checkpoint once `threshold` of its members do."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Which logs are accepted (by origin), which witnesses are known (by local name), who suffices.

    `groups` and `witnesses` share one namespace; a group names only what was defined before it.
    `quorum` is the name of a witness or group, or "none".
    """

    logs: Mapping[str, VerifierKey]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str


@dataclass(frozen=True, slots=True)
class Quorum:
    """One log and `q` of its `witnesses`: the flat form that protocol.md section 10.6 builds on.

    Raises LogError if q is more than there are witnesses, if two witnesses share a name or key, if
    the log's key is also a witness's (a cosignature does not name its signer, so no key may have
    two roles), or if a key is of the wrong kind.
    """

    log: VerifierKey
    witnesses: tuple[VerifierKey, ...]
    q: int

    def __post_init__(self) -> None:
        if not 0 <= self.q <= len(self.witnesses):
            raise LogError(f"a quorum of {self.q} among {len(self.witnesses)} witnesses")
        if self.log.kind != ED25519 or any(w.kind != COSIGNATURE for w in self.witnesses):
            raise LogError("a log key has type 1 and a witness key type 4")
        if len({w.name for w in self.witnesses}) != len(self.witnesses):
            raise LogError("two witnesses share a name")
        if len({self.log.public, *(w.public for w in self.witnesses)}) != 1 + len(self.witnesses):
            raise LogError("one key stands in two places of the policy")


def least_quorum(n: int, f: int) -> int:
    """The smallest safe quorum among n witnesses of whom f may lie with the host.

    Source: protocol.md section 3: floor((n + f) / 2) + 1; any two quorums then share an honest
    witness. Raises LogError if no quorum of n can be that large or the numbers make no sense.
    """
    q = (n + f) // 2 + 1
    if not (0 <= f < n and q <= n):
        raise LogError(f"no safe quorum among {n} witnesses of whom {f} may lie")
    return q


def quorum_of(policy: Policy, origin: str) -> Quorum:
    """Give the flat k-of-n quorum for one log. Raises LogError if the policy has another form."""
    log = policy.logs.get(origin)
    if log is None:
        raise LogError(f"the policy names no log {origin}")
    if policy.quorum == NONE:
        return Quorum(log, (), 0)
    group = policy.groups.get(policy.quorum) or Group(1, (policy.quorum,))
    if any(member not in policy.witnesses for member in group.members):
        raise LogError("the quorum is a group of groups; it must be a number of witnesses")
    return Quorum(log, tuple(policy.witnesses[m] for m in group.members), group.threshold)


def policy_text(log: VerifierKey, witnesses: Sequence[tuple[str, VerifierKey]], q: int) -> str:
    """Write the policy "q of these witnesses" for one log; `parse_policy` accepts it.

    Raises LogError for what no `Quorum` may be or a name the syntax cannot carry; q = 0 needs no
    witnesses.
    """
    Quorum(log, tuple(key for _, key in witnesses), q)
    if (q == 0) != (not witnesses):
        raise LogError("a quorum of none names no witnesses, any other names some")
    names = tuple(name for name, _ in witnesses)
    groups = {_GROUP: Group(q, names)} if q else {}
    policy = Policy({log.name: log}, dict(witnesses), groups, _GROUP if q else NONE)
    text = format_policy(policy)
    if parse_policy(text) != policy:
        raise LogError("a witness name cannot be written in a policy, or is used twice")
    return text


def format_policy(policy: Policy) -> str:
    """Write a policy in one canonical form: logs, witnesses, groups, quorum; k in digits."""
    lines = [f"log {key.encode()}" for key in policy.logs.values()]
    lines += [f"witness {name} {key.encode()}" for name, key in policy.witnesses.items()]
    for name, group in policy.groups.items():
        lines.append(" ".join(["group", name, str(group.threshold), *group.members]))
    lines.append(f"quorum {policy.quorum}")
    return "\n".join(lines) + "\n"


def parse_policy(data: str | bytes) -> Policy:
    """Read a policy file strictly.

    Source: C2SP tlog-policy, Policy file syntax and structure. Narrower than the spec in three
    points: UTF-8 only, Ed25519 keys only, one key an origin. Raises LogError.
    """
    reader = _Reader()
    for number, line in enumerate(_lines(data), start=1):
        words = _WORD.findall(line)
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except LogError as error:
            raise LogError(f"policy line {number}: {error.detail}") from None
    return reader.policy()


def _lines(data: str | bytes) -> list[str]:
    try:
        text = data.decode() if isinstance(data, bytes) else data
        size = len(text.encode())
    except UnicodeError:
        raise LogError("a policy is UTF-8 text") from None
    if size > MAX_POLICY_BYTES:
        raise LogError(f"a policy has at most {MAX_POLICY_BYTES} bytes")
    if _FORBIDDEN.search(text):
        raise LogError("a policy has no control character but tab and line feed")
    if not text.endswith("\n"):
        raise LogError("a policy's last line ends in a line feed")
    return text.split("\n")[:-1]


class _Reader:
    """Collects definitions line by line, so that each may name only earlier ones."""

    def __init__(self) -> None:
        self.logs: dict[str, VerifierKey] = {}
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._used: set[str] = set()

    def read(self, words: list[str]) -> None:
        rules = {
            "log": (2, 3, self._log),
            "witness": (3, 4, self._witness),
            "group": (4, 3 + 2 * MAX_DEFINITIONS, self._group),
            "quorum": (2, 2, self._quorum),
        }
        if words[0] not in rules:
            raise LogError(f"unknown definition {words[0][:32]!r}")
        least, most, rule = rules[words[0]]
        if not least <= len(words) <= most:
            raise LogError(f"wrong number of words after {words[0]}")
        rule(words)

    def policy(self) -> Policy:
        if self.quorum is None:
            raise LogError("a policy has exactly one quorum line")
        return Policy(
            MappingProxyType(self.logs),
            MappingProxyType(self.witnesses),
            MappingProxyType(self.groups),
            self.quorum,
        )

    def _log(self, words: list[str]) -> None:
        key = _key(words[1], ED25519, self.logs)
        if key.name in self.logs:
            raise LogError("two logs of one origin")
        self.logs[key.name] = key

    def _witness(self, words: list[str]) -> None:
        self._check_new(words[1], self.witnesses)
        self.witnesses[words[1]] = _key(words[2], COSIGNATURE, self.witnesses)

    def _group(self, words: list[str]) -> None:
        name, number, members = words[1], words[2], tuple(words[3:])
        self._check_new(name, self.groups)
        for member in members:
            self._check_defined(member)
            if member in self._used:
                raise LogError(f"{member} is a member twice")
            self._used.add(member)
        words_for = {"any": 1, "all": len(members)}
        threshold = words_for.get(number) or parse_decimal(number, "threshold")
        if not 1 <= threshold <= len(members):
            raise LogError(f"{threshold} of {len(members)} members")
        self.groups[name] = Group(threshold, members)

    def _quorum(self, words: list[str]) -> None:
        if self.quorum is not None:
            raise LogError("a second quorum line")
        if words[1] != NONE:
            self._check_defined(words[1])
        self.quorum = words[1]

    def _check_defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise LogError(f"{name[:64]} is not defined above")

    def _check_new(self, name: str, kind: Collection[str]) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise LogError(f"the name {name[:64]} is taken")
        if len(kind) >= MAX_DEFINITIONS:
            raise LogError(f"more than {MAX_DEFINITIONS} definitions of one kind")


def _key(text: str, kind: int, known: Mapping[str, VerifierKey]) -> VerifierKey:
    key = parse_vkey(text)
    if key.kind != kind:
        raise LogError(f"a key of type {key.kind} where type {kind} is needed")
    if any(key.public == other.public for other in known.values()):
        raise LogError("the same public key twice")
    if len(known) >= MAX_DEFINITIONS:
        raise LogError(f"more than {MAX_DEFINITIONS} definitions of one kind")
    return key
