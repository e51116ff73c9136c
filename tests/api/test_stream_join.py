"""GET /api/chat/conversation/<session_id>/stream/: joins the running reply from its start."""

import asyncio
from typing import Any

import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import ui_parts
from tests.api.test_chat import script
from tests.api.test_stream import BOTH_FORMS, text_of
from tests.cast import Actor
from tests.processes import Server


def joining(actor: Actor, session_id: str, accept: str = "text/plain", query: str = "") -> Any:
    path = f"/api/chat/conversation/{session_id}/stream/{query}"
    return actor.http.stream("GET", path, headers={"Accept": accept})


@BOTH_FORMS
async def test_nothing_is_there_to_join_where_nothing_runs(
    either_server: Server, alice: Actor, chat_id: str, accept: str
) -> None:
    alice = alice.on(either_server.url)
    for _ in range(2):
        async with joining(alice, chat_id, accept) as response:
            assert (response.status_code, await response.aread()) == (204, b"")
        await alice.say("Now a reply has ended here", chat_id)


@BOTH_FORMS
async def test_whoever_joins_reads_the_reply_from_its_start(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, accept: str
) -> None:
    alice = alice.on(either_server.url)
    text = "**first** words and the last"
    whole = asyncio.create_task(alice.say(script(text=text, after=3, hold=chat_id), chat_id))
    await model.reached(chat_id)
    async with joining(alice, chat_id, accept) as early, joining(alice, chat_id, accept, "?format=markdown") as marked:
        seen = await anext(early.aiter_raw())
        model.release(chat_id)
        await marked.aread()
    assert seen
    assert text_of(marked) == text
    assert marked.headers["x-message-id"] == (await whole)["message_id"]
    assert marked.headers["x-session-id"] == chat_id
    if accept == "text/event-stream":
        assert [part["type"] for part in ui_parts(marked.text)][:2] == ["start", "text-start"]


async def test_ten_readers_of_one_reply_read_the_same(alice: Actor, chat_id: str, model: StandIn) -> None:
    sending = asyncio.create_task(alice.say(script(tokens=30, after=10, hold=chat_id), chat_id))
    await model.reached(chat_id)

    async def read() -> str:
        async with joining(alice, chat_id) as response:
            await response.aread()
            return str(response.text)

    readers = [asyncio.create_task(read()) for _ in range(10)]
    model.release(chat_id)
    texts = set(await asyncio.gather(*readers))
    # One that came too late found nothing running.
    assert texts <= {(await sending)["response"], ""}


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
async def test_joining_needs_no_particular_accept(alice: Actor, chat_id: str, accept: str) -> None:
    async with joining(alice, chat_id, accept) as response:
        assert response.status_code == 204
