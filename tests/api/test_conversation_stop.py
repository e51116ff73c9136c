"""POST /api/chat/conversation/<session_id>/stop/: ends the running reply; what it said stays."""

import asyncio
from typing import Any

import httpx
import pytest

from chat.text import strip_markdown
from local_stack.groq_stand_in import StandIn
from tests.answers import ui_parts
from tests.api.test_chat import script
from tests.api.test_stream import BOTH_FORMS, EVENTS, streamed, text_of
from tests.cast import Actor
from tests.processes import Server


async def stop(actor: Actor, session_id: str) -> httpx.Response:
    response = await actor.call("POST", f"/api/chat/conversation/{session_id}/stop/")
    assert response.status_code == 200, response.text
    return response


@BOTH_FORMS
async def test_a_stopped_reply_keeps_exactly_what_was_sent(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, accept: str
) -> None:
    alice = alice.on(either_server.url)
    gone = model.closed_by_client
    message = script(text="one two three four", after=2, hold=chat_id)
    async with streamed(alice, message, chat_id, accept) as response:
        await model.reached(chat_id)
        await stop(alice, chat_id)
        await response.aread()
    await model.left(gone + 1)
    reply = (await alice.history(chat_id))[-1]
    assert reply["status"] == "stopped"
    assert strip_markdown(reply["content"]) == strip_markdown(text_of(response))
    assert reply["content"] == "one two"
    if accept == EVENTS:
        parts = ui_parts(response.text)
        assert [part["type"] for part in parts][-3:] == ["text-end", "abort", "finish"]
        assert parts[-1]["messageMetadata"]["status"] == "stopped"


async def test_whoever_waits_for_the_whole_reply_gets_what_there_is(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    waiting = asyncio.create_task(alice.say(script(text="one two three", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    await stop(alice, chat_id)
    answer = await waiting
    assert (answer["status"], answer["response"]) == ("stopped", "one")


async def test_stopping_twice_or_where_nothing_runs_is_fine(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    first = await stop(alice, chat_id)
    waiting = asyncio.create_task(alice.say(script(tokens=3, after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    answers = await asyncio.gather(*(stop(alice, chat_id) for _ in range(5)))
    await waiting
    after = await stop(alice, chat_id)
    assert {answer.content for answer in (first, *answers, after)} == {first.content}
    assert (await alice.history(chat_id))[-1]["status"] == "stopped"


async def test_a_reply_that_ended_stays_what_it_is(alice: Actor, chat_id: str) -> None:
    await alice.say("Hello", chat_id)
    await stop(alice, chat_id)
    assert (await alice.history(chat_id))[-1]["status"] == "complete"


async def test_the_session_takes_the_next_message_after_a_stop(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    waiting = asyncio.create_task(alice.say(script(text="one two", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    await stop(alice, chat_id)
    await waiting
    await alice.say("Next", chat_id)
    body: Any = model.requests[-1]
    assert [each["content"] for each in body["messages"][-2:]] == ["one", "Next"]


async def test_a_reply_made_by_another_server_is_stopped_too(
    postgres_server: Server, data_api_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    waiting = asyncio.create_task(alice.say(script(tokens=3, after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    await stop(alice.on(data_api_server.url), chat_id)
    assert (await waiting)["status"] == "stopped"


@pytest.mark.parametrize("after", [0, 1])
async def test_stopping_one_session_leaves_the_others(
    alice: Actor, bob: Actor, chat_id: str, model: StandIn, after: int
) -> None:
    others = [(alice, f"{chat_id}-2"), (bob, chat_id)]
    running = [
        asyncio.create_task(actor.say(script(tokens=3, after=after, hold=chat_id), session_id))
        for actor, session_id in [(alice, chat_id), *others]
    ]
    await model.reached(chat_id, 3)
    await stop(alice, chat_id)
    assert (await running[0])["status"] == "stopped"
    model.release(chat_id)
    assert [(await each)["status"] for each in running[1:]] == ["complete", "complete"]
