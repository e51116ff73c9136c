"""The scenarios by name, in the order of a whole run."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from bench import crowd, data_api, reads, start, steps, turn
from bench.figures import Figure
from bench.load import Crowd
from bench.peers import started
from bench.rig import Rig
from bench.sizes import Size
from bench.turn import Subject

Scenario = Callable[[Rig, Size, Sequence[str]], Awaitable[list[Figure]]]


async def one_turn(rig: Rig, size: Size, peers: Sequence[str]) -> list[Figure]:
    """Us, and whoever else is named, in turn."""
    async with AsyncExitStack() as running:
        server = await running.enter_async_context(rig.server())
        target = await rig.safycore(server, people=size.clients)
        subjects = [Subject("SafyCore", target, server.pid, has_goals=True)]
        subjects += [await running.enter_async_context(started(name, rig)) for name in peers]
        for subject in subjects:
            await turn.warm_up(rig, subject)
        alone = await turn.first_token(rig, subjects, rounds=size.rounds, replies=size.alone)
        many = Crowd(size.clients, size.together)
        return alone + await turn.throughput(rig, subjects, rounds=size.rounds, crowd=many)


async def three_hundred(rig: Rig, size: Size, peers: Sequence[str]) -> list[Figure]:
    """Each by itself, warmed up: what it loads once, for the first replies, is at rest and not a running reply's."""
    figures = []
    async with rig.server() as server:
        target = await rig.safycore(server, people=size.clients)
        ours = Subject("SafyCore", target, server.pid, has_goals=True)
        await turn.warm_up(rig, ours)
        figures += await crowd.three_hundred(rig, ours, size.crowd, size.crowd_turns)
    for name in peers:
        async with started(name, rig) as peer:
            await turn.warm_up(rig, peer)
            figures += await crowd.three_hundred(rig, peer, size.crowd, size.crowd_turns)
    return figures


async def thousand(rig: Rig, size: Size, peers: Sequence[str]) -> list[Figure]:
    async with rig.server() as server:
        target = await rig.safycore(server, people=size.clients)
        subject = Subject("SafyCore", target, server.pid, has_goals=True)
        await turn.warm_up(rig, subject)
        return await crowd.thousand(rig, subject, size.thousand, size.thousand_tokens)


def _ours(scenario: Callable[[Rig, Size], Awaitable[list[Figure]]]) -> Scenario:
    """One that others have no counterpart for."""

    async def run(rig: Rig, size: Size, peers: Sequence[str]) -> list[Figure]:
        return await scenario(rig, size)

    return run


SCENARIOS: dict[str, Scenario] = {
    "turn": one_turn,
    "crowd": three_hundred,
    "thousand": thousand,
    "reads": _ours(reads.reads),
    "data-api": _ours(data_api.data_api),
    "steps": _ours(steps.steps),
    "start": _ours(start.start),
    "scale": _ours(reads.scale),
}
