import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest

from bench.figures import Figure, Goal, number
from bench.machine import Machine
from bench.report import Report

MACHINE = Machine("A processor", 2, 25.2, "6.1", "3.11.7", "18.4", "0123456789ab", 0.5)
RATE = Figure("SafyCore", "replies a second", 171.4, "/s", "rounds 160 to 175, n = 5", Goal(170, at_least=True))
LATE = Figure("SafyCore", "first token", 12.34, "ms", "n = 500", Goal(12))


def _report(*figures: Figure) -> Report:
    begun = dt.datetime(2026, 11, 25, 10, 30, tzinfo=dt.UTC)
    return Report("python -m bench turn", begun, 61.2, MACHINE, figures)


def _cells(markdown: str, name: str) -> list[str]:
    line = next(line for line in markdown.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (3.0, "3"), (0.512, "0.51"), (12.34, "12.3"), (171.4, "171"), (1234567.0, "1,234,567")],
)
def test_a_number_has_the_digits_that_mean_something(value: float, shown: str) -> None:
    assert number(value) == shown


def test_goals_are_upper_bounds_unless_said_otherwise() -> None:
    markdown = _report(RATE, LATE).markdown()
    assert _cells(markdown, "replies a second")[1:4] == ["171 /s", "≥ 170 /s", "yes"]
    assert _cells(markdown, "first token")[1:4] == ["12.3 ms", "≤ 12 ms", "**no**"]


def test_a_goal_that_is_just_met_is_reached() -> None:
    assert Goal(5).reached(5)
    assert Goal(5, at_least=True).reached(5)


def test_the_report_says_where_and_how_it_was_made() -> None:
    first = _report(RATE).markdown().splitlines()[0]
    for part in ("python -m bench turn", "2026-11-25 10:30 UTC", "0123456789ab", "A processor", "2 cores", "18.4"):
        assert part in first


def test_one_subject_is_not_named_and_several_are_compared() -> None:
    other = Figure("nginx", "replies a second", 1377, "/s")
    assert "SafyCore" not in _report(RATE, LATE).markdown()
    markdown = _report(RATE, LATE, other).markdown()
    assert _cells(markdown, "SafyCore: first token")[1] == "12.3 ms"
    assert _cells(markdown, "replies a second") == ["replies a second", "171 /s", "1,377 /s"]


def test_both_files_are_written_and_the_newest_is_found_by_its_name(tmp_path: Path) -> None:
    markdown, machine_readable = _report(RATE, LATE).write(tmp_path / "new")
    assert markdown.read_text() == (tmp_path / "new" / "latest.md").read_text()
    written = json.loads(machine_readable.read_bytes())
    assert [figure["reached"] for figure in written["figures"]] == [True, False]
    assert written["machine"]["commit"] == "0123456789ab"


def test_a_scenario_that_failed_is_told_beside_what_the_others_measured() -> None:
    report = dataclasses.replace(_report(RATE), failed={"start": "The program make is missing."})
    assert report.markdown().endswith("\n\nNot measured: start. The program make is missing.\n")
    assert _cells(report.markdown(), "replies a second")[1] == "171 /s"
    assert json.loads(report.json())["failed"] == {"start": "The program make is missing."}
