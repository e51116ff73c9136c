"""The database goes away: before a message, while a reply runs, and for good."""

import asyncio
import signal
import time

import pytest

from local_stack.groq_stand_in import StandIn
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.faults.proxies import Gone, PostgresProxy
from tests.faults.rows import Owner, none_streaming, row, rows
from tests.faults.talking import EVENTS, clients, hear, listening_to, script
from tests.processes import Server

WAYS: list[Gone] = ["refused", "silent"]
# Two seconds, and what a busy machine takes.
REFUSED_WITHIN = 3.5


@pytest.fixture
async def server(new_server: NewServer, through_database: dict[str, str], model: StandIn) -> Server:
    return await new_server(**through_database)


@pytest.mark.parametrize("way", WAYS)
async def test_a_database_that_is_down_refuses_within_two_seconds_and_asks_no_model(
    server: Server,
    database: PostgresProxy,
    model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    chat_id: str,
    way: Gone,
) -> None:
    actor = await newcomer("carol")
    async with clients(actor, server.url) as http:
        assert (await hear(http, chat_id, "Hello")).finish == "complete"
        asked = model.total
        database.go(way)
        requests = [
            ("POST", "/api/chat/stream/"),
            ("POST", "/api/chat/"),
            ("GET", f"/api/chat/conversation/{chat_id}/"),
            ("POST", f"/api/chat/conversation/{chat_id}/stop/"),
            ("POST", f"/api/chat/conversation/{chat_id}/regenerate/"),
            ("DELETE", f"/api/chat/conversation/{chat_id}/clear/"),
            ("GET", f"/api/chat/conversation/{chat_id}/stream/"),
            ("GET", "/api/chat/sessions/"),
        ]

        async def refused(method: str, path: str) -> None:
            begun = time.monotonic()
            response = await http.request(method, path, json={"message": "Lost?", "session_id": chat_id})
            assert time.monotonic() - begun < REFUSED_WITHIN, path
            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable"), path
            assert response.headers["retry-after"].isdecimal()

        for _ in range(2):
            await asyncio.gather(*(refused(method, path) for method, path in requests))
        assert model.total == asked
        database.come_back()
        again = await _next(actor, server, chat_id)
    assert again == "complete"
    assert len(await rows(owner_sql, actor.id, chat_id)) == 4


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_goes_on_while_the_database_is_away_for_three_seconds(
    server: Server,
    database: PostgresProxy,
    paced_model: StandIn,
    model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    chat_id: str,
    way: Gone,
) -> None:
    actor = await newcomer("carol")
    message = script(tokens=500, tokens_per_second=80, chunk=2)
    async with clients(actor, server.url) as http, listening_to(http, chat_id, message) as listener:
        await listener.has(100)
        database.go(way)
        begun, heard_before = time.monotonic(), len(listener.heard.text)
        await listener.has(heard_before + 1000)
        assert time.monotonic() - begun > 1
        await asyncio.wait([listener.task], timeout=max(0.0, begun + 3 - time.monotonic()))
        database.come_back()
        heard = await listener.end(40)
    assert (heard.finish, heard.done) == ("complete", True)
    gaps = [later - earlier for (earlier, _), (later, _) in zip(heard.pieces, heard.pieces[1:], strict=False)]
    assert max(gaps) < 1.5, "the stream never stood still"
    stored = await row(owner_sql, heard.message_id)
    assert (stored["status"], stored["content"]) == ("complete", heard.text)


@pytest.mark.parametrize("way", WAYS)
async def test_the_end_is_not_told_before_it_is_saved(
    server: Server,
    database: PostgresProxy,
    model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    chat_id: str,
    way: Gone,
) -> None:
    actor = await newcomer("carol")
    message = script(tokens=100, after=50, hold=chat_id)
    async with clients(actor, server.url) as http, listening_to(http, chat_id, message) as listener:
        async with asyncio.timeout(20):
            await model.reached(chat_id)
        await listener.has(50)
        database.go(way)
        model.release(chat_id)
        async with asyncio.timeout(20):
            await model.under_way(0)
        # All has been said by now, and for as long as it cannot be saved the end is not.
        await asyncio.wait([listener.task], timeout=3)
        assert (listener.heard.finish, listener.heard.done) == (None, False)
        assert len(listener.heard.text.split()) == 100
        assert (await row(owner_sql, listener.heard.message_id))["status"] == "streaming"
        database.come_back()
        heard = await listener.end(40)
    assert (heard.finish, heard.done) == ("complete", True)
    stored = await row(owner_sql, heard.message_id)
    assert (stored["status"], stored["content"]) == ("complete", heard.text)


@pytest.mark.parametrize("way", WAYS)
async def test_what_can_never_be_saved_ends_as_an_error_when_the_server_is_told_to_stop(
    new_server: NewServer,
    through_database: dict[str, str],
    database: PostgresProxy,
    model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    chat_id: str,
    way: Gone,
) -> None:
    server = await new_server(**through_database)
    actor = await newcomer("carol")
    message = script(tokens=100, after=50, hold=chat_id)
    async with clients(actor, server.url) as http, listening_to(http, chat_id, message) as listener:
        async with asyncio.timeout(20):
            await model.reached(chat_id)
        await listener.has(50)
        database.go(way)
        model.release(chat_id)
        async with asyncio.timeout(30):
            assert await server.stop(signal.SIGTERM) == 0
        heard = await listener.end(5)
    assert (heard.finish, heard.code, heard.done) == ("error", "not_saved", True)
    assert (await row(owner_sql, heard.message_id))["status"] == "streaming"
    database.come_back()
    # The dead process is known to be dead at once: the session goes on at another.
    another = await new_server()
    assert await _next(actor, another, chat_id) == "complete"
    await none_streaming(owner_sql, [actor.id], 15)
    assert (await row(owner_sql, heard.message_id))["status"] == "interrupted"


@pytest.mark.parametrize("way", WAYS)
async def test_a_reply_that_is_joined_elsewhere_has_a_proper_end_when_the_database_goes(
    server: Server,
    postgres_server: Server,
    database: PostgresProxy,
    model: StandIn,
    newcomer: NewActor,
    chat_id: str,
    way: Gone,
) -> None:
    actor = await newcomer("carol")
    message = script(tokens=100, after=50, hold=chat_id)
    async with (
        clients(actor, postgres_server.url) as at_home,
        clients(actor, server.url) as away,
        listening_to(at_home, chat_id, message) as listener,
    ):
        await listener.has(50)
        join = asyncio.create_task(away.get(f"/api/chat/conversation/{chat_id}/stream/", headers=EVENTS))
        await asyncio.wait([join], timeout=1.5)
        database.go(way)
        await asyncio.wait([join], timeout=3)
        database.come_back()
        model.release(chat_id)
        heard = await listener.end()
        async with asyncio.timeout(30):
            response = await join
    assert heard.finish == "complete"
    assert response.text.rstrip().endswith("data: [DONE]")
    assert '"type":"error"' in response.text or '"status":"complete"' in response.text


async def _next(actor: Actor, server: Server, session_id: str, seconds: float = 20) -> str:
    """Send until the server has found its way back to the database; the outcome."""
    async with clients(actor, server.url) as http, asyncio.timeout(seconds):
        while True:
            heard = await hear(http, session_id, "And now?")
            if heard.acknowledged:
                assert heard.finish
                return heard.finish
            assert heard.status == 503, heard
            await asyncio.sleep(0.1)
