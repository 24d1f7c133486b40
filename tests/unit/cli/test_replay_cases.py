"""Reading a CSV of real tenders: cases without the city's answer, the answer apart, bad files."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.cli.replay.cases import Answer, read_answers, read_cases
from node.cli.replay.prove import agrees
from node.cli.replay.sweep import gathered
from node.core.errors import ConfigError

HEAD = (
    "tender_id,opened_on,title,description,reserve_price_jpy,minimum_price_jpy,"
    "bidder_id,bidder_name,bid_price_jpy,outcome,note\n"
)
ROWS = (
    "t2,2007-06-01,second,,100,50,B1,one,90,won,\n"
    "t1,2007-05-01,first,,1000,500,B1,one,400,rejected,below the minimum limit price\n"
    "t1,2007-05-01,first,,1000,500,B2,two,600,rejected,disqualified in post-examination\n"
    "t1,2007-05-01,first,,1000,500,B3,three,,rejected,Invalid bid\n"
    't1,2007-05-01,first,,1000,500,B4,"four, ltd.",700,won_by_lot,\n'
    "t1,2007-05-01,first,,1000,500,B5,five,700,lost,\n"
)


def file_of(folder: Path, text: str) -> Path:
    path = folder / "tenders.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_rejection_that_the_price_explains_is_no_finding(tmp_path: Path) -> None:
    first, second = read_cases(file_of(tmp_path, HEAD + ROWS))
    assert (first.tender, second.tender) == ("t1", "t2")
    assert [(f.bidder, f.ground) for f in first.findings] == [
        ("B2", "unqualified"),
        ("B3", "invalid"),
    ]
    assert [one.price for one in first.bidders] == ["400", "600", None, "700", "700"]
    assert first.bidders[3].name == "four, ltd."


def test_the_citys_answer_does_not_change_a_case(tmp_path: Path) -> None:
    """Winner and loser trade places: the cases are the same, the answer is not."""
    path = file_of(tmp_path, HEAD + ROWS)
    cases, answers = read_cases(path), read_answers(path)
    other = file_of(tmp_path, HEAD + ROWS.replace("won_by_lot", "x").replace("lost", "won"))
    assert answers["t1"] == Answer("awarded_by_lot", "B4")
    assert read_cases(other) == cases
    assert read_answers(other)["t1"] == Answer("awarded", "B5")


def test_a_file_without_answers_can_be_carried(tmp_path: Path) -> None:
    cut = "".join(",".join(line.split(",")[:9]) + "\n" for line in (HEAD + ROWS).splitlines()[:4])
    path = file_of(tmp_path, cut)
    assert [case.findings for case in read_cases(path)] == [(), ()]
    assert read_answers(path) == {"t1": None, "t2": None}


@pytest.mark.parametrize(
    ("outcome", "winner", "tied", "answer", "same"),
    [
        ("awarded", "B1", [], Answer("awarded", "B1"), True),
        ("awarded", "B2", [], Answer("awarded", "B1"), False),
        ("awarded_by_lot", "B2", ["B1", "B2"], Answer("awarded_by_lot", "B1"), True),
        ("awarded_by_lot", "B2", ["B2", "B3"], Answer("awarded_by_lot", "B1"), False),
        ("awarded", "B1", [], Answer("awarded_by_lot", "B1"), False),
        ("failed", None, [], Answer("failed", None), True),
        ("failed", None, [], Answer("awarded", "B1"), False),
    ],
)
def test_agreement(
    outcome: str, winner: str | None, tied: list[str], answer: Answer, same: bool
) -> None:
    assert agrees(outcome, winner, tied, answer) is same


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column tender_id"),
        (HEAD, "holds no tender"),
        (HEAD + "t1,2007-05-01,first\n", "line 2: not as many values"),
        (HEAD + ROWS.replace("B5,five", "B4,five"), "line 3: a bidder stands twice"),
        (HEAD + ROWS.replace("2007-06-01", "June"), "line 2: "),
        (HEAD + ROWS.replace(",90,", ",1e5,"), "line 2: "),
        (HEAD + ROWS.replace(",100,50", ",x,50"), "line 2: "),
        (HEAD + ROWS + 't3,"open', "unexpected end of data"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        read_cases(file_of(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        read_cases(path)


def test_the_real_file_has_29_findings(shared_data: Path) -> None:
    path = shared_data / "tsuchiura_2007_2011.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    cases = read_cases(path)
    assert (len(cases), sum(len(case.bidders) for case in cases)) == (891, 3802)
    assert sum(len(case.findings) for case in cases) == 29


def rows_of(dates: str) -> str:
    """One tender a letter, on the day that the letter stands for."""
    days = {"a": "2007-05-01", "b": "2007-05-08", "c": "2007-06-01"}
    return "".join(
        f"t{number},{days[letter]},any,,100,50,B1,one,90,won,\n"
        for number, letter in enumerate(dates)
    )


@pytest.mark.parametrize(
    ("least", "closing"),
    [(1, "aabccc"), (2, "aacccc"), (3, "bbbccc"), (4, "cccccc"), (99, "cccccc")],
)
def test_tenders_close_in_groups_that_part_no_date(
    tmp_path: Path, least: int, closing: str
) -> None:
    cases = read_cases(file_of(tmp_path, HEAD + rows_of("aabccc")))
    days = {"2007-05-01": "a", "2007-05-08": "b", "2007-06-01": "c"}
    found = gathered(cases, least)
    assert "".join(days[case.opened_on] for case in found) == closing
    assert [case.tender for case in found] == [case.tender for case in cases]
