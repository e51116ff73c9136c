"""The report: figures as Markdown for people, as JSON for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from bench.figures import Figure, number
from bench.machine import Machine


@dataclass(frozen=True)
class Report:
    """One run."""

    command: str
    begun: datetime
    seconds: float
    machine: Machine
    figures: Sequence[Figure]
    # Why there are no figures of a scenario, by its name.
    failed: Mapping[str, str] = field(default_factory=dict)

    def markdown(self) -> str:
        parts = [_conditions(self), _table(self.figures)]
        subjects = list(dict.fromkeys(figure.subject for figure in self.figures))
        if len(subjects) > 1:
            parts.append(_comparison(self.figures, subjects))
        parts += [f"Not measured: {name}. {why}" for name, why in self.failed.items()]
        return "\n\n".join(parts) + "\n"

    def json(self) -> bytes:
        lines = [asdict(figure) | {"reached": reached(figure)} for figure in self.figures]
        head = {"command": self.command, "begun": self.begun, "seconds": self.seconds, "failed": self.failed}
        return msgspec.json.format(msgspec.json.encode(head | {"machine": asdict(self.machine), "figures": lines}))

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The two files, named by when the run began, and written to `latest.*` as well."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.begun:%Y%m%d-%H%M%S}"
        for stem in (name, "latest"):
            (folder / f"{stem}.md").write_text(self.markdown())
            (folder / f"{stem}.json").write_bytes(self.json())
        return folder / f"{name}.md", folder / f"{name}.json"


def reached(figure: Figure) -> bool | None:
    """Whether the goal was reached; None where there is none."""
    return None if figure.goal is None else figure.goal.reached(figure.value)


def _conditions(report: Report) -> str:
    machine = report.machine
    return (
        f"`{report.command}`, {report.begun:%Y-%m-%d %H:%M} UTC, {report.seconds:.0f} s, commit {machine.commit}. "
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb:.0f} GB, Linux {machine.kernel}, "
        f"Python {machine.python}, PostgreSQL {machine.postgres}; load before it {machine.load_before:.1f}."
    )


def _table(figures: Sequence[Figure]) -> str:
    lines = ["| | figure | goal | reached | spread |", "|---|---|---|---|---|"]
    several = len({figure.subject for figure in figures}) > 1
    for figure in figures:
        name = f"{figure.subject}: {figure.name}" if several else figure.name
        verdict = {None: "", True: "yes", False: "**no**"}[reached(figure)]
        goal = f"{figure.goal} {figure.unit}" if figure.goal else ""
        lines.append(f"| {name} | {number(figure.value)} {figure.unit} | {goal} | {verdict} | {figure.detail} |")
    return "\n".join(lines)


def _comparison(figures: Sequence[Figure], subjects: Sequence[str]) -> str:
    """What was measured of more than one of them, side by side."""
    by_name: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        by_name.setdefault(figure.name, {})[figure.subject] = figure
    lines = [f"| | {' | '.join(subjects)} |", f"|---|{'---|' * len(subjects)}"]
    for name, found in by_name.items():
        if len(found) > 1:
            cells = (f"{number(found[s].value)} {found[s].unit}" if s in found else "" for s in subjects)
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
