"""The code of the former release, from this repository's history, and its server with today's packages."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.processes import CHECKOUT, Server

FILE = CHECKOUT / "deploy" / "former-release"


def unpack(into: Path) -> Path:
    """Its files, below `into`. Raises AssertionError with a sentence where the history does not reach back to it."""
    commit = FILE.read_text().split()[0]
    # Whoever runs the tests need not own the checkout.
    command = ["git", "-c", "safe.directory=*", "archive", "--format=tar", commit]
    found = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False)
    assert found.returncode == 0, (
        f"The former release, {commit} in deploy/former-release, is not in this clone. Fetch the whole history "
        f"(git fetch --unshallow; in GitHub Actions: fetch-depth: 0). git says: {found.stderr.decode().strip()}"
    )
    subprocess.run(["tar", "--extract", "--directory", str(into)], input=found.stdout, check=True)
    return into


class FormerServer(Server):
    """The former release's server."""

    def __init__(self, code: Path, environment: Mapping[str, str], log: Path) -> None:
        super().__init__({**environment, "PYTHONPATH": str(code)}, log)

    def command(self) -> list[str]:
        # -P: not the code of the folder that it is started in.
        _, *rest = super().command()
        return [sys.executable, "-P", *rest]
