"""Evidence for readers who must prove who they are, and every way to cheat that we could name."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from node.core.errors import InvalidError
from node.core.records.canonical import time_of
from node.core.records.keys import PublicKey, Signer, key_id, signer_from_seed
from node.services.signed_read import (
    SIGNATURE_HEADER,
    TIME_HEADER,
    WINDOW_S,
    Claim,
    is_fresh,
    is_signed_by,
    parse_claim,
    read_message,
)
from tests.simulators.reads import SimulatedReads

REGULATOR = signer_from_seed("ed25519", b"\x01" * 32)
GUEST = signer_from_seed("ed25519", b"\x02" * 32)
BIDDER = signer_from_seed("es256", b"\x03" * 32)
BIDDER_READER = f"bidder:{key_id(BIDDER.public)}"
TARGET = "/api/v1/tenders/B194/evidence?as=regulator"


@pytest.fixture
def reads() -> SimulatedReads:
    known = {
        "regulator": REGULATOR.public,
        "centre:changsha": GUEST.public,
        BIDDER_READER: BIDDER.public,
    }
    reads = SimulatedReads(keys=known)
    reads.evidences = {("B194", reader): reader.encode() for reader in known}
    return reads


def sign_read(signer: Signer, node: str, target: str, time: str) -> dict[str, str]:
    """What a reader sends with `GET target` to `node`."""
    signature = signer.sign(read_message(node, target.encode(), time))
    return {TIME_HEADER: time, SIGNATURE_HEADER: f"{key_id(signer.public)}:{signature.hex()}"}


def signed(reads: SimulatedReads, target: str = TARGET, node: str = "zhuzhou") -> dict[str, str]:
    return sign_read(REGULATOR, node, target, time_of(reads.time))


def test_message_is_these_bytes() -> None:
    assert read_message("zhuzhou", b"/a?as=regulator", "2026-11-24T09:00:00Z") == (
        b"yuanping/read/v1\nzhuzhou\nGET /a?as=regulator\n2026-11-24T09:00:00Z\n"
    )


@pytest.mark.parametrize(
    ("reader", "signer", "file"),
    [
        ("regulator", REGULATOR, "B194.evidence.json"),
        ("centre:changsha", GUEST, "B194.centre-changsha.evidence.json"),
        (BIDDER_READER, BIDDER, f"B194.{BIDDER_READER.replace(':', '-')}.evidence.json"),
    ],
)
def test_reader_who_signs_reads_his_own_cut(
    http: TestClient, reads: SimulatedReads, reader: str, signer: object, file: str
) -> None:
    target = f"/api/v1/tenders/B194/evidence?as={reader}"
    by = {"regulator": REGULATOR, "centre:changsha": GUEST}.get(reader, BIDDER)
    assert by is signer
    said = http.get(target, headers=sign_read(by, "zhuzhou", target, time_of(reads.time)))
    assert (said.status_code, said.text) == (200, reader)
    assert said.headers["content-disposition"] == f'attachment; filename="{file}"'


def test_head_is_signed_as_get(http: TestClient, reads: SimulatedReads) -> None:
    said = http.head(TARGET, headers=signed(reads))
    assert (said.status_code, said.content) == (200, b"")
    assert said.headers["content-length"] == str(len(b"regulator"))


@pytest.mark.parametrize("off", [-WINDOW_S, WINDOW_S])
def test_edge_of_the_window_is_inside(http: TestClient, reads: SimulatedReads, off: int) -> None:
    headers = signed(reads)
    reads.time += off
    assert http.get(TARGET, headers=headers).status_code == 200


@pytest.mark.parametrize("off", [-WINDOW_S - 1, WINDOW_S + 1, 86_400])
def test_replay_after_the_window_is_forbidden(
    http: TestClient, reads: SimulatedReads, off: int
) -> None:
    headers = signed(reads)
    reads.time += off
    refused(http, reads, headers, "60 s")


def refused(
    http: TestClient, reads: SimulatedReads, headers: dict[str, str], why: str, at: str = TARGET
) -> None:
    said = http.get(at, headers=headers)
    assert (said.status_code, said.json()["code"]) == (403, "forbidden")
    assert why in said.json()["detail"]
    assert said.json()["advice"]
    assert said.json()["advice_zh"]
    assert reads.asked == []


def test_unsigned_request_is_forbidden_and_says_how(
    http: TestClient, reads: SimulatedReads
) -> None:
    refused(http, reads, {}, TIME_HEADER)
    refused(http, reads, {TIME_HEADER: time_of(reads.time)}, SIGNATURE_HEADER)


def test_request_relayed_by_another_node_is_forbidden(
    http: TestClient, reads: SimulatedReads
) -> None:
    refused(http, reads, signed(reads, node="changsha"), "did not sign")


@pytest.mark.parametrize(
    "at",
    [
        "/api/v1/tenders/B193/evidence?as=regulator",
        "/api/v1/tenders/B194/evidence?as=regulator&x=1",
        "/api/v1/tenders/B194/evidence?as=centre:changsha",
        "/api/v1/tenders/B194/evidence?as=%72egulator",
        "/api/v1/tenders/%42194/evidence?as=regulator",
    ],
)
def test_signature_for_another_address_is_forbidden(
    http: TestClient, reads: SimulatedReads, at: str
) -> None:
    refused(http, reads, signed(reads), "did not sign", at)


def test_guest_cannot_read_as_regulator(http: TestClient, reads: SimulatedReads) -> None:
    headers = sign_read(GUEST, "zhuzhou", TARGET, time_of(reads.time))
    refused(http, reads, headers, "did not sign")


def test_bidder_cannot_read_as_another(http: TestClient, reads: SimulatedReads) -> None:
    target = f"/api/v1/tenders/B194/evidence?as=bidder:{'0' * 64}"
    headers = sign_read(BIDDER, "zhuzhou", target, time_of(reads.time))
    refused(http, reads, headers, "did not sign", target)


def test_key_id_of_the_regulator_over_another_key_is_forbidden(
    http: TestClient, reads: SimulatedReads
) -> None:
    forged = sign_read(GUEST, "zhuzhou", TARGET, time_of(reads.time))
    signature = forged[SIGNATURE_HEADER].partition(":")[2]
    forged[SIGNATURE_HEADER] = f"{key_id(REGULATOR.public)}:{signature}"
    refused(http, reads, forged, "did not sign")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (SIGNATURE_HEADER, "x"),
        (SIGNATURE_HEADER, f"{'A' * 64}:{'0' * 128}"),
        (SIGNATURE_HEADER, f"{'0' * 64}:{'0' * 126}"),
        (SIGNATURE_HEADER, f"{'0' * 64}:{'0' * 128} "),
        (TIME_HEADER, "now"),
        (TIME_HEADER, "2026-02-30T00:00:00Z"),
        (TIME_HEADER, ""),
    ],
)
def test_malformed_header_is_forbidden(
    http: TestClient, reads: SimulatedReads, name: str, value: str
) -> None:
    said = http.get(TARGET, headers=signed(reads) | {name: value})
    # A header's trailing blank is no part of its value (RFC 9110, 5.5): that one is well formed.
    assert (said.status_code, said.json()["code"]) == (403, "forbidden")


def test_two_signatures_are_forbidden(http: TestClient, reads: SimulatedReads) -> None:
    headers = [*signed(reads).items(), (SIGNATURE_HEADER, f"{'0' * 64}:{'0' * 128}")]
    said = http.get(TARGET, headers=headers)
    assert (said.status_code, said.json()["code"]) == (403, "forbidden")


def test_claim_has_one_spelling() -> None:
    good = f"{'ab' * 32}:{'cd' * 64}"
    assert parse_claim(good) == Claim("ab" * 32, b"\xcd" * 64)
    for bad in ("", good + "\n", good.upper(), good[1:], good + "00"):
        with pytest.raises(InvalidError):
            parse_claim(bad)


def test_freshness_needs_a_time() -> None:
    assert is_fresh("1970-01-01T00:01:00Z", 0)
    assert not is_fresh("1970-01-01T00:01:01Z", 0)
    with pytest.raises(InvalidError):
        is_fresh("0", 0)


def test_key_that_cannot_sign_signed_nothing() -> None:
    box = PublicKey("09".ljust(64, "0"), "x25519")
    assert not is_signed_by(box, Claim(key_id(box), b"\0" * 64), b"")
