"""What was checked, and the two forms in which it is told."""

import textwrap
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["passed", "warning", "failed", "not tried", "not proved"]
_MARKS: dict[Verdict, str] = {
    "passed": "passed",
    "warning": "WARNING",
    "failed": "FAILED",
    "not tried": "not tried",
    "not proved": "NOT PROVED",
}


class CannotVerify(Exception):
    """The verification could not be carried out; the text says why, and what to do."""


_BESIDES: tuple[Verdict, ...] = ("warning", "not tried")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    `tried` counts attempts, or what was looked at in the catalog. `problems` fail it, each with its culprit; `leaks`
    says how many of them gave a person's words or rows away. `unproved` names what should have been tried and could
    not be; `not_tried` says why it does not apply to this deployment.
    """

    section: str
    name: str
    tried: int = 0
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    leaks: int = 0
    unproved: tuple[str, ...] = ()
    not_tried: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.problems:
            return "failed"
        if self.unproved:
            return "not proved"
        if self.not_tried:
            return "not tried"
        return "warning" if self.warnings else "passed"

    @property
    def remarks(self) -> tuple[str, ...]:
        return (*self.problems, *self.unproved, *self.warnings, *((self.not_tried,) if self.not_tried else ()))


@dataclass(slots=True)
class Report:
    version: str
    target: str
    started: datetime
    finished: datetime | None = None
    requests: int = 0
    checks: list[Check] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        return sum(check.verdict == verdict for check in self.checks)

    @property
    def leaked(self) -> int:
        return sum(check.leaks for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 when every check passed, 1 when one failed, 2 when one could not be carried out."""
        if self.count("failed"):
            return 1
        return 2 if self.count("not proved") or not self.carried_out else 0

    @property
    def carried_out(self) -> int:
        return len(self.checks) - self.count("not tried")

    @property
    def summary(self) -> str:
        counted = f"{self.carried_out} checks, {self.requests} requests, {self.leaked} leaked"
        if self.exit_code == 1:
            return f"FAILED: {self.count('failed')} of {counted}"
        return f"PASSED: {counted}" if self.exit_code == 0 else f"NOT PROVED: {self.count('not proved')} of {counted}"


def as_text(report: Report) -> str:
    """For people; the last line is the summary."""
    lines = [
        f"SafyCore {report.version}: isolation of {report.target}",
        f"from {_moment(report.started)} to {_moment(report.finished)}",
    ]
    section = ""
    for check in report.checks:
        if check.section != section:
            section = check.section
            lines += ["", section]
        lines += _lines(check)
    others = [f"{report.count(verdict)} {verdict}" for verdict in _BESIDES if report.count(verdict)]
    return "\n".join([*lines, "", *([f"Besides: {', '.join(others)}"] if others else []), report.summary])


def _lines(check: Check) -> list[str]:
    tried = f"{check.tried:,} x" if check.tried else ""
    remarks = [
        textwrap.fill(text, 116, initial_indent="      - ", subsequent_indent="        ") for text in check.remarks
    ]
    return [f"  {_MARKS[check.verdict]:<11}{tried:>8}  {check.name}", *remarks]


def as_json(report: Report) -> dict[str, Any]:
    return {
        "version": report.version,
        "target": report.target,
        "started": _moment(report.started),
        "finished": _moment(report.finished),
        "passed": report.exit_code == 0,
        "summary": report.summary,
        "requests": report.requests,
        "leaked": report.leaked,
        "checks": [_fields(check) for check in report.checks],
    }


def _fields(check: Check) -> dict[str, Any]:
    return {
        "section": check.section,
        "name": check.name,
        "verdict": check.verdict,
        "tried": check.tried,
        "leaks": check.leaks,
        "problems": list(check.problems),
        "unproved": list(check.unproved),
        "warnings": list(check.warnings),
        "not_tried": check.not_tried or None,
    }


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "?"
