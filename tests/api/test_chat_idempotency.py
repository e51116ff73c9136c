"""Idempotency-Key and client_message_id: sending again gives the same turn, never a second one."""

import asyncio
from typing import Any

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused, ui_parts, ui_text
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import DOORS, NewServer
from tests.processes import Server


async def send(actor: Actor, body: dict[str, Any], key: str | None = None, **headers: str) -> httpx.Response:
    options = {"Idempotency-Key": key} if key is not None else {}
    return await actor.call("POST", "/api/chat/", body, headers=options | headers)


@pytest.mark.parametrize("way", ["header", "body", "both"])
async def test_the_same_message_again_gives_the_same_reply(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, way: str
) -> None:
    alice = alice.on(either_server.url)
    body = {"message": "Hello", "session_id": chat_id}
    if way != "header":
        body["client_message_id"] = f"key-{chat_id}"
    key = None if way == "body" else f"key-{chat_id}"
    first, second = await send(alice, body, key), await send(alice, body, key)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert model.total == 1
    sent, _ = await alice.history(chat_id)
    assert sent["client_message_id"] == f"key-{chat_id}"


async def test_a_key_in_the_header_and_one_in_the_body_are_the_same_key(
    alice: Actor, chat_id: str, model: StandIn
) -> None:
    body = {"message": "Hello", "session_id": chat_id}
    first = await send(alice, body, f"key-{chat_id}")
    second = await send(alice, {**body, "client_message_id": f"key-{chat_id}"})
    assert first.json() == second.json()
    assert model.total == 1


async def test_a_key_works_where_no_session_is_named(alice: Actor, chat_id: str, model: StandIn) -> None:
    first = await send(alice, {"message": "Hello"}, f"key-{chat_id}")
    second = await send(alice, {"message": "Hello"}, f"key-{chat_id}")
    assert second.status_code == 200, second.text
    assert first.json() == second.json()
    assert model.total == 1


@pytest.mark.parametrize(
    "change",
    [
        {"message": "Something else"},
        {"model": "openai/gpt-oss-20b"},
        {"training_data": "a fact"},
        {"session_id": "another session"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_used_key_with_another_body_is_refused(
    either_server: Server, alice: Actor, chat_id: str, change: dict[str, str]
) -> None:
    alice = alice.on(either_server.url)
    body = {"message": "Hello", "session_id": chat_id}
    await send(alice, body, f"key-{chat_id}")
    refused(await send(alice, body | change, f"key-{chat_id}"), 422, "idempotency_key_reused")
    assert len(await alice.history(chat_id)) == 2


async def test_a_key_that_differs_between_header_and_body_is_refused(alice: Actor, chat_id: str) -> None:
    body = {"message": "Hello", "session_id": chat_id, "client_message_id": "one"}
    answer = refused(await send(alice, body, "two"), 400, "invalid_input")
    assert answer["fields"].keys() == {"client_message_id"}
    assert await alice.history(chat_id) == []


@pytest.mark.parametrize("key", ["", "k" * 256], ids=["empty", "256 characters"])
async def test_a_key_that_cannot_be_one_is_refused(alice: Actor, chat_id: str, key: str) -> None:
    body = {"message": "Hello", "session_id": chat_id}
    in_header = refused(await send(alice, body, key), 400, "invalid_input")
    in_body = refused(await send(alice, {**body, "client_message_id": key}), 400, "invalid_input")
    assert in_header["fields"].keys() == in_body["fields"].keys() == {"client_message_id"}
    assert await alice.history(chat_id) == []


@pytest.mark.parametrize("door", DOORS)
async def test_fifty_equal_messages_at_once_are_one_turn(
    door: str, new_server: NewServer, alice: Actor, chat_id: str, model: StandIn
) -> None:
    # They wait for each other; a busy machine is no failing database.
    server = await new_server(SUPABASE_DB_TIMEOUT="30", **DOORS[door])
    alice = alice.on(server.url)
    body = {"message": "Hello", "session_id": chat_id, "client_message_id": f"key-{chat_id}"}
    answers = await asyncio.gather(*(send(alice, body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert model.total == 1
    assert len(await alice.history(chat_id)) == 2


async def test_another_persons_equal_key_is_another_turn(
    alice: Actor, bob: Actor, chat_id: str, model: StandIn
) -> None:
    body = {"message": "Hello", "session_id": chat_id}
    hers, his = [(await send(actor, body, f"key-{chat_id}")).json() for actor in (alice, bob)]
    assert hers["message_id"] != his["message_id"]
    assert model.total == 2


async def test_a_running_reply_is_joined_by_its_key_in_whichever_form(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    body = {"message": script(text="one two three", after=2, hold=chat_id), "session_id": chat_id}
    body["client_message_id"] = f"key-{chat_id}"
    whole = asyncio.create_task(send(alice, body))
    await model.reached(chat_id)
    async with (
        alice.http.stream("POST", "/api/chat/stream/", json=body) as text,
        alice.http.stream("POST", "/api/chat/stream/", json=body, headers={"Accept": "text/event-stream"}) as events,
    ):
        model.release(chat_id)
        await text.aread()
        await events.aread()
    assert (await whole).json()["response"] == text.text == ui_text(ui_parts(events.text)) == "one two three"
    assert model.total == 1
