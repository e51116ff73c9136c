"""DELETE /api/chat/conversation/<session_id>/clear/: nothing is left, and nothing comes back."""

import asyncio
from typing import Any

import psycopg
import pytest

from local_stack.groq_stand_in import StandIn
from tests.api.test_chat import script
from tests.api.test_stream import streamed
from tests.cast import Actor
from tests.processes import Server

Sql = psycopg.AsyncConnection[Any]


async def clear(actor: Actor, session_id: str) -> None:
    response = await actor.call("DELETE", f"/api/chat/conversation/{session_id}/clear/")
    assert response.status_code == 200, response.text
    assert isinstance(response.json()["message"], str)


async def rows(owner_sql: Sql, session_id: str) -> int:
    """How many rows of both tables a session has, whoever they belong to."""
    counted = await owner_sql.execute(
        "select (select count(*) from messages where session_id = %(id)s)"
        " + (select count(*) from training_data where session_id = %(id)s)",
        {"id": session_id},
    )
    row = await counted.fetchone()
    assert row is not None
    return int(row[0])


async def listed(actor: Actor, session_id: str) -> bool:
    """Whether a session is in its owner's list."""
    sessions = (await actor.call("GET", "/api/chat/sessions/?limit=200")).json()["sessions"]
    return session_id in {each["session_id"] for each in sessions}


async def test_messages_training_data_and_the_session_record_are_gone(
    either_server: Server, alice: Actor, chat_id: str, owner_sql: Sql
) -> None:
    alice = alice.on(either_server.url)
    await alice.say("Hello", chat_id, training_data="a fact")
    assert await rows(owner_sql, chat_id) == 3
    assert await listed(alice, chat_id)
    await clear(alice, chat_id)
    assert await rows(owner_sql, chat_id) == 0
    assert not await listed(alice, chat_id)
    assert await alice.history(chat_id) == []


async def test_clearing_what_is_not_there_is_fine(either_server: Server, alice: Actor, chat_id: str) -> None:
    alice = alice.on(either_server.url)
    await clear(alice, chat_id)
    await clear(alice, chat_id)


async def test_the_bot_remembers_nothing_of_a_cleared_session(alice: Actor, chat_id: str, model: StandIn) -> None:
    await alice.say("My name is Alice", chat_id, training_data="a fact")
    await clear(alice, chat_id)
    await alice.say("What is my name?", chat_id)
    body: Any = model.requests[-1]
    assert [each["role"] for each in body["messages"]] == ["system", "user"]
    assert await listed(alice, chat_id)


async def test_a_running_reply_is_cancelled_and_does_not_come_back(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, owner_sql: Sql
) -> None:
    alice = alice.on(either_server.url)
    gone = model.closed_by_client
    async with streamed(alice, script(text="one two three", after=2, hold=chat_id), chat_id) as response:
        await model.reached(chat_id)
        await clear(alice, chat_id)
        await model.left(gone + 1)
        model.release(chat_id)
        assert "three" not in (await response.aread()).decode()
    assert await rows(owner_sql, chat_id) == 0
    assert not await listed(alice, chat_id)
    await alice.say("Next", chat_id)
    assert await rows(owner_sql, chat_id) == 2


async def test_clearing_leaves_other_sessions_and_other_people(
    alice: Actor, bob: Actor, chat_id: str, owner_sql: Sql
) -> None:
    await alice.say("Hello", chat_id, training_data="a fact")
    await alice.say("Hello", f"{chat_id}-2", training_data="a fact")
    await bob.say("Hello", chat_id, training_data="a fact")
    await clear(alice, chat_id)
    assert (await rows(owner_sql, chat_id), await rows(owner_sql, f"{chat_id}-2")) == (3, 3)
    assert await listed(bob, chat_id)
    assert await listed(alice, f"{chat_id}-2")


@pytest.mark.one_process
async def test_a_session_is_listed_just_when_it_has_messages_however_sends_and_clears_race(
    either_server: Server, alice: Actor, chat_id: str, owner_sql: Sql
) -> None:
    alice = alice.on(either_server.url)
    names = [f"{chat_id}-{n}" for n in range(20)]

    async def send(session_id: str) -> None:
        await alice.call("POST", "/api/chat/", {"message": "Hello", "session_id": session_id})

    await asyncio.gather(*(work for name in names for work in (send(name), clear(alice, name))))
    sessions = (await alice.call("GET", "/api/chat/sessions/?limit=200")).json()["sessions"]
    in_list = {each["session_id"] for each in sessions}
    for name in names:
        assert (name in in_list) == (await rows(owner_sql, name) > 0), name
