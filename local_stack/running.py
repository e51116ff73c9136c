"""The environment of the stack that runs now, for commands beside it: `python -m local_stack manage <command>`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local_stack.processes import CHECKOUT, StackError

_FILE = "environment.json"


@contextmanager
def remembered(home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Keep what the server was given in `<home>/environment.json` (mode 0600) for as long as it runs."""
    path = home / _FILE
    path.unlink(missing_ok=True)  # left behind by one that was killed
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(dict(environment), file, indent=2)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def manage(home: Path, arguments: Sequence[str]) -> int:
    """Run `manage.py` as the running server was started; its exit code. StackError when nothing runs."""
    try:
        environment = json.loads((home / _FILE).read_text())
    except FileNotFoundError:
        raise StackError(f"Nothing runs on {home}: start it with `make up` first.") from None
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **environment}, check=False).returncode
