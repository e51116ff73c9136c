"""A program with a port of its own that can be ended, killed and started again where it was."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local_stack.processes import Child, StackError

HOST = "127.0.0.1"
# Debian keeps servers out of an ordinary user's PATH.
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"


class Part:
    """`start` returns at once; what it starts is a `Child`, so start it from a thread that outlives it."""

    def __init__(  # noqa: PLR0913  # each is one thing that the program is started with
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        port: int,
        logs: Path,
        environment: Mapping[str, str],
        stop_seconds: float,
    ) -> None:
        self.name = name
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._command = list(command)
        self._logs = logs
        self._environment = dict(environment)
        self._stop_seconds = stop_seconds
        self._child: Child | None = None
        self._starts = 0

    def start(self) -> None:
        """Each start has a log of its own. What an earlier start left is ended first."""
        self.stop()
        self._starts += 1
        self._child = Child(self.name, self._command, log=self.log, env=self._environment)

    @property
    def log(self) -> Path:
        """Of the newest start."""
        return self._logs / f"{self.name}-{self._starts}.log"

    def wait_until(self, ready: Callable[[int], bool | None], *, seconds: float) -> None:
        """Poll until `ready` says so of the port; StackError when the program ends or time is up."""
        self._started().wait_until(lambda: ready(self.port), seconds=seconds)

    def running(self) -> bool:
        return self._child is not None and self._child.running()

    def terminate(self) -> None:
        """SIGTERM, without waiting for what follows."""
        self._started().process.terminate()

    def kill(self) -> None:
        """SIGKILL to all of its processes, and wait until the first is gone."""
        process = self._started().process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End it, by SIGKILL when it takes too long; nothing happens to what was never started."""
        if self._child is not None:
            self._child.stop(seconds=self._stop_seconds)

    def _started(self) -> Child:
        if self._child is None:
            raise StackError(f"{self.name} was not started.")
        return self._child


def program(name: str, package: str) -> str:
    """Where the program lies; StackError with what to install when it is nowhere."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise StackError(f"The program {name} is missing; on Debian: apt-get install {package}")
    return found
