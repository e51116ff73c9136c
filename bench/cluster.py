"""What one, two and three instances behind nginx can do on this machine: `python -m bench.cluster`

Each number of instances is started anew in every round, so that whatever else the machine does meets all alike. The
model answers as fast as it is read. All of it shares the machine: what is measured last is the machine itself, which
is why the share of it that was busy is told beside each rate.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.errors import BenchError
from bench.load import Crowd, load
from bench.model import Pace
from bench.progress import say
from bench.rig import Rig, allow_open_files, rig
from bench.spread import percentile
from bench.targets import SafyCore
from local_stack.cluster import Cluster
from local_stack.processes import StackError
from tests.cast import sign_up

PACE = Pace(tokens=128)
CLIENTS = 128
PEOPLE = 8
WARM = Crowd(CLIENTS, seconds=2)
# Nobody waits for what a benchmark leaves running.
IMPATIENT = {"LINGER_SECONDS": "0", "DRAIN_SECONDS": "0"}


@dataclass(frozen=True)
class Seen:
    """One round: whole replies a second, the first token's p99 in seconds, the share of all cores that was busy."""

    instances: int
    rate: float
    first: float
    lost: int
    busy: float


def _jiffies() -> tuple[int, int]:
    """Of all cores since the start of the machine: busy, and all."""
    counts = [int(count) for count in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(counts) - counts[3] - counts[4], sum(counts)


async def _round(running: Rig, number: int, turn: int, seconds: float) -> Seen:
    home = running.stack.home / f"cluster-{turn}-{number}"
    cluster = Cluster(home, running.environment, instances=number, settings=IMPATIENT)
    try:
        with running.cores.all_for_children():
            cluster.start()
        return await _loaded(running, cluster, number, seconds)
    finally:
        cluster.stop()


async def _loaded(running: Rig, cluster: Cluster, number: int, seconds: float) -> Seen:
    while len(running.people) < PEOPLE:
        actor = await sign_up(cluster.url, f"bench-{len(running.people)}")
        await actor.close()
        running.people.append(str(actor.token))
    target = SafyCore(cluster.nginx.port, running.people)
    await load(target, WARM, PACE.tokens)
    busy, of = _jiffies()
    measured = (await load(target, Crowd(CLIENTS, seconds=seconds), PACE.tokens)).checked(f"{number} instances")
    busy_then, of_then = _jiffies()
    first = percentile(measured.first_tokens, 99)
    return Seen(number, measured.rate, first, measured.lost, (busy_then - busy) / (of_then - of))


async def measured(most: int, rounds: int, seconds: float) -> list[Seen]:
    """Every number of instances up to the most, in turn, so many times."""
    allow_open_files(CLIENTS)
    seen = []
    async with rig() as running:
        await running.set_pace(PACE)
        for turn in range(rounds):
            for number in range(1, most + 1):
                seen.append(await _round(running, number, turn, seconds))
                say(f"round {turn + 1}: {seen[-1]}")
    return seen


def table(seen: Sequence[Seen]) -> str:
    """Markdown, a line for each number of instances: its rounds one by one."""
    lines = [
        "| instances | replies a second | pieces a second | first token, p99 | lost | machine busy |",
        *["|---|---|---|---|---|---|"],
    ]
    for number in sorted({each.instances for each in seen}):
        own = [each for each in seen if each.instances == number]
        cells = [
            ", ".join(f"{each.rate:.0f}" for each in own),
            ", ".join(f"{each.rate * PACE.tokens:,.0f}" for each in own),
            ", ".join(f"{1000 * each.first:.0f} ms" for each in own),
            str(sum(each.lost for each in own)),
            ", ".join(f"{each.busy:.0%}" for each in own),
        ]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """The exit code."""
    options = _options()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(measured(options.instances, options.rounds, options.seconds))
    except (BenchError, StackError) as exc:
        print(exc, file=sys.stderr)
        return 1
    print(table(seen))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.cluster", description="Measure one, two and three instances.")
    parser.add_argument("--instances", type=int, default=3, help="the most")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8, help="of load in each round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
