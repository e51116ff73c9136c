"""The server under test: a real process on a real socket."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from tests.secret_search import known

CHECKOUT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
COMMAND_SECONDS = 120


async def manage(environment: Mapping[str, str], *arguments: str, fails: bool = False) -> str:
    """Run `manage.py` with exactly this environment (and PATH); what it said. AssertionError when it ends otherwise."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", *arguments),
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    assert (process.returncode != 0) is fails, said.decode()
    return said.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process, started with exactly the environment it is given (and PATH).

    `site_url` is the address that people would use, where that is another than its own.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, *, site_url: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.environment = {
            "PATH": os.environ["PATH"],
            # A test that leaves a reply running does not wait for its end.
            "DRAIN_SECONDS": "0.3",
            # No proxy keeps connections to it, unless the test says so.
            "LINGER_SECONDS": "0",
            # The API alone, whether or not the web app happens to be built.
            "WEB_APP_DIR": "",
            **environment,
            "SITE_URL": site_url or self.url,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
        }
        known.log(log)
        known.environment(self.environment)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start, and return once it answers. Raises AssertionError with its log when it does not."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(),
                cwd=CHECKOUT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as client:
            while not await self._healthy(client):
                assert self._process.returncode is None, self.log.read_text()
                # There is no event to await in another process that is not listening yet.
                await asyncio.wait([asyncio.ensure_future(self._process.wait())], timeout=0.05)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "safycore_backend.server", "--host", "127.0.0.1", "--port", str(self.port)]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def _healthy(self, client: httpx.AsyncClient) -> bool:
        with suppress(httpx.TransportError):
            return (await client.get(f"{self.url}/healthz")).status_code == 200
        return False

    async def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, and return the exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(with_signal)
        code = await self._process.wait()
        self._process = None
        return code

    async def exit_code(self) -> int:
        """Wait until it ends by itself."""
        assert self._process is not None
        async with asyncio.timeout(START_SECONDS):
            return await self._process.wait()
