"""/healthz and /readyz, for whatever keeps the process running and whatever sends it requests."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from safycore_backend.readiness import CHECK_SECONDS
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server

READY = {"status": "ready", "missing": [], "degraded": []}
FAILURES_THAT_OPEN_THE_BREAKER = 5
TIMES_AT_ONCE = 100


async def ready(actor: Actor) -> tuple[int, Any]:
    answer = await actor.call("GET", "/readyz")
    return answer.status_code, answer.json()


async def ready_again(actor: Actor, wanted: tuple[int, Any]) -> None:
    """Asks until the answer is this one: what it looked at a moment ago it tells from memory."""
    async with asyncio.timeout(20):
        while await ready(actor) != wanted:
            await actor.call("GET", "/healthz")


@pytest.mark.parametrize("door", ["postgres", "data_api"])
async def test_a_running_server_is_alive_and_ready(
    environment: Mapping[str, str], data_api_environment: Mapping[str, str], anon: Actor, tmp_path: Path, door: str
) -> None:
    server = Server(environment if door == "postgres" else data_api_environment, tmp_path / "server.log")
    await server.start()
    try:
        alive = await anon.on(server.url).call("GET", "/healthz")
        assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
        assert await ready(anon.on(server.url)) == (200, READY)
    finally:
        await server.stop()


async def test_a_server_without_its_own_tables_is_alive_and_not_ready(
    new_server: NewServer, anon: Actor, tmp_path: Path
) -> None:
    anon = anon.on((await new_server(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")).url)
    assert await ready(anon) == (503, {"status": "not_ready", "missing": ["django_database"], "degraded": []})
    assert (await anon.call("GET", "/healthz")).status_code == 200


async def test_a_server_whose_supabase_is_away_is_alive_and_not_ready(
    data_api_environment: Mapping[str, str], tmp_path: Path, anon: Actor
) -> None:
    server = Server({**data_api_environment, "SUPABASE_URL": "http://127.0.0.1:1"}, tmp_path / "server.log")
    await server.start()
    try:
        missing = {"status": "not_ready", "missing": ["database"], "degraded": ["auth"]}
        assert await ready(anon.on(server.url)) == (503, missing)
        assert (await anon.on(server.url).call("GET", "/healthz")).status_code == 200
    finally:
        await server.stop()


async def test_without_auth_a_server_that_knows_the_secret_goes_on_and_one_that_needs_keys_does_not(
    new_server: NewServer, anon: Actor
) -> None:
    """Both over Postgres, so that the database itself is there."""
    knowing = anon.on((await new_server(SUPABASE_URL="http://127.0.0.1:1")).url)
    assert await ready(knowing) == (200, {"status": "degraded", "missing": [], "degraded": ["auth"]})
    asking = anon.on((await new_server(SUPABASE_URL="http://127.0.0.1:1", SUPABASE_JWT_SECRET="")).url)
    missing = {"status": "not_ready", "missing": ["token_checks"], "degraded": ["signing_keys", "auth"]}
    assert await ready(asking) == (503, missing)


async def test_a_model_that_is_down_degrades_a_server(new_server: NewServer, newcomer: NewActor, chat_id: str) -> None:
    carol = (await newcomer("carol")).on((await new_server()).url)
    for _ in range(FAILURES_THAT_OPEN_THE_BREAKER):
        await carol.call("POST", "/api/chat/", {"message": script(status=500), "session_id": chat_id})
    assert await ready(carol) == (200, {"status": "degraded", "missing": [], "degraded": ["model"]})


async def test_a_model_that_is_set_up_wrongly_degrades_a_server(
    new_server: NewServer, newcomer: NewActor, chat_id: str
) -> None:
    carol = (await newcomer("carol")).on((await new_server()).url)
    await carol.call("POST", "/api/chat/", {"message": script(status=401), "session_id": chat_id})
    assert await ready(carol) == (200, {"status": "degraded", "missing": [], "degraded": ["model"]})
    await carol.say("Hello", chat_id)
    await ready_again(carol, (200, READY))


class Silent:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.port = 0
        self.taken = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        await reader.read()
        writer.close()


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    taking = Silent()
    server = await asyncio.start_server(taking.take, "127.0.0.1", 0)
    taking.port = server.sockets[0].getsockname()[1]
    yield taking
    server.close()


async def test_what_never_answers_is_missing_in_time_and_is_not_asked_once_for_every_question(
    data_api_environment: Mapping[str, str], tmp_path: Path, anon: Actor, silent: Silent
) -> None:
    settings = {**data_api_environment, "SUPABASE_URL": f"http://127.0.0.1:{silent.port}"}
    server = Server(settings, tmp_path / "server.log")
    await server.start()
    try:
        asking = anon.on(server.url)
        begun = time.monotonic()
        answers = await asyncio.gather(*(ready(asking) for _ in range(TIMES_AT_ONCE)))
        # Each waits for CHECK_SECONDS; the rest is what a hundred requests take on a busy machine.
        assert time.monotonic() - begun < CHECK_SECONDS + 8
        assert all(answer == (503, answers[0][1]) for answer in answers)
        assert answers[0][1] == {"status": "not_ready", "missing": ["database"], "degraded": ["auth"]}
        assert silent.taken <= 6
    finally:
        await server.stop()


async def test_a_server_that_was_told_to_stop_says_so_while_all_else_goes_on(
    new_server: NewServer, newcomer: NewActor, chat_id: str
) -> None:
    server = await new_server(DRAIN_NOTICE_SECONDS="6")
    carol = (await newcomer("carol")).on(server.url)
    assert await ready(carol) == (200, READY)
    stopping = asyncio.create_task(server.stop(signal.SIGTERM))
    await ready_again(carol, (503, {"status": "draining", "missing": [], "degraded": []}))
    assert (await carol.call("GET", "/healthz")).status_code == 200
    assert (await carol.say("Are you still there?", chat_id))["status"] == "complete"
    assert await stopping == 0, server.log.read_text()
