"""Versions with holes that were known when ours were chosen cannot be locked."""

import re
from pathlib import Path

import pytest

LOCKS = sorted((Path(__file__).parents[2] / "requirements").glob("*.lock"))
# The first versions without: PyJWT's check of `crit`, Django's of 2026's spring releases.
FLOORS = {"pyjwt": (2, 13), "django": (5, 2, 14)}


def versions(lock: str, package: str) -> list[tuple[int, ...]]:
    found = re.findall(rf"^{package}==([\d.]+)", lock, re.MULTILINE | re.IGNORECASE)
    return [tuple(map(int, version.split("."))) for version in found]


@pytest.mark.parametrize("package", FLOORS)
def test_the_server_is_locked_to_a_version_without_known_holes(package: str) -> None:
    locked = [version for lock in LOCKS for version in versions(lock.read_text(), package)]
    assert locked
    assert min(locked) >= FLOORS[package]


def test_a_version_with_a_hole_would_be_noticed() -> None:
    assert versions("django==5.2.13 \\\n    --hash=x\npyjwt==2.12.1", "django") == [(5, 2, 13)]
    assert versions("Django==5.2.13", "django")[0] < FLOORS["django"]
