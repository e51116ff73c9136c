"""`make up`, from the command to a server that is ready, and from the signal to the end."""

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.errors import BenchError
from bench.figures import Figure, Goal, over_rounds
from bench.progress import say
from bench.rig import Rig
from bench.sizes import Size
from bench.spread import Spread
from local_stack.processes import Child, StackError, free_port

START_SECONDS = 600
STOP_SECONDS = 60
# Whatever a developer has in .env, this is the embedded default: set to nothing, each is as if it were not there.
LEFT_OUT = (
    "SUPABASE_URL",
    "SUPABASE_KEY",
    "SUPABASE_DB_URL",
    "GROQ_API_KEY",
    "GROQ_BASE_URL",
    "DATABASE_URL",
    "SITE_URL",
    "ALLOWED_HOSTS",
)


@dataclass(frozen=True)
class Run:
    """Seconds of one `make up`."""

    ready: float
    stopped: float


async def start(rig: Rig, size: Size) -> list[Figure]:
    """The first start makes the database, and what `make up` installs; it is told beside those after it."""
    if shutil.which("make") is None:
        raise BenchError("The program make is missing; install it to measure the start.")
    with tempfile.TemporaryDirectory(prefix="safycore-bench-start-") as folder, rig.cores.all_for_children():
        say("embedded start: the first")
        first = _up(Path(folder))
        runs = []
        for number in range(size.starts):
            say(f"embedded start: again, {number + 1} of {size.starts}")
            runs.append(_up(Path(folder)))
    return _figures(first, runs)


def _up(folder: Path) -> Run:
    """Nothing else happens meanwhile, so that it may block."""
    port = free_port()
    ours = {"SAFYCORE_HOME": str(folder / "home"), "PORT": str(port)}
    begun = time.monotonic()
    environment = {**os.environ, **dict.fromkeys(LEFT_OUT, ""), **ours}
    make = Child("make up", ["make", "up"], log=folder / "log", env=environment)
    try:
        make.wait_until(lambda: _ready(port), seconds=START_SECONDS)
        ready = time.monotonic()
    except StackError as exc:
        raise BenchError(str(exc)) from exc
    finally:
        asked = time.monotonic()
        make.stop(seconds=STOP_SECONDS)
    return Run(ready - begun, time.monotonic() - asked)


def _ready(port: int) -> bool | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200 or None
    except httpx.TransportError:  # not listening yet
        return None


def _figures(first: Run, runs: list[Run]) -> list[Figure]:
    ready, stopped = [run.ready for run in runs], [run.stopped for run in runs]
    detail = f"{over_rounds(ready)}; the first, with an empty database, {first.ready:.1f} s"
    return [
        Figure("SafyCore", "embedded start, second time", Spread.of(ready).median, "s", detail, Goal(6)),
        Figure("SafyCore", "embedded stop, from SIGTERM", Spread.of(stopped).median, "s", over_rounds(stopped)),
    ]
