"""More and more clients, until more of them bring nothing more, and then twice as many and more.

Beyond the knee a server should go on answering as many as it can, and tell the others when to come back. These do as
they are told; in the last step, once more, they do not, where any were refused.
"""

from dataclasses import dataclass

from bench.crowd import CROWD_PACE
from bench.figures import Figure, Goal
from bench.load import Crowd, Load, load
from bench.progress import say
from bench.rig import Rig, allow_open_files
from bench.sizes import Size
from bench.spread import percentile
from bench.targets import SafyCore

# What a step must bring, of the best so far, for the rate not to have sunk.
FLAT = 0.9
# After which impatient clients come back, whatever they were told.
IMPATIENT_SECONDS = 0.25
# The product's own limits, which the other scenarios put out of the way.
OWN_LIMITS = frozenset({"MAX_REPLIES", "MAX_DELAY_SECONDS"})


@dataclass(frozen=True)
class Step:
    """So many clients, and what came of it while all of them were there."""

    clients: int
    goodput: float
    refused: float
    lost: int
    first_p99_ms: float

    @classmethod
    def of(cls, crowd: Crowd, seen: Load) -> "Step":
        begin, seconds = seen.began + crowd.ramp, crowd.seconds or 0.0
        there = [answer for answer in seen.whole if 0 <= answer.ended - begin < seconds]
        refused = [answer for answer in seen.refused if 0 <= answer.ended - begin < seconds]
        firsts = [1000 * answer.first for answer in there if answer.first is not None]
        late = percentile(firsts, 99) if firsts else 0.0
        return cls(crowd.clients, len(there) / seconds, len(refused) / seconds, seen.lost, late)


async def steps(rig: Rig, size: Size) -> list[Figure]:
    allow_open_files(max(size.steps))
    async with rig.server(without=OWN_LIMITS) as server:
        target = await rig.safycore(server, people=size.clients)
        await rig.set_pace(CROWD_PACE)
        taken = [await _taken(target, clients, size.step_seconds) for clients in size.steps]
        if not taken[-1].refused:  # and nobody could be impatient
            return figures_of(taken)
        impatient = await _taken(target, size.steps[-1], size.step_seconds, pause=IMPATIENT_SECONDS)
    return [*figures_of(taken), _impatience(impatient, taken)]


async def _taken(target: SafyCore, clients: int, seconds: float, pause: float | None = None) -> Step:
    say(f"step load: {clients:,} clients" + (", impatient" if pause else ""))
    crowd = Crowd(clients, ramp=CROWD_PACE.seconds, seconds=seconds, pause=pause)
    return Step.of(crowd, await load(target, crowd, CROWD_PACE.tokens))


def _impatience(step: Step, taken: list[Step]) -> Figure:
    best = max(each.goodput for each in taken)
    name = f"step load: {step.clients:,} clients who come back after {IMPATIENT_SECONDS:g} s, of the best"
    detail = f"{step.goodput:.0f} replies/s; refused {step.refused:.0f}/s; lost {step.lost}"
    return Figure("SafyCore", name, step.goodput / best, "", detail)


def figures_of(taken: list[Step]) -> list[Figure]:
    """Each step, where the knee is, and whether the rate stays up beyond it."""
    best = max(taken, key=lambda step: step.goodput)
    knee = next(step for step in taken if step.goodput >= FLAT * best.goodput)
    beyond = [step for step in taken if step.clients >= knee.clients]
    name = "step load: least goodput beyond the knee, of the best"
    kept = min(step.goodput for step in beyond) / best.goodput
    lost = sum(step.lost for step in taken)
    return [
        *(_figure(step) for step in taken),
        Figure("SafyCore", "step load: the knee", knee.clients, "clients", f"90 % of the best, {best.goodput:.0f}/s"),
        Figure("SafyCore", name, kept, "", "", Goal(FLAT, at_least=True)),
        Figure("SafyCore", "step load: lost", lost, "replies", "neither whole nor refused with Retry-After", Goal(0)),
    ]


def _figure(step: Step) -> Figure:
    detail = f"first token p99 {step.first_p99_ms:,.0f} ms; refused {step.refused:.0f}/s; lost {step.lost}"
    return Figure("SafyCore", f"step load: {step.clients:,} clients at 50 tokens/s", step.goodput, "replies/s", detail)
