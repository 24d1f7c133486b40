"""Reading a CSV of panels: contests without what was published, that apart, bad files."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.cli.replay.cases import read_answers, read_cases, specialty_of
from node.cli.replay.panels import MAX_MARKS, Published, is_panels
from node.cli.replay.prove import beside, is_as_published
from node.cli.replay.sweep import gathered, opening_day
from node.cli.replay.table import Table, read_table
from node.core.errors import ConfigError

HEAD = (
    "contest,entry,criterion,factor,J1,J2,J3,J4,J5,J6,J7,J8,J9,panel_score,component_total,"
    "element_total,deductions,final_score,rank\n"
)
MARKS = "8.5,8.25,8,8,8,8,8,8,0.0"
ROWS = (
    f"c-short,A,Skating Skills,0.8,{MARKS},8.04,6.43,40.10,1.00,45.53,1\n"
    f"c-short,B,Skating Skills,0.8,{MARKS},8.04,6.43,30.00,0.00,36.43,2\n"
    f"b-free,A,Style/Timing,1.6,{MARKS},8.04,12.86,50.00,-2.00,60.86,1\n"
)
PLACES = {"A": ("6.43", "45.53", "1"), "B": ("6.43", "36.43", "2")}
RANKING = [
    {"bidder": "A", "components": "6.43", "total": "45.53", "rank": 1},
    {"bidder": "B", "components": "6.43", "total": "36.43", "rank": 2},
]


def file_of(folder: Path, text: str) -> Table:
    path = folder / "panels.csv"
    path.write_text(text, "utf-8")
    return read_table(path)


def told(**places: tuple[str, str, str]) -> Published:
    return Published({entry: frozenset({place}) for entry, place in places.items()})


def test_a_contest_is_a_lot_of_nine_sheets_and_declared_facts(tmp_path: Path) -> None:
    table = file_of(tmp_path, HEAD + ROWS)
    free, short = read_cases(table)
    assert (free.tender, short.tender, short.rules) == ("b-free", "c-short", "panel")
    assert is_panels(table)
    assert specialty_of(table) == short.strata[0].specialty
    assert [stratum.seats for stratum in short.strata] == [9]
    assert [(one.id, one.price) for one in short.bidders] == [("A", None), ("B", None)]
    sheets = [short.marks[str(seat)]["A"] for seat in range(1, 10)]
    assert [sheet["skating-skills"] for sheet in sheets] == MARKS.split(",")
    assert {(sheet["elements"], sheet["deductions"]) for sheet in sheets} == {("40.10", "1.00")}
    assert free.marks["1"]["A"]["deductions"] == "2.00", "the amount counts, not its sign"
    assert "not procurement" in short.source.text.lower()


def test_name_of_a_contest_says_what_parts_equal_totals(tmp_path: Path) -> None:
    free, short = read_cases(file_of(tmp_path, HEAD + ROWS))
    assert (free.lot.method.tie_breaks, short.lot.method.tie_breaks) == (
        ("technical",),
        ("objective",),
    )
    skills, elements, deductions = short.lot.method.criteria
    assert (skills.objective, skills.factor, skills.title) == (False, "0.8", "Skating Skills")
    assert (elements.objective, elements.deducts) == (True, False)
    assert (deductions.objective, deductions.deducts) == (True, True)


def test_contests_close_on_one_day_on_which_all_were_over(tmp_path: Path) -> None:
    cases = gathered(read_cases(file_of(tmp_path, HEAD + ROWS)), 1)
    assert len({opening_day(case) for case in cases}) == 1


def test_what_was_published_does_not_change_a_contest(tmp_path: Path) -> None:
    table = file_of(tmp_path, HEAD + ROWS)
    cases = read_cases(table)
    other = file_of(
        tmp_path, HEAD + ROWS.replace("8.04,6.43,40.10,1.00,45.53,1", "x,,40.10,1.00,,")
    )
    assert read_cases(other) == cases
    assert read_answers(table)["c-short"] == told(**PLACES)
    assert read_answers(other)["c-short"] != told(**PLACES)


def test_file_without_what_was_published_can_be_carried(tmp_path: Path) -> None:
    empty = "".join(",".join([*line.split(",")[:14], "", *line.split(",")[15:17], ",\n"])
                    for line in ROWS.splitlines())  # fmt: skip
    table = file_of(tmp_path, HEAD + empty)
    assert len(read_cases(table)) == 2
    assert read_answers(table) == {"b-free": None, "c-short": None}
    without = file_of(tmp_path, HEAD.replace("final_score", "sum") + ROWS)
    assert len(read_cases(without)) == 2
    assert read_answers(without) == {"b-free": None, "c-short": None}
    line = {"ranking": RANKING, "agrees": None}
    assert beside(line, None) == line


@pytest.mark.parametrize(
    ("places", "same"),
    [
        (PLACES, True),
        (PLACES | {"A": ("6.430", "45.530", "01")}, True),
        (PLACES | {"A": ("6.44", "45.53", "1")}, False),
        (PLACES | {"A": ("6.43", "45.54", "1")}, False),
        (PLACES | {"A": ("6.43", "-45.53", "1")}, False),
        (PLACES | {"A": ("6.43", "45.53", "2")}, False),
        (PLACES | {"A": ("6.43", "45.53", "")}, False),
        (PLACES | {"A": ("6.43", "NaN", "1")}, False),
        (PLACES | {"A": ("6.43", "4.553e1", "1")}, False),
        (PLACES | {"C": ("1.00", "1.00", "3")}, False),
        ({"A": PLACES["A"]}, False),
    ],
)
def test_agreement(places: dict[str, tuple[str, str, str]], same: bool) -> None:
    line = {"ranking": RANKING, "agrees": None}
    assert beside(line, told(**places)) == line | {"agrees": same}


def test_an_entry_of_which_two_places_were_published_agrees_with_none() -> None:
    places = {entry: frozenset({place}) for entry, place in PLACES.items()}
    two = Published(places | {"A": frozenset({PLACES["A"], ("6.43", "45.54", "1")})})
    assert not is_as_published(RANKING, two)


MANY = "".join(f"big,E{n},Skill,1,{MARKS},,,1,0,,\n" for n in range(MAX_MARKS // 3 + 1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD, "holds no contest"),
        (HEAD.replace("J9", "J0") + ROWS, "line 1: there is no column J9"),
        (HEAD.replace("factor", "weight") + ROWS, "line 1: there is no column factor"),
        (HEAD.replace("deductions", "J1") + ROWS, "line 1: there is no column deductions"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,8.5x,", 1), "line 2: J1 '8.5x' is no number"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,,", 1), "line 2: J1 '' is no number"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,-8.5,", 1), "line 2: J1 '-8.5' is no number"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,1e1,", 1), "line 2: J1 '1e1' is no number"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,٩,", 1), "line 2: J1 '٩' is no number"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,10.25,", 1), "line 2: J1 '10.25' is above 10"),
        (HEAD + ROWS.replace(",0.8,8.5,", ",0.8,8.505,", 1), "finer than 0.01"),
        (HEAD + ROWS.replace(MARKS, "0,0,0,0,0,0,0,0,0.0", 1), "line 2: nobody was there"),
        (HEAD + ROWS.replace(",0.8,", ",0,", 1), "line 2: factor is 0"),
        (HEAD + ROWS.replace("B,Skating Skills,0.8", "B,Skating Skills,0.9"), "line 3: the factor"),
        (
            HEAD + ROWS.replace("B,Skating Skills", "B,Skating-Skills"),
            "line 3: .* too like",
        ),
        (
            HEAD + ROWS.replace("Skating Skills", "Elements"),
            "line 2: .* no id of its own",
        ),
        (HEAD + ROWS.replace("Skating Skills", "技能"), "line 2: .* no id of its own"),
        (
            HEAD + ROWS.replace("B,Skating Skills", "B,Style"),
            "line 2: entry A has no marks",
        ),
        (HEAD + ROWS.replace("short,B", "short,A"), "line 3: elements or deductions are not those"),
        (
            HEAD + ROWS + ROWS.splitlines()[0] + "\n",
            "line 5: criterion 'Skating Skills' stands twice",
        ),
        (HEAD + ROWS.replace("40.10", "1000"), "line 2: element_total '1000' is above 999.99"),
        (HEAD + ROWS.replace(",1.00,45", ",--1,45"), "line 2: deductions '--1' is no number"),
        (HEAD + ROWS.replace("c-short", "../c"), "line 2: "),
        (HEAD + ROWS.replace("c-short", ".."), "line 2: contest is no name"),
        (HEAD + ROWS.replace("c-short", ""), "line 2: contest is no name"),
        (HEAD + ROWS.replace("short,A", "short,A/B"), "line 2: "),
        (HEAD + ROWS.replace("short,A", "short," + "A" * 65), "line 2: "),
        (HEAD + ROWS.replace("Skating", "S" * 600), "line 2: "),
        (HEAD + MANY, "line 2: more than 500 marks"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        read_cases(file_of(tmp_path, text))
    assert caught.value.code == "unreadable"


def test_the_real_file_has_58_contests_of_613_entries(shared_data: Path) -> None:
    path = shared_data / "panels.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    table = read_table(path)
    cases = read_cases(table)
    assert (len(cases), sum(len(case.bidders) for case in cases)) == (58, 613)
    assert sum(case.lot.method.tie_breaks == ("objective",) for case in cases) == 31
    assert all(isinstance(one, Published) for one in read_answers(table).values())
