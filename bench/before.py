"""What an earlier commit's server costs beside today's: `python -m bench.before COMMIT`.

Both run on today's database, with today's packages, and are asked in turn.
"""

import argparse
import asyncio
import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from bench import turn
from bench.accounting import pin
from bench.errors import BenchError
from bench.figures import Figure
from bench.load import Crowd
from bench.rig import Rig, rig
from bench.sizes import WHOLE
from bench.turn import Subject
from local_stack.processes import CHECKOUT
from tests.former_release import FormerServer


@asynccontextmanager
async def _earlier(running: Rig, commit: str) -> AsyncIterator[FormerServer]:
    """The server of that commit, alone on the server's core."""
    with tempfile.TemporaryDirectory(prefix="safycore-bench-before-") as folder:
        _unpack(commit, Path(folder))
        server = FormerServer(Path(folder), running.environment, running.stack.home / "logs" / "before.log")
        try:
            await server.start()
            pin(server.pid, running.cores.server)
            yield server
        finally:
            await server.stop()


def _unpack(commit: str, into: Path) -> None:
    archive = subprocess.run(["git", "archive", "--format=tar", commit], cwd=CHECKOUT, capture_output=True, check=False)
    if archive.returncode != 0:
        raise BenchError(f"There is no commit {commit} in this clone: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "--extract", "--directory", str(into)], input=archive.stdout, check=True)


async def compared(commit: str, rounds: int, replies: int) -> list[Figure]:
    """Both, one after the other in every round."""
    async with rig() as running, running.server() as today, _earlier(running, commit) as before:
        target = await running.safycore(today, people=WHOLE.clients)
        subjects = [
            Subject("today", target, today.pid, has_goals=True),
            Subject(commit, dataclasses.replace(target, port=before.port), before.pid, has_goals=True),
        ]
        for subject in subjects:
            await turn.warm_up(running, subject)
        alone = await turn.first_token(running, subjects, rounds=rounds, replies=replies // 4)
        return alone + await turn.throughput(running, subjects, rounds=rounds, crowd=Crowd(WHOLE.clients, replies))


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="bench.before", description=__doc__.partition("\n")[0])
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replies", type=int, default=200, help="in each round")
    options = parser.parse_args()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(compared(options.commit, options.rounds, options.replies))
    except BenchError as exc:
        print(exc, file=sys.stderr)
        return 1
    for figure in figures:
        print(f"{figure.subject}: {figure.name}: {figure.value:.2f} {figure.unit} ({figure.detail})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
