"""Good evidence is proven for each of its readers, and the verdict says what it should."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.core.evidence.bundle import read_evidence
from node.core.evidence.links import REMARKS, SENTENCES, LinkError
from node.core.evidence.report import EXPLAINED, NAMES, Verdict
from node.core.evidence.verify import CHECKS, verify
from node.core.records.canonical import encode
from tests.world.network import HOST, REGULATOR
from tests.world.scripts import JP
from tests.world.session import SCRIPTS, Whole, evidence, world

READERS = ("regulator", "public", "centre:changsha", f"centre:{HOST}")


def bidder_of(name: str) -> str:
    """The reader that the first bidder of a tender is."""
    return world(name).sealed[0].person.author


def code_of(verdict: Verdict) -> tuple[int, str]:
    """Number and code of the first broken link."""
    first = verdict.first_broken
    assert first is not None
    assert first.broken is not None
    return first.number, first.broken.link


@pytest.mark.parametrize("reader", [*READERS, "bidder"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_good_evidence_is_proven(name: str, reader: str) -> None:
    whose = bidder_of(name) if reader == "bidder" else reader
    verdict = verify(evidence(name, whose), world(name).net.trust())
    assert verdict.first_broken is None
    assert verdict.exit_code == 0
    assert [result.status for result in verdict.results] == ["ok"] * 7
    assert verdict.remarks == ()


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("jp", {"outcome": "awarded", "winner": "B101", "price": "14820000"}),
        ("cn", {"outcome": "awarded", "winner": "H03", "price": "3990000.00"}),
        ("jp-none", {"outcome": "failed", "winner": None, "price": None}),
        ("cn-few", {"outcome": "failed", "winner": None, "price": None}),
    ],
)
def test_verdict_names_the_result(name: str, result: dict[str, str | None]) -> None:
    document = verify(evidence(name, "public"), world(name).net.trust()).document("en")
    assert document["result"] == result
    assert document["closed"] is True
    assert document["tender_id"] == SCRIPTS[name].name


def test_a_lot_decides_between_equal_bids() -> None:
    document = verify(evidence("jp-tie", "public"), world("jp-tie").net.trust()).document("en")
    assert document["result"]["outcome"] == "awarded_by_lot"
    assert document["result"]["winner"] in ("B101", "B102")


def test_verdict_has_the_members_that_the_interface_names() -> None:
    document = verify(evidence("jp", "public"), world("jp").net.trust()).document("en")
    assert set(document) == {
        "format", "kind", "verdict", "tender_id", "as_of", "closed", "checks", "first_broken",
        "result", "unseen", "draws", "void_rounds", "trust", "counts", "remarks",
    }  # fmt: skip
    assert document["format"] == "yuanping-verdict/v1"
    assert document["trust"] == {
        "n": 3, "q": 3, "f": 1, "chain": "anvil", "operators": 1, "clock": "test",
    }  # fmt: skip
    assert (document["draws"], document["void_rounds"]) == (1, 0)
    assert {one["type"]: one["count"] for one in document["unseen"]} == {
        "rejection.voted/v1": 5,
        "report.signed/v1": 5,
        "review.checked/v1": 1,
        "share.released/v1": 3,
        "identity.unlocked/v1": 1,
    }
    counts = document["counts"]
    assert counts["places"] == counts["headers"] == counts["bodies"] + 15
    assert json.loads(json.dumps(document)) == document


def test_public_file_shows_less_than_the_regulators() -> None:
    shown = {
        reader: verify(evidence("cn", reader), world("cn").net.trust()).facts["counts"]["bodies"]
        for reader in READERS
    }
    assert shown["public"] < shown["centre:changsha"] < shown["regulator"]


@pytest.mark.parametrize("name", ["jp", "cn"])
def test_another_reader_is_only_told_what_is_withheld_from_him(name: str) -> None:
    """I4: with another reader than the file's only less is checked."""
    trust = world(name).net.trust()
    assert verify(evidence(name, "regulator"), trust, "public").exit_code == 0
    assert code_of(verify(evidence(name, "public"), trust, "regulator")) == (1, "withheld")
    assert code_of(verify(evidence(name, "public"), trust, "nobody")) == (1, "reader")


def test_another_reader_must_be_one_there_is() -> None:
    """A name that nobody bears is shown nothing less, and that would prove nothing."""
    made, trust = world("jp"), world("jp").net.trust()
    regulator, public = evidence("jp", "regulator"), evidence("jp", "public")
    for sealed in made.sealed:
        assert verify(regulator, trust, sealed.person.author).exit_code == 0
    for centre in made.net.pools:
        assert verify(regulator, trust, f"centre:{centre}").exit_code == 0
    for nobody in ("centre:nobody", f"centre:{REGULATOR}", f"bidder:{'0' * 64}"):
        for file in (regulator, public):
            assert code_of(verify(file, trust, nobody)) == (1, "reader-unknown")


def test_bidder_is_not_asked_for_his_bid_before_the_file_shows_bids() -> None:
    made = Whole(replace(JP, name="tsuchiura-early"))
    made.found()
    made.net.tick()
    made.end()
    file = made.net.evidence(made.state.stream, "regulator")
    assert verify(file, made.net.trust(), f"bidder:{'0' * 64}").exit_code == 0
    assert code_of(verify(file, made.net.trust(), "centre:nobody")) == (1, "reader-unknown")


def test_one_place_withheld_from_its_reader() -> None:
    """The file's own reader gets a record as header only."""
    file = json.loads(evidence("jp", "regulator"))
    del file["streams"][0]["places"][5]["body"]
    verdict = verify(encode(file) + b"\n", world("jp").net.trust())
    assert code_of(verdict) == (1, "withheld")


def proofs_of(file: dict[str, Any]) -> list[list[str]]:
    """One proof of each kind: of a place of a side stream, and from checkpoint to checkpoint."""
    return [
        file["streams"][1]["places"][2]["proof"],
        file["streams"][0]["checkpoints"][1]["consistency"],
    ]


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda proof: [one.upper() for one in proof],
        lambda proof: [proof[0][:-2] + "  ", *proof[1:]],
        lambda proof: [" " + proof[0][:-2] + "\n", *proof[1:]],
        lambda proof: [proof[0][:-1] + "g", *proof[1:]],
        lambda proof: [proof[0][:-1] + "é", *proof[1:]],
        lambda proof: [proof[0][:-2], *proof[1:]],
        lambda proof: [proof[0] + "00", *proof[1:]],
    ],
)
@pytest.mark.parametrize("kind", [0, 1])
def test_a_hash_of_a_proof_has_one_spelling(
    kind: int, spoiled: Callable[[list[str]], list[str]]
) -> None:
    file = json.loads(evidence("jp", "regulator"))
    proof = proofs_of(file)[kind]
    proof[:] = spoiled(proof)
    assert code_of(verify(encode(file) + b"\n", world("jp").net.trust())) == (1, "form")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"allow": {}}, "one-operator"),
        ({"allow": {"one_operator_chain": True}}, "test-clock"),
        ({"network": {"chain_id": 1, "registry": "00" * 20}}, "network"),
        ({"rulesets": []}, "ruleset"),
        ({"beacons": ["bls-threshold"]}, "beacon"),
        ({"regulators": []}, "pinned"),
    ],
)
def test_demonstration_under_a_stricter_policy(changes: dict[str, object], code: str) -> None:
    verdict = verify(evidence("jp", "public"), world("jp").net.trust(**changes))
    assert code_of(verdict) == (5, code)
    assert verdict.exit_code == 1


def test_policy_with_validators_cannot_prove_a_chain_of_one_operator() -> None:
    chain = dict(world("jp").net.policy()["chain"])
    del chain["operator"]
    chain |= {"kind": "cometbft", "validators": [{"key": "00" * 32, "power": 1}]}
    verdict = verify(evidence("jp", "public"), world("jp").net.trust(chain=chain))
    assert code_of(verdict) == (5, "chain-kind")


def test_log_that_the_policy_does_not_name() -> None:
    logs = [log for log in world("jp").net.policy()["logs"] if "changsha" not in log["origin"]]
    verdict = verify(evidence("jp", "public"), world("jp").net.trust(logs=logs))
    assert code_of(verdict) == (4, "log-unknown")


def test_a_check_that_depends_on_a_failed_one_is_not_run() -> None:
    file = json.loads(evidence("jp", "regulator"))
    file["streams"][0]["places"][3]["index"] += 1
    verdict = verify(encode(file) + b"\n", world("jp").net.trust())
    status = {result.number: result.status for result in verdict.results}
    assert status == {
        1: "ok", 2: "ok", 3: "failed", 4: "not_run", 5: "not_run", 6: "not_run", 7: "not_run",
    }  # fmt: skip


def test_checks_are_numbered_named_and_explained() -> None:
    assert [check.number for check in CHECKS] == list(NAMES) == list(EXPLAINED) == list(range(1, 8))
    assert all(zh and en for zh, en in EXPLAINED.values())


def test_every_code_has_a_sentence_in_both_languages() -> None:
    for zh, en in (*SENTENCES.values(), *REMARKS.values()):
        assert zh != en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    link = LinkError("rule", "/streams/0", "too late", article="TBL 34")
    assert link.told("zh") == "违反规则（TBL 34: too late）"
    assert link.told("en") == "a record breaks a rule (TBL 34: too late)"
    with pytest.raises(AssertionError):
        LinkError("no-such-code", "", "")


def test_a_mistake_of_the_verifier_is_never_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a check itself to fail, the verdict must not be `proven`."""

    def fall(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("node.core.evidence.recount._check_result", fall)
    verdict = verify(evidence("jp", "public"), world("jp").net.trust())
    assert code_of(verdict) == (7, "internal")
    assert verdict.exit_code == 1


def test_reading_gives_every_place_its_path() -> None:
    read = read_evidence(evidence("jp", "public"))
    assert read.host.places[4].path == "/streams/0/places/4"
    assert [stream.kind for stream in read.streams] == ["tender", *["side"] * 3, *["pool"] * 3]
