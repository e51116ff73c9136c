"""A tag becomes a release with its entry of the changelog, and with nothing else."""

import json
import subprocess
import sys
import tomllib

import pytest
from django.conf import settings

from documentation.release_notes import NotReady, entry, version_of
from tests.processes import CHECKOUT

CHANGELOG = """\
# Changelog

## Unreleased

- Not yet.

## 1.10.0 - 2026-12-01

### Added

- A thing.

## 1.1.0 - 2026-11-01

- An older thing.

## 1.0.0 - 2026-10-01
"""
PROJECT = '[project]\nversion = "1.10.0"\n'


def test_an_entry_ends_where_the_next_one_begins() -> None:
    assert entry(CHANGELOG, "1.10.0") == "### Added\n\n- A thing."
    assert entry(CHANGELOG, "1.1.0") == "- An older thing."


@pytest.mark.parametrize("version", ["1.10", "1.1", "2.0.0", "1x1.0", "Unreleased", "1.0.0"])
def test_what_has_no_entry_of_its_own_is_not_ready(version: str) -> None:
    with pytest.raises(NotReady):
        entry(CHANGELOG, version)


def test_a_tag_is_the_version_of_the_project() -> None:
    assert version_of("v1.10.0", PROJECT) == "1.10.0"


@pytest.mark.parametrize("tag", ["1.10.0", "v1.10", "v1.10.0-rc1", "v1.1.0", "main", "v1.10.0\n"])
def test_another_tag_is_not_ready(tag: str) -> None:
    with pytest.raises(NotReady):
        version_of(tag, PROJECT)


def test_the_command_says_what_is_missing() -> None:
    command = [sys.executable, "-m", "documentation.release_notes", "v999.0.0"]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("The tag is v999.0.0, and pyproject.toml says ")


def test_the_version_is_the_same_wherever_it_is_written() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    web_app = json.loads((CHECKOUT / "frontend" / "package.json").read_text())["version"]
    assert project == web_app == settings.SPECTACULAR_SETTINGS["VERSION"]
