"""GitHub's workflows run what a laptop runs, with actions that nobody can change, and may do no more than they must."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
MAY_WRITE = {("release.yml", "image", "packages"), ("release.yml", "release", "contents")}
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def jobs() -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield path, name, job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, name, job in jobs():
        for step in job["steps"]:
            yield f"{path.name} {name}", step


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def used_targets() -> set[str]:
    return {target for _, step in steps() for target in re.findall(r"\bmake ([\w-]+)", step.get("run", ""))}


def test_there_are_workflows() -> None:
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "audit.yml", "release.yml"}


def test_every_action_is_pinned_by_a_whole_digest_with_its_version_beside_it() -> None:
    lines = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 10
    for line in lines:
        assert re.fullmatch(rf"- uses: {_PINNED.pattern} # v\d+\.\d+\.\d+", line), line


def test_one_version_of_an_action_is_used_throughout() -> None:
    used = {step["uses"] for _, step in steps() if "uses" in step}
    assert len({use.partition("@")[0] for use in used}) == len(used)


def test_every_target_of_make_that_is_run_exists() -> None:
    assert used_targets() - make_targets() == set()


def test_what_ci_runs_on_a_laptop_is_run_there_too() -> None:
    of_the_laptop = set(re.findall(r"^make ([\w-]+)$", (CHECKOUT / ".ci" / "run").read_text(), re.MULTILINE))
    assert len(of_the_laptop) >= 4
    assert of_the_laptop - used_targets() == set()
    assert {"docs", "audit", "test-unit", "test-postgres"} <= used_targets()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_nothing_else(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}
    assert "concurrency" in read(path)


def test_a_job_may_write_what_it_must() -> None:
    written = {
        (path.name, name, scope)
        for path, name, job in jobs()
        for scope, right in job.get("permissions", {}).items()
        if right == "write"
    }
    assert written == MAY_WRITE


def test_every_job_ends_some_time() -> None:
    assert [f"{path.name} {name}" for path, name, job in jobs() if "timeout-minutes" not in job] == []


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) > 5
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_command_is_put_together_from_what_somebody_else_wrote() -> None:
    """Values come by the environment: an expression in a command is pasted into it before the shell reads it."""
    assert [(where, step["run"]) for where, step in steps() if "${{" in step.get("run", "")] == []


def test_every_version_that_is_supported_is_tried() -> None:
    ci = read(CHECKOUT / ".github" / "workflows" / "ci.yml")["jobs"]
    assert ci["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert ci["postgres"]["strategy"]["matrix"]["postgres"] == ["15", "16", "17", "18"]
    assert 'requires-python = ">=3.11,<3.15"' in (CHECKOUT / "pyproject.toml").read_text()


def test_every_folder_that_is_kept_up_to_date_is_there() -> None:
    updates = yaml.safe_load((CHECKOUT / ".github" / "dependabot.yml").read_text())["updates"]
    folders = [folder for update in updates for folder in [*update.get("directories", []), update.get("directory")]]
    assert [folder for folder in folders if folder and not (CHECKOUT / folder.lstrip("/")).is_dir()] == []
