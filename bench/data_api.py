"""The door that needs only a URL and keys: how often a turn goes to Supabase, and what that adds."""

from collections import Counter
from dataclasses import replace
from urllib.parse import urlsplit

from bench import turn
from bench.counting import counting
from bench.errors import BenchError
from bench.figures import Figure, Goal
from bench.load import Crowd, load
from bench.model import Pace
from bench.progress import say
from bench.rig import Rig
from bench.sizes import Size

COUNTED_TURNS = 40
DOOR_SETTINGS = frozenset({"SUPABASE_DB_URL", "SUPABASE_DB_ADMIN_URL"})


async def data_api(rig: Rig, size: Size) -> list[Figure]:
    figures = [await _round_trips(rig)]
    async with rig.server(without=DOOR_SETTINGS) as server:
        target = await rig.safycore(server, people=size.clients)
        subject = turn.Subject("SafyCore", target, server.pid)
        await turn.warm_up(rig, subject)
        measured = await turn.first_token(rig, [subject], rounds=size.rounds, replies=size.alone)
    figures += [replace(each, name=f"Data API door: {each.name}") for each in measured]
    figures[1] = replace(figures[1], goal=Goal(35))
    return figures


async def _round_trips(rig: Rig) -> Figure:
    """Of a turn whose token and profile are known already, by a proxy that counts."""
    say("Data API door: round trips")
    there = urlsplit(rig.environment["SUPABASE_URL"]).port
    if there is None:
        raise BenchError("The embedded Supabase has no port.")
    async with counting(there) as (port, counts):
        settings = {"SUPABASE_URL": f"http://127.0.0.1:{port}"}
        async with rig.server(without=DOOR_SETTINGS, **settings) as server:
            target = await rig.safycore(server, people=1)
            await rig.set_pace(Pace(tokens=8))
            await load(target, Crowd(1, 3), 8)
            counts.clear()
            done = await load(target, Crowd(1, COUNTED_TURNS), 8)
    return _counted(counts, len(done.checked("SafyCore over the Data API").whole))


def _counted(counts: Counter[str], turns: int) -> Figure:
    paths = ", ".join(f"{path} {count / turns:.2f}" for path, count in counts.most_common())
    name = "Data API door: round trips a turn"
    return Figure("SafyCore", name, counts.total() / turns, "", f"{paths}; n = {turns}", Goal(3))
