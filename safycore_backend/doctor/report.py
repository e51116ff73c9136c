"""What was found, and the two forms in which it is told. No secret leaves in either."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

Verdict = Literal["ok", "warn", "fail", "skipped"]
_MARKS: dict[Verdict, str] = {"ok": "ok", "warn": "warn", "fail": "FAIL", "skipped": "skipped"}
HIDDEN = "[hidden]"
# Shorter ones stand in ordinary sentences by chance.
_LEAST_SECRET = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check has to say: `what` is the finding, `advice` what to do about it, step by step."""

    verdict: Verdict
    what: str
    advice: tuple[str, ...] = ()


def ok(what: str, *advice: str) -> Outcome:
    return Outcome("ok", what, advice)


def warn(what: str, *advice: str) -> Outcome:
    return Outcome("warn", what, advice)


def fail(what: str, *advice: str) -> Outcome:
    return Outcome("fail", what, advice)


@dataclass(frozen=True, slots=True)
class Finding:
    """An outcome with the name and the title of its check."""

    check: str
    title: str
    outcome: Outcome

    @property
    def verdict(self) -> Verdict:
        return self.outcome.verdict


@dataclass(frozen=True, slots=True)
class Report:
    version: str
    started: datetime
    findings: Sequence[Finding]

    def count(self, verdict: Verdict) -> int:
        return sum(finding.verdict == verdict for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """1 when a check failed, else 0; a warning is no failure."""
        return int(self.count("fail") > 0)

    @property
    def summary(self) -> str:
        """One line: how many of each."""
        counted = ", ".join(f"{self.count(verdict)} {_MARKS[verdict]}" for verdict in _MARKS if self.count(verdict))
        return f"{'FAILED' if self.exit_code else 'PASSED'}: {counted}"


def unreadable(problems: Sequence[str]) -> Report:
    """Where the settings themselves are refused, nothing else can be asked."""
    outcome = fail("the server cannot start with these", *problems)
    return Report("", datetime.now(UTC), [Finding("settings", "Settings", outcome)])


def without(secrets: Iterable[str], finding: Finding) -> Finding:
    """The same finding, with every secret hidden that a service or a driver may have quoted."""
    hidden = [secret for secret in secrets if len(secret) >= _LEAST_SECRET]
    outcome = finding.outcome
    what, *advice = (_hide(hidden, text) for text in (outcome.what, *outcome.advice))
    return replace(finding, outcome=Outcome(outcome.verdict, what, tuple(advice)))


def _hide(secrets: Iterable[str], text: str) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def told(report: Report, *, in_json: bool) -> str:
    return json.dumps(as_json(report), indent=2, ensure_ascii=False) if in_json else as_text(report)


def as_text(report: Report) -> str:
    """For people: a line a check, below it what to do; the last line is the summary."""
    lines = [
        f"SafyCore {report.version}".rstrip() + f": this deployment at {report.started.isoformat(timespec='seconds')}",
        "",
    ]
    for finding in report.findings:
        lines += _lines(finding)
    return "\n".join([*lines, "", report.summary])


def _lines(finding: Finding) -> list[str]:
    head = f"{_MARKS[finding.verdict]:<8}{finding.title:<28}"
    steps = [_wrapped(f"Do: {step}", " " * 36) for step in finding.outcome.advice]
    return [_wrapped(f"{head}{finding.outcome.what}", "", " " * 36), *steps]


def _wrapped(text: str, first: str, then: str | None = None) -> str:
    indent = first + "    " if then is None else then
    return textwrap.fill(
        text, 128, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def as_json(report: Report) -> dict[str, Any]:
    return {
        "version": report.version,
        "started": report.started.isoformat(timespec="seconds"),
        "passed": report.exit_code == 0,
        "summary": report.summary,
        "checks": [_fields(finding) for finding in report.findings],
    }


def _fields(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "title": finding.title,
        "verdict": finding.verdict,
        "what": finding.outcome.what,
        "do": list(finding.outcome.advice),
    }
