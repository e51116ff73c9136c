"""The lock files: exact, whole, and of no one registry."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = [
    CHECKOUT / name for name in ("documentation", "examples", "frontend", "local_stack/supabase", "tests/ai_sdk")
]
DEPENDENCIES = ("dependencies", "devDependencies")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_javascript_package_locks_what_it_asks_for(package: Path) -> None:
    """npm would otherwise choose for itself, as `make up` installs without writing the lock file."""
    locked = read(package / "package-lock.json")["packages"]
    for place in ("", *read(package / "package.json").get("workspaces", [])):
        for kind in DEPENDENCIES:
            wanted = read(package / place / "package.json").get(kind, {})
            assert locked[place].get(kind, {}) == wanted
            assert {name: version_found_by(place, name, locked) for name in wanted} == wanted


def version_found_by(place: str, name: str, locked: dict[str, Any]) -> str:
    """A package of a workspace lies beside it where two of them want different ones, else with those of all."""
    own = locked.get(f"{place}/node_modules/{name}")
    version: str = (own or locked[f"node_modules/{name}"])["version"]
    return version


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_locked_javascript_package_has_its_hash(package: Path) -> None:
    locked = read(package / "package-lock.json")["packages"]
    ours = {"", *read(package / "package.json").get("workspaces", [])}
    without = {name for name, entry in locked.items() if "integrity" not in entry and not entry.get("link")}
    assert without == ours


@pytest.mark.parametrize(
    "path", [*CHECKOUT.glob("requirements/*.lock"), *(package / "package-lock.json" for package in PACKAGES)]
)
def test_a_lock_file_names_no_registry(path: Path) -> None:
    addresses = re.findall(r'(?:resolved": "|index-url |@ )https?://[^\s"]+', path.read_text())
    assert addresses == []
