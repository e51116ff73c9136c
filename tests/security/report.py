"""What the security suites tried, and what came of it.

SAFYCORE_SECURITY_REPORT names a file; where it is set, the suites run at full length and each adds one JSON object to
the file. `python -m tests.security.report FILE` prints the table, and fails when anything in it should not be.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VARIABLE = "SAFYCORE_SECURITY_REPORT"
MUST_BE_NONE = ("leaked", "server_errors", "survived")
_FIRST = ("suite", "tried", "refused", "leaked", "server_errors")


def cases(few: int, all_of_them: int) -> int:
    """How many to try: few in an ordinary test run, all of them where a report is asked for."""
    return all_of_them if os.environ.get(VARIABLE) else few


def record(suite: str, *, tried: int, refused: int, leaked: int = 0, server_errors: int = 0, **more: int) -> None:
    """Add one suite's counts to the report, where one is asked for; `more` are columns of its own."""
    file = os.environ.get(VARIABLE)
    if not file:
        return
    counts = {"tried": tried, "refused": refused, "leaked": leaked, "server_errors": server_errors, **more}
    with Path(file).open("a") as report:
        report.write(json.dumps({"suite": suite, **counts}) + "\n")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows under their names, and a last one with the sums."""
    further = sorted({name for row in rows for name in row} - set(_FIRST))
    columns = [*_FIRST, *further]
    sums = {name: sum(row.get(name, 0) for row in rows) for name in columns[1:]}
    lines = [[_shown(row.get(name)) for name in columns] for row in [*rows, {"suite": "all", **sums}]]
    lines.insert(0, [name.replace("_", " ") for name in columns])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value or "")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join((cells[0].ljust(widths[0]), *numbers)).rstrip()


def problems(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence for each thing that should not be."""
    found = [f"{row['suite']}: {row[name]} {name}." for row in rows for name in MUST_BE_NONE if row.get(name)]
    found += [f"{row['suite']}: nothing was tried." for row in rows if not row["tried"]]
    return found if rows else ["The report is empty: no suite ran."]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Prints what the security suites tried; fails on leaks and 5xx.")
    parser.add_argument("file", type=Path)
    file = parser.parse_args(arguments).file
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    wrong = problems(rows)
    print(table(rows) if rows else "", *wrong, sep="\n")  # noqa: T201  # a command's answer
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
