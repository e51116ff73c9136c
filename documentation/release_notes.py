"""The changelog's entry of a version: `python -m documentation.release_notes v1.2.3` prints it, or fails without one.

It fails, too, where pyproject.toml says another version than the tag.
"""

import re
import sys
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
_VERSION = re.compile(r"v(\d+\.\d+\.\d+)")


class NotReady(Exception):
    """The tag cannot be released; the message says why."""


def entry(changelog: str, version: str) -> str:
    """What stands under `## <version> - <date>`. Raises NotReady where that is nothing."""
    head = re.compile(rf"^## \[?{re.escape(version)}\]? - \d{{4}}-\d{{2}}-\d{{2}}$", re.MULTILINE)
    found = head.search(changelog)
    if found is None:
        raise NotReady(f"CHANGELOG.md has no entry '## {version} - <date>'.")
    text = re.split(r"^## ", changelog[found.end() :], maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not text:
        raise NotReady(f"The entry of {version} in CHANGELOG.md is empty.")
    return text


def version_of(tag: str, project: str) -> str:
    """The version of a tag. Raises NotReady where it is none, or another one than pyproject.toml's text says."""
    named = _VERSION.fullmatch(tag)
    if named is None:
        raise NotReady(f"{tag} is no tag of a version, such as v1.2.3.")
    written: str = tomllib.loads(project)["project"]["version"]
    if named[1] != written:
        raise NotReady(f"The tag is {tag}, and pyproject.toml says {written}.")
    return written


def main() -> int:
    """The exit code."""
    if len(sys.argv) != 2:
        sys.stderr.write("Name the tag: python -m documentation.release_notes v1.2.3\n")
        return 2
    try:
        version = version_of(sys.argv[1], (CHECKOUT / "pyproject.toml").read_text())
        sys.stdout.write(entry((CHECKOUT / "CHANGELOG.md").read_text(), version) + "\n")
    except NotReady as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
