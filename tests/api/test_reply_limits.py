"""How many replies run at once: for one person, and on one server."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import DOORS, NewActor, NewServer


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


async def test_of_a_crowd_that_comes_in_one_moment_a_server_takes_what_it_can_and_refuses_the_rest(
    new_server: NewServer, newcomer: NewActor, model: StandIn, owner_sql: psycopg.AsyncConnection[Any], chat_id: str
) -> None:
    # One connection: those that are let in wait for each other there, and count although no reply of theirs runs yet.
    server = await new_server(MAX_REPLIES="3", SUPABASE_DB_POOL_SIZE="1", SUPABASE_DB_TIMEOUT="20")
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
