"""POST /api/chat/stream/: the reply as it is made, as text or as the AI SDK's UI message stream."""

import asyncio
import json
from typing import Any

import httpx
import psycopg
import pytest

from chat.text import strip_markdown
from local_stack.groq_stand_in import StandIn
from tests.answers import refused, ui_parts, ui_text
from tests.api.test_chat import MARKDOWN, script
from tests.cast import Actor
from tests.clients import http_client
from tests.processes import Server

TEXT, EVENTS = "text/plain", "text/event-stream"
BOTH_FORMS = pytest.mark.parametrize("accept", [TEXT, EVENTS])


def streamed(
    actor: Actor, message: str, session_id: str, accept: str | None = None, query: str = ""
) -> Any:  # httpx does not export the type of its context manager
    headers = {"Accept": accept} if accept else {}
    body = {"message": message, "session_id": session_id}
    return actor.http.stream("POST", f"/api/chat/stream/{query}", json=body, headers=headers)


async def read(actor: Actor, message: str, session_id: str, accept: str, query: str = "") -> httpx.Response:
    response: httpx.Response
    async with streamed(actor, message, session_id, accept, query) as response:
        await response.aread()
    return response


def text_of(response: httpx.Response) -> str:
    """What a stream said, in either form."""
    return ui_text(ui_parts(response.text)) if response.headers["content-type"] == EVENTS else response.text


# The text


async def test_the_text_is_the_stripped_reply_and_nothing_else(
    either_server: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(either_server.url)
    response = await read(alice, script(text=MARKDOWN), chat_id, TEXT)
    assert response.status_code == 200
    assert response.text == strip_markdown(MARKDOWN)
    assert (await alice.history(chat_id))[-1]["content"] == MARKDOWN


async def test_the_first_text_waits_for_nothing_in_djangos_database(
    in_postgres_server: Server, alice: Actor, chat_id: str, model: StandIn, owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    alice = alice.on(in_postgres_server.url)
    async with owner_sql.transaction():
        await owner_sql.execute(
            "lock table safycore_django.user_profiles, safycore_django.conversation_sessions in access exclusive mode"
        )
        async with streamed(alice, script(text="one two three", after=1, hold=chat_id), chat_id, TEXT) as response:
            async with asyncio.timeout(20):
                heard = await anext(response.aiter_text())
    assert heard.startswith("one")
    model.release(chat_id)


# X-Accel-Buffering is for nginx, which does not pass it on.
@pytest.mark.past_nginx
async def test_a_text_stream_says_how_it_must_be_handled(alice: Actor, chat_id: str) -> None:
    response = await read(alice, "Hello", f"{chat_id} ü", TEXT)
    reply = (await alice.history(f"{chat_id} ü"))[-1]
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-message-id"] == reply["id"]
    assert response.headers["x-session-id"] == f"{chat_id}%20%C3%BC"
    assert "content-length" not in response.headers


async def test_the_text_keeps_its_markdown_where_that_is_asked_for(alice: Actor, chat_id: str) -> None:
    assert (await read(alice, script(text=MARKDOWN), chat_id, TEXT, "?format=markdown")).text == MARKDOWN


@pytest.mark.parametrize("chunk", [1, 2, 7])
async def test_pieces_stripped_as_they_flow_join_to_the_whole_stripped(
    alice: Actor, chat_id: str, model: StandIn, chunk: int
) -> None:
    text = f"{MARKDOWN}\n```python\nx = '**not bold**'\n```\n| a | b |\n|---|---|\n| 1 | **2** |\n\n> quote **open\n"
    response = await read(alice, script(text=text, chunk=chunk, split_bytes=5), chat_id, TEXT)
    assert response.text == strip_markdown(text)


# The events


async def test_the_events_are_a_ui_message_stream(either_server: Server, alice: Actor, chat_id: str) -> None:
    alice = alice.on(either_server.url)
    response = await read(alice, script(text="one **two**"), chat_id, EVENTS)
    reply = (await alice.history(chat_id))[-1]
    parts = ui_parts(response.text)
    assert response.text.startswith(": ")
    assert parts[0] == {"type": "start", "messageId": reply["id"], "messageMetadata": {"session_id": chat_id}}
    text_id = parts[1]["id"]
    assert parts[1] == {"type": "text-start", "id": text_id}
    assert all(part == {"type": "text-delta", "id": text_id, "delta": part["delta"]} for part in parts[2:-2])
    assert ui_text(parts) == "one **two**"
    assert parts[-2] == {"type": "text-end", "id": text_id}
    assert parts[-1]["type"] == "finish"
    metadata = parts[-1]["messageMetadata"]
    assert (metadata["session_id"], metadata["status"], metadata["finish_reason"]) == (chat_id, "complete", "stop")
    assert metadata["usage"]["completion_tokens"] > 0


# X-Accel-Buffering is for nginx, which does not pass it on.
@pytest.mark.past_nginx
async def test_an_event_stream_says_how_it_must_be_handled(alice: Actor, chat_id: str) -> None:
    response = await read(alice, "Hello", chat_id, EVENTS)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-session-id"] == chat_id
    assert response.headers["x-message-id"] == ui_parts(response.text)[0]["messageId"]


async def test_every_line_of_a_text_travels_inside_one_event(alice: Actor, chat_id: str) -> None:
    text = "one\n\ntwo\r\ndata: three\u2028four\U0001f600"
    assert ui_text(ui_parts((await read(alice, script(text=text), chat_id, EVENTS)).text)) == text


async def test_a_silent_model_does_not_leave_the_stream_silent(
    alice: Actor, chat_id: str, model: StandIn, pinging_server: Server
) -> None:
    alice = alice.on(pinging_server.url)
    async with streamed(alice, script(tokens=1, hold=chat_id), chat_id, EVENTS) as response:
        seen = ""
        pieces = response.aiter_text()
        while seen.count(": ping\n\n") < 4:
            seen += await anext(pieces)
        model.release(chat_id)
        seen += "".join([piece async for piece in pieces])
    assert ui_text(ui_parts(seen)) == "lorem"


@pytest.fixture
async def pinging_server(new_server: Any) -> Server:
    server: Server = await new_server(SSE_PING_SECONDS="0.05")
    return server


# As it is made


@BOTH_FORMS
async def test_the_first_words_leave_before_the_last_are_made(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, accept: str
) -> None:
    alice = alice.on(either_server.url)
    message = script(text="first words and the last", after=2, hold=chat_id)
    async with streamed(alice, message, chat_id, accept) as response:
        await model.reached(chat_id)
        pieces = response.aiter_text()
        seen = await anext(pieces)
        while "first" not in seen:
            seen += await anext(pieces)
        assert "last" not in seen
        model.release(chat_id)
        rest = "".join([piece async for piece in pieces])
    assert "last" in rest
    assert "first" not in rest


async def test_the_head_of_an_event_stream_comes_before_the_first_word(
    alice: Actor, chat_id: str, model: StandIn
) -> None:
    async with streamed(alice, script(tokens=1, hold=chat_id), chat_id, EVENTS) as response:
        pieces = response.aiter_text()
        seen = await anext(pieces)
        while '"type":"start"' not in seen:
            seen += await anext(pieces)
        model.release(chat_id)


@BOTH_FORMS
async def test_a_client_that_leaves_does_not_end_the_reply(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, accept: str
) -> None:
    alice = alice.on(either_server.url)
    async with streamed(alice, script(text="first words and the last", after=2, hold=chat_id), chat_id, accept) as left:
        await anext(left.aiter_text())
    model.release(chat_id)
    joined = await alice.call("GET", f"/api/chat/conversation/{chat_id}/stream/")
    assert joined.status_code == 204 or joined.text == "first words and the last"
    reply = (await alice.history(chat_id))[-1]
    assert (reply["content"], reply["status"]) == ("first words and the last", "complete")


async def test_many_streams_at_once_are_each_their_own(alice: Actor, bob: Actor, chat_id: str) -> None:
    async def one(actor: Actor, n: int) -> None:
        text = f"{n} " * 40
        response = await read(actor, script(text=text), f"{chat_id}-{n}", EVENTS if n % 2 else TEXT)
        assert text_of(response) == text

    await asyncio.gather(*(one(actor, n) for n in range(20) for actor in (alice, bob)))


# Negotiation


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", TEXT),
        ("text/*", TEXT),
        ("text/plain", TEXT),
        ("text/plain;charset=utf-8", TEXT),
        ("text/event-stream", EVENTS),
        ("text/event-stream, */*", EVENTS),
        ("application/json, text/event-stream", EVENTS),
    ],
)
async def test_the_form_is_the_one_that_the_client_accepts(alice: Actor, chat_id: str, accept: str, form: str) -> None:
    response = await read(alice, script(text="Hello."), chat_id, accept)
    assert response.headers["content-type"].partition(";")[0] == form
    assert text_of(response) == "Hello."


async def test_a_client_that_names_no_form_gets_text(alice: Actor, chat_id: str) -> None:
    body = json.dumps({"message": script(text="Hello."), "session_id": chat_id}).encode()
    async with http_client(alice.base_url) as http:
        del http.headers["Accept"]
        response = await http.post(
            "/api/chat/stream/",
            content=body,
            headers={"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"},
        )
    assert "accept" not in response.request.headers
    assert (response.headers["content-type"], response.text) == ("text/plain; charset=utf-8", "Hello.")


@pytest.mark.parametrize("accept", [TEXT, EVENTS, "application/json", "*/*"])
async def test_an_error_before_the_stream_is_json_whatever_is_accepted(alice: Actor, chat_id: str, accept: str) -> None:
    response = await read(alice, "", chat_id, accept)
    assert refused(response, 400, "invalid_input")["fields"].keys() == {"message"}


async def test_a_form_that_we_do_not_speak_is_refused_in_json(alice: Actor, chat_id: str) -> None:
    refused(await read(alice, "Hello", chat_id, "image/png"), 406, "not_acceptable")
    assert await alice.history(chat_id) == []


async def test_the_other_addresses_speak_json_to_those_who_accept_anything(alice: Actor, chat_id: str) -> None:
    for accept in ("*/*", "application/json", "text/html, */*;q=0.1"):
        response = await alice.call("GET", f"/api/chat/conversation/{chat_id}/", headers={"Accept": accept})
        assert response.headers["content-type"] == "application/json"
