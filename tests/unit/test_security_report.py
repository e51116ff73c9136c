"""tests/security/report.py: the table of what was tried, and what makes it fail."""

import json
from pathlib import Path

import pytest

from tests.security.report import VARIABLE, cases, main, record


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "report.jsonl"
    monkeypatch.setenv(VARIABLE, str(file))
    return file


def test_each_suite_is_a_row_and_the_last_one_has_the_sums(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("cross-user", tried=10_000, refused=10_000)
    record("mutants", tried=30, refused=30, killed=30, survived=0)
    assert main([str(report)]) == 0
    head, first, second, last = capsys.readouterr().out.strip().splitlines()
    assert head.split() == ["suite", "tried", "refused", "leaked", "server", "errors", "killed", "survived"]
    assert first.split() == ["cross-user", "10,000", "10,000", "0", "0"]
    assert second.split() == ["mutants", "30", "30", "0", "0", "30", "0"]
    assert last.split() == ["all", "10,030", "10,030", "0", "0", "30", "0"]


@pytest.mark.parametrize("name", ["leaked", "server_errors", "survived"])
def test_what_should_not_be_is_told_and_fails(report: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    record("cross-user", tried=2, refused=1, **{name: 1})
    assert main([str(report)]) == 1
    assert f"cross-user: 1 {name}." in capsys.readouterr().out


def test_a_suite_that_tried_nothing_and_a_report_without_suites_fail(report: Path) -> None:
    assert main([str(report)]) == 1
    record("cross-user", tried=0, refused=0)
    assert main([str(report)]) == 1


def test_without_a_report_nothing_is_written_and_few_cases_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    record("cross-user", tried=1, refused=1)
    assert cases(10, 10_000) == 10


def test_with_a_report_all_cases_are_tried_and_rows_are_json(report: Path) -> None:
    assert cases(10, 10_000) == 10_000
    record("fuzz", tried=5, refused=3)
    assert json.loads(report.read_text()) == {
        "suite": "fuzz",
        "tried": 5,
        "refused": 3,
        "leaked": 0,
        "server_errors": 0,
    }
