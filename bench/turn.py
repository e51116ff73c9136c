"""A turn, from the request to its last token: what it adds to the model's own time, and what it costs.

Every round asks the model directly and then through each of those who are measured, so that what else the machine does
meets all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.figures import Figure, Goal, over_rounds, over_samples
from bench.load import Crowd, Load, Target, load
from bench.model import Pace
from bench.progress import say
from bench.rig import Cpu, Rig
from bench.spread import Spread

TOKENS = 128
FULL_SPEED = Pace(TOKENS)
WARM_UP = Crowd(clients=8, replies=64)


@dataclass(frozen=True)
class Subject:
    """Whoever is measured: its name in the report, how it is asked, and the process that serves."""

    name: str
    target: Target
    pid: int
    has_goals: bool = False

    def goal(self, bound: float, *, at_least: bool = False) -> Goal | None:
        return Goal(bound, at_least) if self.has_goals else None


@dataclass(frozen=True)
class Round:
    """One load, with what it used."""

    load: Load
    cpu: Cpu

    def milliseconds(self, seconds: float) -> float:
        """Of the processor, a reply."""
        return 1000 * seconds / max(len(self.load.whole), 1)


@dataclass
class Rounds:
    """What the rounds gave, of one subject."""

    added_ms: list[float] = field(default_factory=list)
    loads: list[Round] = field(default_factory=list)


async def warm_up(rig: Rig, subject: Subject) -> None:
    """Connections, caches and compiled paths, as in a server that has been up for a while."""
    await rig.set_pace(FULL_SPEED)
    warm = await load(subject.target, WARM_UP, TOKENS)
    warm.checked(subject.name)


async def first_token(rig: Rig, subjects: Sequence[Subject], *, rounds: int, replies: int) -> list[Figure]:
    """What is added to the time to the first token when one client asks, one reply after the other."""
    await rig.set_pace(FULL_SPEED)
    crowd, seen = Crowd(clients=1, replies=replies), {subject.name: Rounds() for subject in subjects}
    directs: list[float] = []
    for number in range(rounds):
        say(f"first token, round {number + 1} of {rounds}")
        direct = (await load(rig.direct, crowd, TOKENS)).checked("the model")
        directs.append(1000 * median(direct.first_tokens))
        for subject in subjects:
            through = (await load(subject.target, crowd, TOKENS)).checked(subject.name)
            seen[subject.name].added_ms += [1000 * first - directs[-1] for first in through.first_tokens]
    return [figure for each in subjects for figure in _first_token_figures(each, seen[each.name].added_ms, directs)]


def _first_token_figures(subject: Subject, added_ms: Sequence[float], directs: Sequence[float]) -> list[Figure]:
    spread, name = Spread.of(added_ms), "added time to first token, one client"
    detail = f"{over_samples(spread)}; the model by itself {median(directs):.2f} ms"
    return [
        Figure(subject.name, f"{name}, median", spread.median, "ms", detail, subject.goal(5)),
        Figure(subject.name, f"{name}, p99", spread.p99, "ms", f"most {spread.most:.1f}", subject.goal(12)),
    ]


async def throughput(rig: Rig, subjects: Sequence[Subject], *, rounds: int, crowd: Crowd) -> list[Figure]:
    """As many replies as there can be, from a model that is as fast as it can be."""
    await rig.set_pace(FULL_SPEED)
    seen = {subject.name: Rounds() for subject in subjects}
    directs: list[float] = []
    for number in range(rounds):
        say(f"{crowd.clients} clients, round {number + 1} of {rounds}")
        directs.append((await load(rig.direct, crowd, TOKENS)).checked("the model").rate)
        for subject in subjects:
            seen[subject.name].loads.append(await one_round(rig, subject, crowd, TOKENS))
    return [figure for each in subjects for figure in _throughput_figures(each, seen[each.name].loads, directs, crowd)]


async def one_round(rig: Rig, subject: Subject, crowd: Crowd, tokens: int) -> Round:
    """One load. Raises BenchError when it gave no reply at all."""
    before = rig.cpu(subject.pid)
    seen = await load(subject.target, crowd, tokens)
    return Round(seen.checked(subject.name), rig.cpu(subject.pid).since(before))


def _throughput_figures(
    subject: Subject, measured: Sequence[Round], directs: Sequence[float], crowd: Crowd
) -> list[Figure]:
    """Medians over the rounds."""
    name, who = subject.name, f"{crowd.clients} clients"
    server = [each.milliseconds(each.cpu.server) for each in measured]
    postgres = [each.milliseconds(each.cpu.postgres) for each in measured]
    rates = [each.load.rate for each in measured]
    lost = sum(each.load.unanswered for each in measured)
    detail = f"{over_rounds(rates)}; lost {lost}; {_busy(measured)}; the model by itself {median(directs):,.0f}/s"
    ours, theirs = f"CPU of the server a reply, {who}", f"CPU of Postgres a reply, {who}"
    spent = Figure(name, ours, median(server), "ms", over_rounds(server), subject.goal(5))
    there = Figure(name, theirs, median(postgres), "ms", over_rounds(postgres), Goal(3))
    rate = Figure(name, f"replies a second, {who}", median(rates), "/s", detail, subject.goal(170, at_least=True))
    return [spent, there, rate] if subject.has_goals else [spent, rate]


def _busy(measured: Sequence[Round]) -> str:
    """How much of its core the server had to do, and how much everything else had: whoever is full is the limit."""
    server = median(each.cpu.server / each.load.seconds for each in measured)
    others = median((each.cpu.total - each.cpu.server) / each.load.seconds for each in measured)
    return f"the server {100 * server:.0f} % busy, Postgres, model and clients {100 * others:.0f} %"
