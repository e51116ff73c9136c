"""kill -9 of workers at random moments, under load: what was acknowledged is there, once and in order."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from tests.cast import Actor
from tests.conftest import NewActor
from tests.faults.masters import Gunicorn, alive, kill
from tests.faults.proxies import true_within
from tests.faults.rows import Owner, Row, assert_turns, none_streaming, rows, streaming
from tests.faults.talking import Heard, clients, hear, script
from tests.redis_server import Redis

KILLS = 200
WORKERS = 3
PEOPLE = 4
SESSIONS_EACH = 5
# A checkpoint at least every 0.9 s, and what a busy machine takes to make it.
MOST_LOST_SECONDS = 0.9 + 1.5
# Between the end of a process's connections and the kernel's word that it is gone.
GONE_SECONDS = 1.0
# The reaper looks every five seconds.
REAPED_SECONDS = 15


@dataclass
class Talker:
    """Somebody's session: one message after the other, each until it is acknowledged."""

    actor: Actor
    http: httpx.AsyncClient
    session_id: str
    dice: random.Random
    acknowledged: list[Heard] = field(default_factory=list)
    broken: list[Heard] = field(default_factory=list)
    repeated: int = 0
    slowest_next: float = 0

    async def talk(self, until: asyncio.Event) -> None:
        while not until.is_set():
            heard = await self._acknowledged_message()
            self.acknowledged.append(heard)
            if heard.broken_at is None:
                assert heard.done, heard
            else:
                self.broken.append(heard)
                if self.dice.random() < 0.4:
                    await self._repeat(heard)

    async def _acknowledged_message(self) -> Heard:
        """The next message, sent with its key until it is taken: at once, also where a dead process left a reply."""
        number, tokens = len(self.acknowledged), int(20 + 900 * self.dice.random() ** 2)
        message = script(f"{self.session_id} says {number}", tokens=tokens, chunk=4)
        key, begun = f"{self.session_id}/{number}", time.monotonic()
        heard = await hear(self.http, self.session_id, message, key)
        while not heard.acknowledged:
            if heard.status is not None:
                assert (heard.status, heard.code) == (409, "reply_in_progress"), heard
                self.slowest_next = max(self.slowest_next, time.monotonic() - begun)
                assert time.monotonic() - begun < GONE_SECONDS, heard
            else:
                begun = time.monotonic()
            heard = await hear(self.http, self.session_id, message, key)
        return heard

    async def _repeat(self, broken: Heard) -> None:
        """What a client does that lost its answer: the same again, which must be the same turn."""
        again = await hear(self.http, self.session_id, broken.sent, broken.key)
        if again.acknowledged and again.message_id and broken.message_id:
            assert again.message_id == broken.message_id
            self.repeated += 1


@contextlib.contextmanager
def watched(owner: Owner, people: list[Actor]) -> Iterator[list[float]]:
    """For how long rows were silent that still were about to come; the longest of every look."""
    longest: list[float] = []

    async def look() -> None:
        while True:
            silent = [row["silent"] for row in await streaming(owner, [person.id for person in people])]
            longest.append(max(silent, default=0.0))
            await asyncio.sleep(0.5)

    task = asyncio.create_task(look())
    try:
        yield longest
    finally:
        task.cancel()


@pytest.fixture
async def workers(
    environment: Mapping[str, str], paced_model: StandIn, redis: Redis, tmp_path: Path
) -> AsyncIterator[Gunicorn]:
    settings = {**environment, "GROQ_BASE_URL": paced_model.url, "CACHE_URL": redis.url}
    server = Gunicorn(settings, tmp_path / "gunicorn.log", WORKERS)
    await server.start()
    yield server
    await server.stop()


async def _kill_often(server: Gunicorn, dice: random.Random) -> int:
    """At random moments, each time one of the workers that have been there for longest or shortest."""
    for _ in range(KILLS):
        await asyncio.sleep(min(3.0, dice.expovariate(1.6)))
        await true_within(20, lambda: len(server.workers()) == WORKERS, "all workers run")
        victim = dice.choice(server.workers())
        kill(victim)
        await true_within(10, lambda pid=victim: not alive(pid), "the killed worker is gone")  # type: ignore[misc]
    return KILLS


async def test_no_acknowledged_message_is_lost_by_two_hundred_kills_of_workers(
    workers: Gunicorn, newcomer: NewActor, owner_sql: Owner, dice: random.Random
) -> None:
    people = [await newcomer(f"talker-{number}") for number in range(PEOPLE)]
    talkers = [
        Talker(person, clients(person, workers.url), f"kill-{number}", random.Random(dice.random()))
        for person in people
        for number in range(SESSIONS_EACH)
    ]
    stop = asyncio.Event()
    with watched(owner_sql, people) as silences:
        async with asyncio.TaskGroup() as group:
            for talker in talkers:
                group.create_task(talker.talk(stop))
            await _kill_often(workers, dice)
            stop.set()
        reaped = await none_streaming(owner_sql, [person.id for person in people], REAPED_SECONDS)
    assert max(silences) < REAPED_SECONDS
    losses = [loss for talker in talkers for loss in await _checked(owner_sql, talker)]
    for talker in talkers:
        await talker.http.aclose()
    _report(talkers, losses, silences, reaped)
    assert sum(len(talker.broken) for talker in talkers) > KILLS / 2, "the kills must have met somebody"


async def _checked(owner: Owner, talker: Talker) -> list[float]:
    """The session as it is stored against what was said; how many seconds each broken reply lost."""
    found = await rows(owner, talker.actor.id, talker.session_id)
    assert_turns(found)
    assert [row["content"] for row in found if row["role"] == "user"] == [each.sent for each in talker.acknowledged]
    replies = {row["id"]: row for row in found if row["role"] == "assistant"}
    for heard in talker.acknowledged:
        if heard.finish == "complete":
            assert replies[heard.message_id]["status"] == "complete"
            assert replies[heard.message_id]["content"] == heard.text
    return [_loss(heard, replies[heard.message_id]) for heard in talker.broken if heard.message_id]


def _loss(heard: Heard, reply: Row) -> float:
    """The seconds before the break whose words are not kept: few, and nothing else is kept than what was said."""
    kept = reply["content"]
    assert kept.startswith(heard.text) or heard.text.startswith(kept)
    assert heard.broken_at is not None
    assert kept.startswith(heard.text_until(heard.broken_at - MOST_LOST_SECONDS))
    length, last = 0, heard.broken_at
    for moment, piece in heard.pieces:
        length += len(piece)
        if length > len(kept):
            last = min(last, moment)
    return heard.broken_at - last


def _report(talkers: list[Talker], losses: list[float], silences: list[float], reaped: float) -> None:
    acknowledged = sum(len(talker.acknowledged) for talker in talkers)
    broken = [heard for talker in talkers for heard in talker.broken]
    long = sum(1 for heard in broken if heard.text_until((heard.broken_at or 0) - MOST_LOST_SECONDS))
    repeated = sum(talker.repeated for talker in talkers)
    slowest = max(talker.slowest_next for talker in talkers)
    print(  # noqa: T201  # figures for whoever runs this with -s or -rP
        f"{KILLS} kills, {acknowledged} acknowledged messages, {len(broken)} replies cut, {long} of them long enough to"
        f" lose words, at most {max(losses, default=0):.2f} s lost, {repeated} repeated with their key, rows silent for"
        f" at most {max(silences):.1f} s, the last reaped after {reaped:.1f} s, slowest next message {slowest:.2f} s"
    )
