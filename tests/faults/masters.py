"""The server under gunicorn, as it is deployed: a master, and workers that it starts again when they end."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.processes import Server


class Gunicorn(Server):
    """With deploy/gunicorn.conf.py; several workers need a `CACHE_URL` in the environment."""

    def __init__(self, environment: Mapping[str, str], log: Path, workers: int) -> None:
        super().__init__({**environment, "WEB_CONCURRENCY": str(workers)}, log)
        self.environment["BIND"] = f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]

    def workers(self) -> list[int]:
        """Their process ids, those of the dead whom the master has not buried yet left out."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children if alive(int(child))]


def alive(pid: int) -> bool:
    """Whether this process runs; one that ended and was not buried yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
