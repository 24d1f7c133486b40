"""Reading a CSV of real tenders: cases without the city's answer, the answer apart, bad files."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.cli.replay.cases import Answer, read_answers, read_cases
from node.cli.replay.prove import agrees
from node.cli.replay.sweep import gathered
from node.cli.replay.table import MAX_BYTES, Table, read_table
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


def file_of(folder: Path, text: str | bytes) -> Table:
    path = folder / "tenders.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


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
    swapped = ROWS.replace("won_by_lot", "x").replace("lost", "won").replace(",x,", ",lost,")
    other = file_of(tmp_path, HEAD + swapped)
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


def test_what_spreadsheets_do_to_a_file_changes_nothing(tmp_path: Path) -> None:
    """A byte order mark, the line ends of another system, quotes that were not needed."""
    plain = read_cases(file_of(tmp_path, HEAD + ROWS))
    quoted = (HEAD + ROWS).replace("t1,2007-05-01", '"t1","2007-05-01"').replace("\n", "\r\n")
    assert read_cases(file_of(tmp_path, b"\xef\xbb\xbf" + quoted.encode())) == plain


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: there is no column tender_id"),
        ("\n\n", "line 1: there is no column tender_id"),
        (HEAD, "holds no tender"),
        ("contest,entry,criterion,factor,J1\n", "line 1: there is no column J2"),
        (HEAD.replace("title", "note"), "line 1: there is no column title"),
        (HEAD.replace("description", "title"), "line 1: a column stands twice"),
        (HEAD.replace("tender_id", "\ufeff\ufefftender_id") + ROWS, "line 1: there is no column"),
        (HEAD + "t1,2007-05-01,first\n", "line 2: not as many values"),
        (HEAD + ROWS.replace(",lost,", ",lost,,"), "line 7: not as many values"),
        (HEAD + ROWS.replace("B5,five", "B4,five"), "line 7: bidder B4 stands twice"),
        (HEAD + ROWS.replace("2007-06-01", "June"), "line 2: 'June'"),
        (HEAD + ROWS.replace("2007-06-01", "2007-02-30"), "line 2: '2007-02-30'"),
        (HEAD + ROWS.replace(",90,", ",1e5,"), "line 2: bid_price_jpy '1e5' is no whole number"),
        (HEAD + ROWS.replace(",90,", ",-90,"), "line 2: bid_price_jpy"),
        (HEAD + ROWS.replace(",90,", ",9_0,"), "line 2: bid_price_jpy"),
        (HEAD + ROWS.replace(",90,", ",٩٠,"), "line 2: bid_price_jpy"),
        (HEAD + ROWS.replace(",100,50", ",x,50"), "line 2: reserve_price_jpy 'x'"),
        (HEAD + ROWS.replace(",1000,500,B4", ",999,500,B4"), "not that of the tender's first line"),
        (HEAD + ROWS.replace(',"four, ltd."', ',"four, ltd.'), "line "),
        (HEAD + ROWS.replace(",lost,", ",verloren,"), "line 7: outcome is none of"),
        (HEAD + ROWS.replace("t2,", "../t2,"), "line 2: "),
        (HEAD + ROWS.replace("t2,", "..,"), "line 2: tender_id is no name"),
        (HEAD + ROWS.replace("second", "s" * 200_000), "line 2: field larger than field limit"),
        (HEAD + ROWS.replace(",one,90", "," + "o" * 601 + ",90"), "line 2: "),
        (HEAD + ROWS + 't3,"open', "unexpected end of data"),
        ((HEAD + ROWS).encode("utf-16"), "line 1: not UTF-8"),
        ((HEAD + ROWS.replace("four", "fünf")).encode("latin-1"), "line 6: not UTF-8"),
        ((HEAD + ROWS).encode() + b"\0", "line 8: "),
        (b"x" * (MAX_BYTES + 1), "larger than 64 MiB"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str | bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        read_cases(file_of(tmp_path, text))
    assert caught.value.code == "unreadable"


def test_the_real_file_has_29_findings(shared_data: Path) -> None:
    path = shared_data / "tsuchiura_2007_2011.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    cases = read_cases(read_table(path))
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
