"""A PgBouncer of the tests' own, which hands the connections on by transaction, as a hosted project's pooler does."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from tests.processes import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
MISSING = "PgBouncer is not installed; on Debian: apt-get install pgbouncer"
SERVER_CONNECTIONS = 3
"""So few that clients have to share them."""
_START_SECONDS = 30.0
# Whoever connects is let in as the one role: it listens on loopback, for as long as a test runs.
_CONFIGURATION = """
[databases]
{database} = host={host} port={port} dbname={database} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
server_tls_sslmode = disable
"""


@asynccontextmanager
async def by_transaction(url: str) -> AsyncIterator[str]:
    """The address that leads to the same database, as the same role, through the pooler."""
    assert PROGRAM is not None, MISSING
    there, own_port = urlsplit(url), free_port()
    database = there.path.removeprefix("/")
    with tempfile.TemporaryDirectory(prefix="safycore-pgbouncer-") as folder:
        file = Path(folder) / "pgbouncer.ini"
        text = _CONFIGURATION.format(
            database=database,
            host=there.hostname,
            port=there.port,
            user=there.username,
            password=unquote(there.password or ""),
            own_port=own_port,
            connections=SERVER_CONNECTIONS,
        )
        file.touch(mode=0o600)
        file.write_text(text)
        process = await asyncio.create_subprocess_exec(PROGRAM, "--quiet", *_as_nobody(), str(file))
        pooled = f"postgresql://{there.username}@127.0.0.1:{own_port}/{database}?sslmode=disable"
        try:
            await _answers(pooled, process)
            yield pooled
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _as_nobody() -> tuple[str, ...]:
    """It refuses to run as root; it reads its file before it becomes somebody else."""
    return ("--user", "nobody") if os.geteuid() == 0 else ()


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            assert process.returncode is None, "PgBouncer has ended"
            try:
                await (await psycopg.AsyncConnection.connect(url)).close()
            except psycopg.OperationalError:
                # There is no event to await in another process that is not listening yet.
                await asyncio.sleep(0.05)
            else:
                return
