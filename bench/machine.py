"""On what machine, and of what version, something was measured."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local_stack.processes import CHECKOUT


@dataclass(frozen=True)
class Machine:
    """What a figure depends on besides the code, and which code it was."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    postgres: str
    commit: str
    load_before: float


def describe(database_url: str) -> Machine:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("show server_version").fetchone()
    return Machine(
        processor=_first(Path("/proc/cpuinfo").read_text(), "model name") or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        kernel=platform.release(),
        python=platform.python_version(),
        postgres=str(row[0]) if row else "?",
        commit=_commit(),
        load_before=os.getloadavg()[0],
    )


def _first(text: str, name: str) -> str:
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")


def _commit() -> str:
    """The commit of the checkout, marked when there is more in it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return run.stdout.strip() or "unknown"
