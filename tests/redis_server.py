"""A Redis of a test's own."""

import asyncio
import shutil
import signal
from pathlib import Path

from tests.processes import free_port


class Redis:
    """It can be stopped, held and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        program = shutil.which("redis-server", path="/usr/bin:/usr/local/bin")
        assert program, "This test needs Redis; on Debian: apt-get install redis-server"
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self._folder)]
        self._process = await asyncio.create_subprocess_exec(program, *options, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout
        async with asyncio.timeout(20):
            while b"Ready to accept connections" not in await self._process.stdout.readline():
                assert self._process.returncode is None

    def send(self, wanted: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(wanted)

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGKILL)
            await self._process.wait()
