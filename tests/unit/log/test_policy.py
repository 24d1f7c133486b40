"""Policies: the example of the specification, one reading of each line, the flat quorum."""

from __future__ import annotations

import pytest

from node.core.errors import LogError
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.log.policy import (
    Policy,
    Quorum,
    format_policy,
    least_quorum,
    parse_policy,
    policy_text,
    quorum_of,
)
from tests.vectors.log.keyring import LOG, ORIGIN, WITNESSES, signer

NAMED = tuple(zip(("xiangtan", "liling", "you"), (w.key for w in WITNESSES), strict=True))
TEXT = policy_text(LOG.key, NAMED, 2)
SIX = {
    n: signer(f"{n}.example/witness", COSIGNATURE).key for n in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}


def spec_example() -> str:
    """The two-level example printed in C2SP tlog-policy, with keys filled in."""
    lines = [f"log {LOG.key.encode()}", ""]
    lines += [f"witness {name} {key.encode()}" for name, key in SIX.items()]
    lines += [
        "# organisations",
        "group X-witnesses 2 X1 X2 X3",
        "\tgroup  Y-witnesses any Y1 Y2 Y3 ",
    ]
    lines += ["group X-and-Y all X-witnesses Y-witnesses", "quorum X-and-Y", ""]
    return "\n".join(lines)


def test_our_policy_reads_back_as_a_flat_quorum() -> None:
    policy = parse_policy(TEXT)
    assert format_policy(policy) == TEXT
    assert quorum_of(policy, ORIGIN) == Quorum(LOG.key, tuple(k for _, k in NAMED), 2)


def test_the_example_of_the_specification() -> None:
    policy = parse_policy(spec_example().encode())
    assert [group.threshold for group in policy.groups.values()] == [2, 1, 2]
    assert parse_policy(format_policy(policy)) == policy
    with pytest.raises(LogError, match="group of groups"):
        quorum_of(policy, ORIGIN)


def test_a_quorum_may_be_none_or_one_witness() -> None:
    none = parse_policy(f"log {LOG.key.encode()}\nquorum none\n")
    assert quorum_of(none, ORIGIN) == Quorum(LOG.key, (), 0)
    assert policy_text(LOG.key, (), 0) == format_policy(none)
    name, key = NAMED[0]
    one = parse_policy(f"log {LOG.key.encode()}\nwitness {name} {key.encode()}\nquorum {name}\n")
    assert quorum_of(one, ORIGIN) == Quorum(LOG.key, (key,), 1)


def test_urls_are_allowed_and_dropped() -> None:
    text = TEXT.replace(f"log {LOG.key.encode()}", f"log {LOG.key.encode()} https://a.example/log")
    assert parse_policy(text) == parse_policy(TEXT)


def test_a_policy_without_logs_knows_no_origin() -> None:
    with pytest.raises(LogError, match="names no log"):
        quorum_of(parse_policy("quorum none\n"), ORIGIN)


WITNESS = f"witness xiangtan {NAMED[0][1].encode()}\n"
BAD = {
    "no quorum": WITNESS,
    "two quorums": "quorum none\nquorum none\n",
    "two unlike quorums": WITNESS + "quorum none\nquorum xiangtan\n",
    "quorum not defined": "quorum xiangtan\n",
    "quorum defined later": "quorum xiangtan\n" + WITNESS,
    "quorum of two words": "quorum none none\n",
    "group defined later": "group g any xiangtan\n" + WITNESS + "quorum g\n",
    "group of itself": WITNESS + "group g any g\nquorum g\n",
    "group without members": WITNESS + "group g any\nquorum g\n",
    "member twice in a group": WITNESS + "group g 2 xiangtan xiangtan\nquorum g\n",
    "member of two groups": WITNESS + "group g any xiangtan\ngroup h any xiangtan\nquorum h\n",
    "threshold zero": WITNESS + "group g 0 xiangtan\nquorum g\n",
    "threshold above n": WITNESS + "group g 2 xiangtan\nquorum g\n",
    "threshold with leading zero": WITNESS + "group g 01 xiangtan\nquorum g\n",
    "threshold in words": WITNESS + "group g most xiangtan\nquorum g\n",
    "none as a member": WITNESS + "group g any none\nquorum g\n",
    "none as a name": f"witness none {NAMED[0][1].encode()}\nquorum none\n",
    "name twice": WITNESS + f"witness xiangtan {NAMED[1][1].encode()}\nquorum xiangtan\n",
    "group named as a witness": WITNESS + "group xiangtan any xiangtan\nquorum xiangtan\n",
    "key twice": WITNESS + f"witness b {NAMED[0][1].encode()}\nquorum b\n",
    "key twice under another name": WITNESS
    + f"witness b {VerifierKey('b', COSIGNATURE, NAMED[0][1].public).encode()}\nquorum b\n",
    "log twice": f"log {LOG.key.encode()}\nlog {LOG.key.encode()}\nquorum none\n",
    "origin twice": f"log {LOG.key.encode()}\n"
    + f"log {VerifierKey(ORIGIN, ED25519, NAMED[0][1].public).encode()}\nquorum none\n",
    "log key as witness": f"witness a {LOG.key.encode()}\nquorum a\n",
    "witness key as log": f"log {NAMED[0][1].encode()}\nquorum none\n",
    "unknown word": "witnesses\nquorum none\n",
    "too many words": f"log {LOG.key.encode()} https://a.example extra\nquorum none\n",
    "carriage return": "quorum none\r\n",
    "form feed as white space": "quorum\x0cnone\n",
    "no last line feed": "quorum none",
    "empty": "",
    "delete character": "# \x7f\nquorum none\n",
    "too large": "#" * 65536 + "\nquorum none\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_refused_policies(text: str) -> None:
    with pytest.raises(LogError):
        parse_policy(text)


def test_a_mistake_is_named_by_its_line() -> None:
    with pytest.raises(LogError, match="policy line 2: a second quorum"):
        parse_policy(BAD["two quorums"])


def test_not_utf8_is_refused() -> None:
    with pytest.raises(LogError, match="UTF-8"):
        parse_policy(b"# \xff\nquorum none\n")


def test_a_quorum_gives_each_key_one_place() -> None:
    keys = tuple(k for _, k in NAMED)
    double = VerifierKey("z.example/witness", COSIGNATURE, keys[0].public)
    as_witness = VerifierKey("z.example/witness", COSIGNATURE, LOG.key.public)
    namesake = VerifierKey(keys[0].name, COSIGNATURE, LOG.key.public)
    for log, witnesses, q in (
        (LOG.key, keys, 4),
        (LOG.key, keys, -1),
        (LOG.key, (*keys, double), 2),
        (LOG.key, (*keys, as_witness), 2),
        (LOG.key, (*keys, namesake), 2),
        (LOG.key, (*keys, LOG.key), 2),
        (keys[0], keys[1:], 1),
    ):
        with pytest.raises(LogError):
            Quorum(log, witnesses, q)


def test_a_policy_text_can_always_be_read() -> None:
    key = NAMED[0][1]
    for named, q in ((((("a b", key)),), 1), ((("none", key),), 1), (NAMED, 0), ((), 1)):
        with pytest.raises(LogError):
            policy_text(LOG.key, named, q)
    with pytest.raises(LogError):
        policy_text(LOG.key, (("a", NAMED[0][1]), ("a", NAMED[1][1])), 1)


def test_least_quorums_always_share_an_honest_witness() -> None:
    for n in range(1, 12):
        for f in range(n):
            if (n + f) // 2 + 1 > n:
                with pytest.raises(LogError):
                    least_quorum(n, f)
                continue
            q = least_quorum(n, f)
            assert 2 * q - n > f >= 2 * (q - 1) - n
    for n, f in ((0, 0), (3, -1), (3, 3)):
        with pytest.raises(LogError):
            least_quorum(n, f)


def test_policies_are_plain_values() -> None:
    assert Policy({}, {}, {}, "none") == parse_policy("quorum none\n")
