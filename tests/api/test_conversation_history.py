"""GET /api/chat/conversation/<session_id>/: what was said, page by page."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.api.test_chat import script
from tests.cast import Actor
from tests.processes import Server

FIELDS = {"id", "user_id", "session_id", "role", "content", "status", "created_at"}


async def test_an_unknown_session_is_an_empty_one(either_server: Server, alice: Actor, chat_id: str) -> None:
    response = await alice.on(either_server.url).call("GET", f"/api/chat/conversation/{chat_id}/")
    assert response.status_code == 200
    assert response.json() == {"session_id": chat_id, "messages": [], "next": None}


async def test_messages_come_oldest_first_with_all_their_fields(
    either_server: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(either_server.url)
    for question in ("first", "second"):
        await alice.say(question, chat_id)
    messages = await alice.history(chat_id)
    assert [each["role"] for each in messages] == ["user", "assistant"] * 2
    assert [each["content"] for each in messages][::2] == ["first", "second"]
    assert all(each.keys() >= FIELDS for each in messages)
    assert {(each["user_id"], each["session_id"]) for each in messages} == {(alice.id, chat_id)}
    assert sorted(messages, key=lambda each: str(each["created_at"])) == messages


async def test_pages_walk_back_from_the_newest(either_server: Server, alice: Actor, chat_id: str) -> None:
    alice = alice.on(either_server.url)
    for n in range(3):
        await alice.say(f"question {n}", chat_id)
    everything = await alice.history(chat_id)
    walked: list[Any] = []
    cursor = ""
    while True:
        page = (await alice.call("GET", f"/api/chat/conversation/{chat_id}/?limit=4{cursor}")).json()
        walked = page["messages"] + walked
        if page["next"] is None:
            break
        assert len(page["messages"]) == 4
        cursor = f"&before={page['next']}"
    assert walked == everything


async def test_new_messages_do_not_move_the_older_pages(alice: Actor, chat_id: str) -> None:
    for n in range(2):
        await alice.say(f"question {n}", chat_id)
    newest = (await alice.call("GET", f"/api/chat/conversation/{chat_id}/?limit=2")).json()
    await alice.say("one more", chat_id)
    older = (await alice.call("GET", f"/api/chat/conversation/{chat_id}/?limit=2&before={newest['next']}")).json()
    assert older["messages"][0]["content"] == "question 0"
    assert older["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={value}" for value in ("0", "-1", "201", "x", "", "1.5", "9" * 400, "1e3", "%00", "%D9%A1x")),
        *(f"before={value}" for value in ("0", "-1", "x", "", "9" * 400, str(2**63), "null", "%00", "1%2C2")),
    ],
)
async def test_a_bad_cursor_or_limit_is_refused(either_server: Server, alice: Actor, chat_id: str, query: str) -> None:
    response = await alice.on(either_server.url).call("GET", f"/api/chat/conversation/{chat_id}/?{query}")
    assert refused(response, 400, "invalid_input")["fields"].keys() == {query.partition("=")[0]}


async def test_a_cursor_beyond_either_end_is_fine(either_server: Server, alice: Actor, chat_id: str) -> None:
    alice = alice.on(either_server.url)
    await alice.say("Hello", chat_id)
    for before, count in ((1, 0), (2, 1), (2**62, 2)):
        page = (await alice.call("GET", f"/api/chat/conversation/{chat_id}/?before={before}")).json()
        assert len(page["messages"]) == count


async def test_a_running_reply_is_in_the_history_without_its_end(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    running = asyncio.create_task(alice.say(script(tokens=3, after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    assert [each["status"] for each in await alice.history(chat_id)] == ["sent", "streaming"]
    model.release(chat_id)
    await running
    assert [each["status"] for each in await alice.history(chat_id)] == ["sent", "complete"]


@pytest.mark.parametrize(
    "session_id",
    [
        "a b",
        "ünï",
        "a?b#c&d=e",
        "100%",
        "..x",
        "'; drop table messages; --",
        "\U0001f600" * 255,
        "a+b",
        "%2e",
        "é\u0301",
    ],
)
async def test_session_ids_of_all_kinds_can_stand_in_an_address(
    either_server: Server, alice: Actor, session_id: str
) -> None:
    alice = alice.on(either_server.url)
    await alice.call("DELETE", f"/api/chat/conversation/{quote(session_id, safe='')}/clear/")
    await alice.say("Hello", session_id)
    page = (await alice.call("GET", f"/api/chat/conversation/{quote(session_id, safe='')}/")).json()
    assert page["session_id"] == session_id
    assert [each["session_id"] for each in page["messages"]] == [session_id] * 2


async def test_two_people_both_have_a_session_called_chat(either_server: Server, alice: Actor, bob: Actor) -> None:
    people = [actor.on(either_server.url) for actor in (alice, bob)]
    for actor in people:
        await actor.call("DELETE", "/api/chat/conversation/chat/clear/")
        await actor.say(f"I am {actor.email}", "chat")
    for actor in people:
        sent, reply = await actor.history("chat")
        assert sent["content"] == f"I am {actor.email}"
        assert sent["user_id"] == reply["user_id"] == actor.id
