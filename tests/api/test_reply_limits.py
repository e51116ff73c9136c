"""How many replies run at once: for one person, and on one server."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from chat.admission import FEW_REPLIES
from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import DOORS, NewActor, NewServer
from tests.metrics import TOKEN, settled

ORIGIN = "https://app.example"
TEXTS = "/api/chat/training-data/"
ADDED = {"content": "The sky is green."}
MANY_EACH = {"MAX_REPLIES_PER_PERSON": "200"}
ONE_CONNECTION = {"SUPABASE_DB_POOL_SIZE": "1", "SUPABASE_DB_TIMEOUT": "20"}


async def send(person: Actor, session_id: str, message: str) -> httpx.Response:
    return await person.call("POST", "/api/chat/", {"message": message, "session_id": session_id})


@pytest.mark.parametrize("door", DOORS)
async def test_one_person_has_so_many_replies_at_once_and_another_has_as_many(
    door: str, new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(MAX_REPLIES_PER_PERSON="2", **DOORS[door])
    carol, dave = [(await newcomer(name)).on(server.url) for name in ("carol", "dave")]
    held = script(text="Done.", hold=chat_id)
    running = [asyncio.create_task(send(carol, f"{chat_id}-{number}", held)) for number in range(2)]
    await model.reached(chat_id, 2)
    asked = model.total
    refused(await send(carol, chat_id, "One more"), 429, "too_many_replies")
    assert await carol.history(chat_id) == []
    assert model.total == asked
    assert (await send(dave, chat_id, "Hello")).status_code == 200
    model.release(chat_id)
    assert [(await each).status_code for each in running] == [200, 200]
    assert (await send(carol, chat_id, "One more")).status_code == 200


async def test_a_server_that_makes_all_it_can_refuses_at_once_and_takes_the_next_when_one_has_ended(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(MAX_REPLIES="2")
    carol, dave = [(await newcomer(name)).on(server.url) for name in ("carol", "dave")]
    held = script(text="Done.", hold=chat_id)
    running = [asyncio.create_task(send(carol, f"{chat_id}-{number}", held)) for number in range(2)]
    await model.reached(chat_id, 2)
    asked = model.total
    refused(await send(dave, chat_id, "Hello"), 503, "overloaded")
    assert await dave.history(chat_id) == []
    assert model.total == asked
    model.release(chat_id)
    assert [(await each).status_code for each in running] == [200, 200]
    assert (await send(dave, chat_id, "Hello")).status_code == 200


async def test_what_is_refused_at_once_is_refused_before_anything_is_asked_read_or_counted(
    new_server: NewServer, newcomer: NewActor, anon: Actor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(MAX_REPLIES="1", LIMIT_MESSAGES_PER_PERSON="2/36000", METRICS_TOKEN=TOKEN)
    carol = (await newcomer("carol")).on(server.url)
    running = asyncio.create_task(send(carol, chat_id, script(text="Done.", hold=chat_id)))
    await model.reached(chat_id)
    for sent in (
        await send(carol, f"{chat_id}-2", "Hello"),
        await carol.call("POST", f"/api/chat/conversation/{chat_id}/regenerate/", {}),
        await anon.on(server.url).call("POST", "/api/chat/stream/", content=b"no JSON"),
    ):
        refused(sent, 503, "overloaded")
        assert 3 <= int(sent.headers["retry-after"]) <= 7
        assert sent.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert sent.headers["x-request-id"] == sent.json()["request_id"]
    # Whatever begins no reply goes on.
    assert (await carol.call("POST", "/api/chat/training-data/", ADDED | {"session_id": chat_id})).status_code == 201
    assert len(await carol.history(chat_id)) == 2
    assert (await anon.on(server.url).call("POST", "/api/chat/nothing/", {})).status_code == 404
    found = await settled(server, "requests_total", 1, route="api/chat/stream/", status=503)
    assert found.value("limits_reached_total", limit="MAX_REPLIES") == 3
    model.release(chat_id)
    assert (await running).status_code == 200
    assert (await send(carol, f"{chat_id}-2", "Hello")).status_code == 200
    refused(await send(carol, f"{chat_id}-2", "Hello"), 429, "too_many_requests")


async def test_a_connection_on_which_a_large_message_was_refused_unread_carries_the_next_request(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(MAX_REPLIES="1")
    carol = (await newcomer("carol")).on(server.url)
    running = asyncio.create_task(send(carol, chat_id, script(text="Done.", hold=chat_id)))
    await model.reached(chat_id)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    for _ in range(2):
        writer.write(f"POST /api/chat/ HTTP/1.1\r\n{host}Content-Length: 900000\r\n\r\n".encode())
        writer.write(b"x" * 900_000)
        writer.write(f"GET /healthz HTTP/1.1\r\n{host}\r\n".encode())
        async with asyncio.timeout(20):
            assert (await answer(reader)).startswith(b"HTTP/1.1 503 ")
            assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
    writer.close()
    model.release(chat_id)
    assert (await running).status_code == 200


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The head of an answer, its body passed over."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(length))
    return head


async def test_a_page_of_an_allowed_origin_can_read_that_it_was_refused(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(MAX_REPLIES="1", CORS_ALLOWED_ORIGINS=ORIGIN)
    carol = (await newcomer("carol")).on(server.url)
    running = asyncio.create_task(send(carol, chat_id, script(text="Done.", hold=chat_id)))
    await model.reached(chat_id)
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://elsewhere.example", None)):
        message = {"message": "Hello", "session_id": chat_id}
        sent = await carol.call("POST", "/api/chat/", message, headers={"Origin": origin})
        refused(sent, 503, "overloaded")
        assert sent.headers.get("access-control-allow-origin") == allowed
    model.release(chat_id)
    assert (await running).status_code == 200


async def test_while_the_database_keeps_many_waiting_no_more_replies_begin(
    new_server: NewServer, newcomer: NewActor, model: StandIn, owner_sql: psycopg.AsyncConnection[Any], chat_id: str
) -> None:
    server = await new_server(MAX_DELAY_SECONDS="0.1", METRICS_TOKEN=TOKEN, **ONE_CONNECTION, **MANY_EACH)
    carol, dave = [(await newcomer(name)).on(server.url) for name in ("carol", "dave")]
    held = script(text="Done.", hold=chat_id)
    running = [asyncio.create_task(send(carol, f"{chat_id}-{number}", held)) for number in range(FEW_REPLIES)]
    await model.reached(chat_id, FEW_REPLIES)
    await dave.history(chat_id)  # so that his token is known
    async with owner_sql.transaction():
        await owner_sql.execute("lock table public.training_data in access exclusive mode")
        waiting = [asyncio.create_task(carol.call("GET", TEXTS, params={"session_id": chat_id})) for _ in range(3)]
        async with asyncio.timeout(20):
            while (last := await send(dave, chat_id, "")).status_code == 400:
                pass  # refused for its text, as long as a reply could begin
        refused(last, 503, "overloaded")
    assert [(await each).status_code for each in waiting] == [200] * 3
    async with asyncio.timeout(20):
        while (last := await send(dave, chat_id, "Hello")).status_code == 503:
            pass
    assert last.status_code == 200
    found = await settled(server, "requests_total", 1, route="api/chat/", status=200)
    assert found.value("limits_reached_total", limit="MAX_DELAY_SECONDS") >= 1
    model.release(chat_id)
    assert {(await each).status_code for each in running} == {200}


async def test_of_a_crowd_that_comes_in_one_moment_a_server_takes_what_it_can_and_refuses_the_rest(
    new_server: NewServer, newcomer: NewActor, model: StandIn, owner_sql: psycopg.AsyncConnection[Any], chat_id: str
) -> None:
    # One connection: those that are let in wait for each other there, and count although no reply of theirs runs yet.
    server = await new_server(MAX_REPLIES="3", **ONE_CONNECTION)
    carol = (await newcomer("carol")).on(server.url)
    await carol.history(chat_id)
    held = script(text="Done.", hold=chat_id)
    crowd = [asyncio.create_task(send(carol, f"{chat_id}-{number}", held)) for number in range(40)]
    await model.reached(chat_id, 3)
    while sum(each.done() for each in crowd) < 37:
        await asyncio.wait([each for each in crowd if not each.done()], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    for each in crowd:
        if each.done():
            refused(each.result(), 503, "overloaded")
    stored = "select count(*) from public.messages where session_id like %s and role = 'user'"
    row = await (await owner_sql.execute(stored, (f"{chat_id}-%",))).fetchone()
    assert row == (3,)
    assert model.total == 3
    model.release(chat_id)
    assert [(await each).status_code for each in crowd].count(200) == 3
