"""SIGTERM under load: what runs gets its grace, is saved, and every reader gets a last event."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local_stack.groq_stand_in import StandIn
from tests.cast import Actor
from tests.conftest import NewActor
from tests.faults.masters import Gunicorn
from tests.faults.proxies import true_within
from tests.faults.rows import Owner, assert_turns, none_streaming, row, rows, streaming
from tests.faults.talking import Heard, clients, hear, script
from tests.processes import Server
from tests.redis_server import Redis

ROUNDS = 50
GRACE = "0.3"
STREAMS = 8
SHORT = 4


@dataclass
class Round:
    """What the people of one server's last moments were told."""

    heard: list[Heard] = field(default_factory=list)
    short: list[tuple[str, int]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


async def _streams(http: httpx.AsyncClient, session_id: str, dice: random.Random, told: Round) -> None:
    """Messages one after the other, until the server takes no more: some replies outlast the grace, most do not."""
    while True:
        tokens = dice.choice([10, 30, 60, 2000])
        heard = await hear(http, session_id, script(f"{session_id} {len(told.heard)}", tokens=tokens, chunk=2))
        if heard.acknowledged:
            told.heard.append(heard)
        elif heard.status is None:
            told.unanswered.append(heard.fault)
            return
        else:
            assert (heard.status, heard.code) == (503, "shutting_down"), heard
            told.short.append(("send", heard.status))
            return


async def _short_requests(http: httpx.AsyncClient, session_id: str, dice: random.Random, told: Round) -> None:
    """Reads and short messages, until the server takes no more."""
    while True:
        path = dice.choice([f"/api/chat/conversation/{session_id}/", "/api/chat/sessions/", "/healthz"])
        try:
            response = await http.get(path)
        except httpx.TransportError as error:
            told.unanswered.append(type(error).__name__)
            return
        told.short.append((path, response.status_code))
        if response.status_code == 503:
            assert response.json()["code"] == "shutting_down", response.text
            return
        assert response.status_code == 200, response.text


async def _last_moments(server: Server, actor: Actor, name: str, dice: random.Random) -> Round:
    """Load, a signal at a random moment, and the end of everything; the exit code must be 0."""
    told = Round()
    async with clients(actor, server.url) as http, asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(STREAMS):
            group.create_task(_streams(http, f"{name}-{number}", random.Random(dice.random()), told))
        for number in range(SHORT):
            group.create_task(_short_requests(http, f"{name}-{number}", random.Random(dice.random()), told))
        await asyncio.sleep(dice.uniform(0.1, 0.8))
        begun = time.monotonic()
        assert await server.stop(signal.SIGTERM) == 0, server.log.read_text()
        assert time.monotonic() - begun < 20
    return told


async def _check(owner: Owner, actor: Actor, heard: Heard) -> str | None:
    """One acknowledged stream: it had an end, and what it said is what is stored."""
    assert heard.done, heard
    assert heard.broken_at is None, heard
    stored = await row(owner, heard.message_id)
    assert (stored["status"], stored["content"]) == (heard.finish, heard.text)
    assert heard.finish == "complete" or (heard.finish, heard.code) in {
        ("interrupted", "shutting_down"),
        ("error", "shutting_down"),
    }, heard
    return heard.finish


async def test_fifty_signals_under_load_end_every_stream_properly(
    environment: Mapping[str, str],
    paced_model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    dice: random.Random,
    tmp_path: Path,
) -> None:
    actor = await newcomer("carol")
    settings = {**environment, "GROQ_BASE_URL": paced_model.url, "DRAIN_SECONDS": GRACE}
    settings["MAX_REPLIES_PER_PERSON"] = "100"
    servers = [Server(settings, tmp_path / f"{side}.log") for side in ("one", "other")]
    await servers[0].start()
    ends: dict[str | None, int] = {}
    unanswered: dict[str, int] = {}
    answered = 0
    for number in range(ROUNDS):
        # The next one starts while this one still serves.
        starting = asyncio.create_task(servers[(number + 1) % 2].start())
        told = await _last_moments(servers[number % 2], actor, f"term-{number}", dice)
        assert not await streaming(owner_sql, [actor.id])
        for heard in told.heard:
            end = await _check(owner_sql, actor, heard)
            ends[end] = ends.get(end, 0) + 1
        for fault in told.unanswered:
            unanswered[fault] = unanswered.get(fault, 0) + 1
        answered += len(told.short)
        await _assert_only_answered_sends_are_kept(owner_sql, actor, f"term-{number}", told)
        await starting
    await servers[ROUNDS % 2].stop()
    print(f"{ROUNDS} signals; streams {ends}; {answered} short answers, without any {unanswered}")  # noqa: T201
    # Refused, or closed by the kernel, or by the server before it was read: while the door was closing.
    assert set(unanswered) <= {"ConnectError", "ReadError", "RemoteProtocolError"}
    assert ends["interrupted"] > ROUNDS / 2
    assert ends["complete"] > ROUNDS


async def _assert_only_answered_sends_are_kept(owner: Owner, actor: Actor, name: str, told: Round) -> None:
    """A send that the closing door left without an answer did nothing."""
    kept = {heard.key for heard in told.heard}
    for number in range(STREAMS):
        found = await rows(owner, actor.id, f"{name}-{number}")
        assert_turns(found)
        assert {each["client_message_id"] for each in found if each["role"] == "user"} <= kept


async def test_under_gunicorn_a_signal_to_the_master_drains_every_worker(
    environment: Mapping[str, str],
    model: StandIn,
    redis: Redis,
    newcomer: NewActor,
    owner_sql: Owner,
    tmp_path: Path,
) -> None:
    actor = await newcomer("carol")
    settings = {**environment, "CACHE_URL": redis.url, "DRAIN_SECONDS": "1.5", "MAX_REPLIES_PER_PERSON": "100"}
    server = Gunicorn(settings, tmp_path / "gunicorn.log", workers=2)
    await server.start()
    await true_within(30, lambda: server.log.read_text().count("Application startup complete") == 2, "both workers run")
    async with clients(actor, server.url) as http:
        streams = []
        for at, worker in enumerate(server.workers()):
            with _alone(worker, server.workers()):
                pending = [script(tokens=40, after=20, hold=hold) for hold in 5 * ["grace"] + 5 * ["never"]]
                streams += [
                    asyncio.create_task(hear(http, f"master-{at}-{number}", message))
                    for number, message in enumerate(pending)
                ]
                async with asyncio.timeout(30):
                    await model.reached("grace", 5 * (at + 1))
                    await model.reached("never", 5 * (at + 1))
        stopping = asyncio.create_task(server.stop(signal.SIGTERM))
        await _refused(server.url)
        model.release("grace")
        heard = await asyncio.gather(*streams)
        assert await stopping == 0, server.log.read_text()
    model.release("never")
    assert [each.finish for each in heard] == 2 * (5 * ["complete"] + 5 * ["interrupted"])
    assert {await _check(owner_sql, actor, each) for each in heard} == {"complete", "interrupted"}
    assert all(each.text for each in heard)
    owners = {(await row(owner_sql, each.message_id))["owner"] for each in heard}
    assert len(owners) == 2, "both workers must have had something to drain"
    await none_streaming(owner_sql, [actor.id], 1)


@contextmanager
def _alone(worker: int, workers: Sequence[int]) -> Iterator[None]:
    """Workers share one socket, and any of them may take every connection: the others stand still meanwhile."""
    others = [each for each in workers if each != worker]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


async def _refused(base_url: str) -> None:
    """Wait until nobody takes connections there any more."""
    async with asyncio.timeout(10), httpx.AsyncClient(base_url=base_url) as http:
        while True:
            try:
                await http.get("/healthz")
            except httpx.TransportError:
                return
