"""`python -m bench all`: measure, and write a report."""

import argparse
import asyncio
import dataclasses
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.errors import BenchError
from bench.figures import Figure
from bench.machine import describe
from bench.peers import PEERS
from bench.report import Report
from bench.rig import Rig, rig
from bench.sizes import QUICK, WHOLE, Size
from bench.suite import SCENARIOS
from local_stack.processes import CHECKOUT


async def measured(options: argparse.Namespace) -> Report:
    begun, clock = datetime.now(UTC), time.monotonic()
    async with rig() as running:
        machine = describe(running.environment["SUPABASE_DB_ADMIN_URL"])
        figures, failed = await _each(running, options)
    command = " ".join(["python -m bench", *sys.argv[1:]])
    return Report(command, begun, time.monotonic() - clock, machine, figures, failed)


async def _each(running: Rig, options: argparse.Namespace) -> tuple[list[Figure], dict[str, str]]:
    """The figures, and why there are none of a scenario: one that fails does not cost what the others measured."""
    figures, failed = [], {}
    for name in options.scenarios:
        try:
            figures += await SCENARIOS[name](running, _size(options), options.peer)
        except (BenchError, OSError) as exc:
            failed[name] = str(exc)
    return figures, failed


def main() -> int:
    """The exit code."""
    options = _options()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(measured(options))
    except BenchError as exc:
        print(exc, file=sys.stderr)
        return 1
    files = report.write(options.output)
    print(report.markdown())
    print("Written to " + " and ".join(str(file) for file in files), file=sys.stderr)
    for name, why in report.failed.items():
        print(f"{name}: {why}", file=sys.stderr)
    return 1 if report.failed else 0


def _size(options: argparse.Namespace) -> Size:
    size = QUICK if options.quick else WHOLE
    wanted = {"rounds": options.rounds, "clients": options.clients, "messages": options.messages}
    if options.replies:
        rounds = options.rounds or size.rounds
        wanted["together"] = max(options.replies // rounds, 1)
        wanted["alone"] = max(options.replies // rounds // 4, 1)
    return dataclasses.replace(size, **{name: value for name, value in wanted.items() if value})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure SafyCore on this machine.")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=f"{', '.join(SCENARIOS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="fewer of everything: under two minutes")
    parser.add_argument("--rounds", type=int, help="of those scenarios that have rounds")
    parser.add_argument("--clients", type=int, help="of the scenario turn")
    parser.add_argument("--replies", type=int, help="of the scenario turn, over all rounds")
    parser.add_argument("--messages", type=int, help="in the large table; ten million need minutes, and 12 GB free")
    parser.add_argument("--peer", action="append", default=[], choices=PEERS, help="measure this one, too; repeatable")
    parser.add_argument("--output", type=Path, default=CHECKOUT / ".bench", help="the folder of the reports")
    options = parser.parse_args()
    options.scenarios = options.scenarios or list(SCENARIOS)
    for name in options.scenarios:
        if name not in SCENARIOS:
            parser.error(f"there is no scenario {name!r}; choose from {', '.join(SCENARIOS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
