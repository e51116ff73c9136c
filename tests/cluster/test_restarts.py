"""Instances that are restarted, killed, and left without Redis, while people talk through nginx."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from local_stack.cluster import Cluster
from local_stack.groq_stand_in import StandIn
from local_stack.part import Part
from tests.cast import Actor
from tests.cluster_door import back
from tests.conftest import NewActor
from tests.faults.proxies import true_within
from tests.faults.rows import Owner, assert_turns, none_streaming, row, rows
from tests.faults.talking import Heard, clients, hear, script

SHORT = 5
STREAMS = 6
KILLS = 6
# The next look of the others, and what a busy machine takes; a minute is what docs/turns.md promises.
INTERRUPTED_WITHIN = 60
STOPS_WITHIN = 45


@dataclass
class Told:
    """What people heard: the answers of short requests by status, and the streams."""

    short: list[tuple[str, int | str]] = field(default_factory=list)
    streams: list[Heard] = field(default_factory=list)

    def failed(self) -> list[tuple[str, int | str]]:
        return [each for each in self.short if each[1] != 200]


async def _asks(http: httpx.AsyncClient, session_id: str, told: Told, until: asyncio.Event) -> None:
    """Reads and short messages, one after the other, as a browser does: over connections that it keeps."""
    number = 0
    while not until.is_set():
        number += 1
        message = {"message": script(f"Short {number}", tokens=5), "session_id": f"{session_id}-{number}"}
        for method, path, body in (
            ("GET", "/api/chat/sessions/", None),
            ("POST", "/api/chat/", message),
            ("GET", f"/api/chat/conversation/{session_id}-{number}/", None),
            ("DELETE", f"/api/chat/sessions/{session_id}-{number}/", None),
            ("PATCH", "/api/auth/profile/", {"default_session_id": session_id}),
            ("GET", "/healthz", None),
        ):
            try:
                answer = await http.request(method, path, json=body)
                told.short.append((f"{method} {path}", 200 if answer.status_code == 200 else answer.text))
            except httpx.TransportError as error:
                told.short.append((f"{method} {path}", type(error).__name__))


async def _listens(http: httpx.AsyncClient, session_id: str, told: Told, until: asyncio.Event) -> None:
    """Streams, one after the other: some end within the grace of an instance that stops, others do not."""
    dice = random.Random(session_id)
    while not until.is_set():
        pace = {"tokens": dice.choice([20, 100, 400]), "tokens_per_second": 40}
        told.streams.append(await hear(http, session_id, script(f"Stream {len(told.streams)}", **pace)))


@asynccontextmanager
async def talking(actor: Actor, url: str, chat_id: str) -> AsyncIterator[Told]:
    """People talk for as long as the block lasts, and finish their sentences."""
    told, until = Told(), asyncio.Event()
    headers = {"Authorization": f"Bearer {actor.token}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as short,
        clients(actor, url) as streaming,
        asyncio.TaskGroup() as group,
    ):
        for number in range(SHORT):
            group.create_task(_asks(short, f"{chat_id}-short-{number}", told, until))
        for number in range(STREAMS):
            group.create_task(_listens(streaming, f"{chat_id}-stream-{number}", told, until))
        try:
            yield told
        finally:
            until.set()


async def _under_way(told: Told) -> None:
    """Wait until everybody has got something since now."""
    short, streams = len(told.short), len(told.streams)
    await true_within(60, lambda: len(told.short) > short + 20 and len(told.streams) > streams, "people are answered")


async def _restart(instance: Part) -> None:
    instance.terminate()
    await true_within(STOPS_WITHIN, lambda: not instance.running(), f"{instance.name} stops")
    instance.start()
    await back(instance)


async def test_a_rolling_restart_fails_no_short_request_and_ends_every_stream_properly(
    cluster: Cluster, newcomer: NewActor, owner_sql: Owner, model: StandIn, chat_id: str
) -> None:
    actor = await newcomer("carol")
    async with clients(actor, cluster.url) as http, talking(actor, cluster.url, chat_id) as told:
        # The restart of its instance meets it, whichever that is; the others may end in the grace that they are given.
        held = asyncio.create_task(hear(http, f"{chat_id}-held", script(tokens=20, after=10, hold=chat_id)))
        async with asyncio.timeout(60):
            await model.reached(chat_id)
        await _under_way(told)
        for instance in cluster.instances:
            await _restart(instance)
            await _under_way(told)
        async with asyncio.timeout(60):
            met = await held
    assert met.finish == "interrupted"
    assert told.failed() == []
    for heard in [met, *told.streams]:
        assert (heard.status, heard.broken_at, heard.done) == (200, None, True), heard
        assert heard.finish in {"complete", "interrupted"}, heard
        stored = await row(owner_sql, heard.message_id)
        assert (stored["status"], stored["content"]) == (heard.finish, heard.text)
    ends = [heard.finish for heard in told.streams]
    print(  # noqa: T201  # figures for whoever runs this with -s
        f"{len(told.short)} short requests, {len(ends)} streams, {ends.count('interrupted')} of them interrupted"
    )


async def _kill(instance: Part) -> None:
    instance.kill()
    instance.start()
    await back(instance)


async def _talks(http: httpx.AsyncClient, session_id: str, until: asyncio.Event) -> list[Heard]:
    """Messages with keys, each sent until it is acknowledged, as a careful client does."""
    acknowledged: list[Heard] = []
    while not until.is_set():
        number = len(acknowledged)
        message = script(f"{session_id} says {number}", tokens=60, tokens_per_second=60)
        acknowledged.append(await _acknowledged(http, session_id, message, f"{session_id}/{number}"))
    return acknowledged


async def _acknowledged(http: httpx.AsyncClient, session_id: str, message: str, key: str) -> Heard:
    async with asyncio.timeout(30):
        while True:
            heard = await hear(http, session_id, message, key)
            if heard.acknowledged and heard.message_id:
                return heard
            # Nobody answered (503 of nginx, a connection cut), or the kernel still buries the process that did.
            assert heard.status in {None, 200, 503, 409}, heard
            await asyncio.sleep(0.05)


async def test_kills_lose_no_acknowledged_message_and_every_session_goes_on(
    cluster: Cluster, newcomer: NewActor, owner_sql: Owner, chat_id: str
) -> None:
    actor = await newcomer("carol")
    until, names = asyncio.Event(), [f"{chat_id}-{number}" for number in range(8)]
    async with clients(actor, cluster.url) as http, asyncio.TaskGroup() as group:
        talks = [group.create_task(_talks(http, name, until)) for name in names]
        for number in range(KILLS):
            # A moment in which streams are under way.
            await asyncio.sleep(random.Random(number).uniform(0.5, 1.5))
            await _kill(cluster.instances[number % 3])
        until.set()
    reaped = await none_streaming(owner_sql, [actor.id], INTERRUPTED_WITHIN)
    ends: list[str] = []
    for name, talk in zip(names, talks, strict=True):
        found = await rows(owner_sql, actor.id, name)
        assert_turns(found)
        assert [each["content"] for each in found if each["role"] == "user"] == [each.sent for each in talk.result()]
        ends += [each["status"] for each in found if each["role"] == "assistant"]
        for heard in talk.result():
            assert (await row(owner_sql, heard.message_id))["content"].startswith(heard.text) or not heard.done
    assert "interrupted" in ends, "the kills must have met a stream"
    print(f"{KILLS} kills: {len(ends)} replies, {ends.count('interrupted')} interrupted, the last after {reaped:.1f} s")  # noqa: T201


async def _everybody_goes_on(told: Told, change: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await _under_way(told)
    await change()
    await _under_way(told)


async def test_without_redis_the_chat_goes_on_and_with_it_again_limits_are_shared(
    cluster: Cluster, newcomer: NewActor, chat_id: str
) -> None:
    actor, exporter = await newcomer("carol"), await newcomer("erin")
    most = int(cluster.environment["LIMIT_EXPORT_PER_PERSON"].partition("/")[0])

    async def gone() -> None:
        cluster.redis.kill()

    async def there_again() -> None:
        cluster.redis.start()

    async with talking(actor, cluster.url, chat_id) as told:
        await _everybody_goes_on(told, gone)
        # Each instance counts for itself, as docs/operations/production.md says.
        for instance in cluster.instances:
            answers = [await exporter.on(instance.url).call("GET", "/api/auth/export/") for _ in range(most + 1)]
            assert [each.status_code for each in answers] == [200] * most + [429]
        await _everybody_goes_on(told, there_again)
    assert told.failed() == []
    assert {(heard.finish, heard.done) for heard in told.streams} == {("complete", True)}
    await _shared_again(cluster, await newcomer("frank"), most)


async def _shared_again(cluster: Cluster, person: Actor, most: int) -> None:
    """An instance leaves a Redis that failed alone for five seconds; then all count together."""
    async with asyncio.timeout(60):
        while True:
            statuses = []
            for number in range(3 * most):
                url = cluster.instances[number % 3].url
                statuses.append((await person.on(url).call("GET", "/api/auth/export/")).status_code)
            if 200 not in statuses:
                return
