"""Child processes that end when we end, and waiting for them without guessing how long it takes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.02
TAIL_LINES = 15


class StackError(Exception):
    """The local stack cannot go on. The message is for the person who typed the command."""


class Child:
    """One process of the stack, run in the checkout, with its output in a log file.

    It has a session of its own: Ctrl-C in the terminal reaches the supervisor only, which then
    stops the children in order. The kernel sends it `death_signal` when the *thread* that started
    it ends, even by SIGKILL, so start children from a thread that lives as long as they should.
    `privileges` are further setpriv options (who to run as).
    """

    def __init__(  # noqa: PLR0913  # one for each thing the kernel wants to know
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        death_signal: signal.Signals = signal.SIGTERM,
        privileges: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = death_signal
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            self.process = subprocess.Popen(
                [*_tied_to_us(death_signal, privileges), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=dict(env),
                cwd=CHECKOUT,
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(output)
        assert self.process.stdin is not None  # noqa: S101  # for the type checker: it is a pipe
        self._stdin = self.process.stdin

    def running(self) -> bool:
        return self.process.poll() is None

    def tell(self, line: str) -> None:
        """Write one line to the child's standard input; StackError when it has ended."""
        try:
            self._stdin.write(f"{line}\n".encode())
        except BrokenPipeError:
            self.process.wait()
            raise StackError(self.obituary()) from None

    def wait_until(self, ready: Callable[[], T | None], *, seconds: float) -> T:
        """Poll until `ready` answers something; StackError when the child ends or time is up."""
        deadline = time.monotonic() + seconds
        while (found := ready()) is None:
            if not self.running():
                raise StackError(self.obituary())
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} was not ready in {seconds:.0f} s.\n{self.tail()}")
            time.sleep(POLL_SECONDS)
        return found

    def announced(self, key: str, *, seconds: float = 30) -> object:
        """Wait for the line `{"key": value}` in the child's output; return the value."""
        return self.wait_until(lambda: _find_announcement(self.log, key), seconds=seconds)

    def run_to_end(self, *, seconds: float) -> None:
        """Wait for a child that does one thing and ends; StackError unless it ended well."""
        try:
            if self.process.wait(seconds) != 0:
                raise StackError(self.obituary())
        except subprocess.TimeoutExpired:
            raise StackError(f"{self.name} took over {seconds:.0f} s.\n{self.tail()}") from None
        finally:
            self.stop(seconds=1)

    def stop(self, *, seconds: float) -> None:
        """End the child: by its own signal first, with its whole group by SIGKILL when late."""
        if self.running():
            self.process.send_signal(self._stop_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._stdin.close()

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"The end of {self.log}:", *(f"  {line}" for line in lines)])

    def obituary(self) -> str:
        code = self.process.poll()
        how = f"was killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended ({code})"
        return f"{self.name} {how}.\n{self.tail()}"


def python_child(name: str, *arguments: str, logs: Path, environment: Mapping[str, str] | None = None) -> Child:
    """Start `python <arguments>` in the checkout; `environment` is laid over our own."""
    return Child(
        name,
        [sys.executable, *arguments],
        log=logs / f"{name}.log",
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    )


def _tied_to_us(death_signal: signal.Signals, privileges: Sequence[str]) -> list[str]:
    # setpriv rather than a preexec_fn: forking Python code is unsafe once threads exist, and the
    # death signal must be set after the change of user id, which clears it.
    if not sys.platform.startswith("linux"):
        return []
    if shutil.which("setpriv") is None:
        raise StackError("The program setpriv is missing; install the package util-linux.")
    return ["setpriv", *privileges, "--pdeathsig", death_signal.name, "--"]


def _find_announcement(log: Path, key: str) -> object | None:
    for line in log.read_text(errors="replace").splitlines():
        if not line.startswith("{"):
            continue
        try:
            found: object = json.loads(line).get(key)
        except ValueError:  # a line that is still being written
            continue
        if found is not None:
            return found
    return None


def free_port() -> int:
    """A port of the loopback interface on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
