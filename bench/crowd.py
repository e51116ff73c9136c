"""Many replies at once, from a model at the pace of a real one: is everybody on time, and what does each one hold?

The clients arrive evenly over the length of one reply; those who stay ask again at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

from bench.accounting import memory_bytes
from bench.figures import Figure, over_samples
from bench.load import Crowd, Load, load
from bench.model import Pace
from bench.progress import say
from bench.rig import Rig, allow_open_files
from bench.spread import Spread
from bench.turn import Round, Subject, one_round

CROWD_PACE = Pace(tokens=128, tokens_per_second=50)
THOUSAND_TOKENS_PER_SECOND = 20
SAMPLE_SECONDS = 0.5
AT_REST, RUNNING = "memory at rest", "memory for each running reply"


@dataclass
class Highest:
    """The most memory that was seen."""

    bytes: int = 0


@dataclass(frozen=True)
class Paced:
    """A crowd at the model directly, and the same through whoever is measured."""

    direct: Load
    through: Round
    peak: int
    rest: int
    highest: int

    @property
    def longest(self) -> float:
        """The longest reply, as a multiple of what a reply takes from the model by itself."""
        return max(answer.seconds for answer in self.through.load.whole) / self.own_seconds

    @property
    def own_seconds(self) -> float:
        return median(answer.seconds for answer in self.direct.whole)


@asynccontextmanager
async def watched(pid: int) -> AsyncIterator[Highest]:
    """Look at a process' memory every now and then."""
    highest = Highest(memory_bytes(pid))

    async def look() -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            highest.bytes = max(highest.bytes, memory_bytes(pid))

    looking = asyncio.create_task(look())
    try:
        yield highest
    finally:
        looking.cancel()


async def paced(rig: Rig, subject: Subject, crowd: Crowd, pace: Pace) -> Paced:
    """Both loads, one after the other."""
    allow_open_files(crowd.clients)
    say(f"{subject.name}: {crowd.clients:,} clients at {pace.tokens_per_second:.0f} tokens/s, the model by itself")
    await rig.set_pace(pace)
    direct = (await load(rig.direct, crowd, pace.tokens)).checked("the model")
    say(f"{subject.name}: {crowd.clients:,} clients at {pace.tokens_per_second:.0f} tokens/s")
    await rig.model_stats()
    rest = memory_bytes(subject.pid)
    async with watched(subject.pid) as highest:
        through = await one_round(rig, subject, crowd, pace.tokens)
    return Paced(direct, through, (await rig.model_stats()).peak, rest, highest.bytes)


async def three_hundred(rig: Rig, subject: Subject, clients: int, turns: int) -> list[Figure]:
    """Clients at 50 tokens a second, and the memory that their replies hold; asks for a server that is warm."""
    crowd = Crowd(clients, clients * turns, ramp=CROWD_PACE.seconds)
    seen = await paced(rig, subject, crowd, CROWD_PACE)
    name = f"{clients:,} clients at 50 tokens/s"
    each = (seen.highest - seen.rest) / max(seen.peak, 1) / 1000
    longest, own = f"{name}: longest reply", "times the model's own"
    running = f"{seen.highest / 1e6:.0f} MB with {seen.peak:,} at once"
    return [
        *_on_time(subject, name, seen, first_token_ms=100),
        Figure(subject.name, longest, seen.longest, own, _lengths(seen), subject.goal(1.1)),
        _cpu(subject, name, seen),
        Figure(subject.name, AT_REST, seen.rest / 1e6, "MB", "proportional set size", subject.goal(130)),
        Figure(subject.name, RUNNING, each, "kB", running, subject.goal(60)),
    ]


async def thousand(rig: Rig, subject: Subject, replies: int, tokens: int) -> list[Figure]:
    """So many replies that run at the same time, begun over half the length of one."""
    pace = Pace(tokens, THOUSAND_TOKENS_PER_SECOND)
    seen = await paced(rig, subject, Crowd(replies, replies, ramp=pace.seconds / 2), pace)
    name = f"{replies:,} replies at 20 tokens/s"
    return [*_on_time(subject, name, seen, first_token_ms=500), _cpu(subject, name, seen)]


def _on_time(subject: Subject, name: str, seen: Paced, *, first_token_ms: float) -> list[Figure]:
    first = Spread.of([1000 * seconds for seconds in seen.through.load.first_tokens])
    direct = Spread.of([1000 * seconds for seconds in seen.direct.first_tokens])
    detail = f"median {first.median:.1f}, {over_samples(first)}; the model by itself {direct.p99:.1f}"
    load = seen.through.load
    lost = f"of {len(load.answers):,}, {len(load.refused)} of them refused; {seen.peak:,} at once"
    return [
        Figure(subject.name, f"{name}: first token, p99", first.p99, "ms", detail, subject.goal(first_token_ms)),
        Figure(subject.name, f"{name}: lost", load.unanswered, "replies", lost, subject.goal(0)),
    ]


def _lengths(seen: Paced) -> str:
    lengths = Spread.of([answer.seconds / seen.own_seconds for answer in seen.through.load.whole])
    return f"median {lengths.median:.3f}, p99 {lengths.p99:.3f}; the model's own {seen.own_seconds:.2f} s"


def _cpu(subject: Subject, name: str, seen: Paced) -> Figure:
    """Pieces that come one by one cost more than those that come together."""
    through = seen.through
    busy = 100 * through.cpu.server / through.load.seconds
    postgres = through.milliseconds(through.cpu.postgres)
    detail = f"its core was {busy:.0f} % busy" + (f"; Postgres {postgres:.2f} ms" if subject.has_goals else "")
    return Figure(subject.name, f"{name}: CPU a reply", through.milliseconds(through.cpu.server), "ms", detail)
