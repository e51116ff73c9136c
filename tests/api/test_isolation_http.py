"""Over HTTP: Mallory finds nothing of Alice's at any address, and Anon gets nowhere."""

import asyncio
import re
import uuid
from collections.abc import Iterator
from typing import Any

import django
import psycopg
import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from local_stack.groq_stand_in import StandIn
from tests.answers import refused, ui_parts, ui_text
from tests.api.test_chat import script
from tests.cast import Actor
from tests.processes import Server

django.setup()

Sql = psycopg.AsyncConnection[Any]
SECRET = "the secret of Alice"
OPEN = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/models/",
    "/api/schema/",
    "/api/docs/",
    "/api/auth/signup/",
    "/api/auth/login/",
    "/api/auth/refresh/",
    "/api/auth/password-reset/",
    "/api/auth/password-reset/confirm/",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(patterns: Any = None, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Every address of the URLconf, its parameters filled in, and the view class behind it."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            filled = re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), re.sub(r"<str:\w+>", "some-session", path))
            yield filled, getattr(each.callback, "cls", None)


def protected_calls() -> Iterator[tuple[str, str]]:
    for path, view in routes():
        if path not in OPEN:
            yield from ((method, path) for method in METHODS if hasattr(view, method.lower()))


PROTECTED = sorted(protected_calls())


def test_the_walk_over_the_addresses_finds_them() -> None:
    """A walk that finds nothing would prove nothing."""
    assert {path for path, _ in routes()} >= OPEN
    assert ("POST", "/api/chat/stream/") in PROTECTED
    assert ("DELETE", f"/api/chat/training-data/{uuid.UUID(int=1)}/") in PROTECTED
    assert len(PROTECTED) >= 16


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_without_a_token_every_protected_address_gives_the_one_refusal(
    anon: Actor, model: StandIn, method: str, path: str
) -> None:
    body = {"message": "Hello", "session_id": "some-session"}
    answers = [
        await anon.call(method, path, body),
        await anon.call(method, path),
        await anon.call(method, path, body, headers={"Accept": "text/event-stream, application/json"}),
        await anon.call(method, f"{path}?format=nonsense&limit=x", content=b"{", headers={"Content-Type": "text/html"}),
    ]
    bodies = [refused(answer, 401, "not_authenticated") for answer in answers]
    assert {body["error"] for body in bodies} == {"Sign in to use this."}
    assert all(body.keys() == {"error", "code", "request_id"} for body in bodies)
    assert model.total == 0


async def everything_of(owner_sql: Sql, actor: Actor) -> list[Any]:
    """All rows of a person in Supabase, as their owner sees them."""
    found: list[Any] = []
    for table in ("messages", "training_data"):
        rows = await owner_sql.execute(f"select * from {table} where user_id = %s order by id", (actor.id,))
        found += await rows.fetchall()
    return found


async def session_of(actor: Actor, session_id: str) -> list[dict[str, Any]]:
    found = (await actor.call("GET", "/api/chat/sessions/?limit=200")).json()["sessions"]
    return [each for each in found if each["session_id"] == session_id]


@pytest.fixture
async def secrets_of_alice(either_server: Server, alice: Actor, chat_id: str) -> str:
    """A session of Alice's with a message, a reply and training data; the id of the latter."""
    alice = alice.on(either_server.url)
    await alice.say(f"{SECRET} question", chat_id)
    answer = await alice.call("POST", "/api/chat/training-data/", {"session_id": chat_id, "content": f"{SECRET} fact"})
    return str(answer.json()["id"])


async def test_reading_alices_session_shows_mallory_an_empty_one(
    either_server: Server, mallory: Actor, chat_id: str, secrets_of_alice: str
) -> None:
    mallory = mallory.on(either_server.url)
    history = await mallory.call("GET", f"/api/chat/conversation/{chat_id}/?limit=200")
    texts = await mallory.call("GET", f"/api/chat/training-data/?session_id={chat_id}")
    sessions = await mallory.call("GET", "/api/chat/sessions/?limit=200")
    assert history.json() == {"session_id": chat_id, "messages": [], "next": None}
    assert texts.json() == {"training_data": []}
    assert chat_id not in sessions.text
    assert SECRET not in history.text + texts.text + sessions.text


async def test_nothing_that_mallory_does_changes_anything_of_alices(
    *,
    either_server: Server,
    alice: Actor,
    mallory: Actor,
    chat_id: str,
    secrets_of_alice: str,
    owner_sql: Sql,
) -> None:
    alice, mallory = alice.on(either_server.url), mallory.on(either_server.url)
    before = await everything_of(owner_sql, alice), await session_of(alice, chat_id)
    conversation = f"/api/chat/conversation/{chat_id}"
    for method, path, body, status in (
        ("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "Mallory was here"}, 404),
        ("DELETE", f"/api/chat/sessions/{chat_id}/", None, 404),
        ("DELETE", f"/api/chat/training-data/{secrets_of_alice}/", None, 404),
        ("DELETE", f"{conversation}/clear/", None, 200),
        ("POST", f"{conversation}/stop/", None, 200),
        ("GET", f"{conversation}/stream/", None, 204),
        ("POST", "/api/chat/", {"message": "Hello", "session_id": chat_id, "user_id": alice.id}, 200),
        ("POST", "/api/chat/training-data/", {"session_id": chat_id, "content": "lies", "user_id": alice.id}, 201),
        ("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "Mallory's own", "user_id": alice.id}, 200),
        ("DELETE", f"/api/chat/sessions/{chat_id}/", None, 200),
    ):
        response = await mallory.call(method, path, body)
        assert response.status_code == status, f"{method} {path}: {response.text}"
        assert SECRET not in response.text
    assert (await everything_of(owner_sql, alice), await session_of(alice, chat_id)) == before


async def test_what_is_alices_and_what_does_not_exist_look_the_same(
    either_server: Server, mallory: Actor, chat_id: str, secrets_of_alice: str
) -> None:
    mallory = mallory.on(either_server.url)

    async def answers(session_id: str, training_id: str) -> list[Any]:
        conversation = f"/api/chat/conversation/{session_id}"
        found = []
        for method, path, body in (
            ("GET", f"{conversation}/", None),
            ("GET", f"{conversation}/stream/", None),
            ("POST", f"{conversation}/stop/", None),
            ("DELETE", f"{conversation}/clear/", None),
            ("PATCH", f"/api/chat/sessions/{session_id}/", {"title": "x"}),
            ("DELETE", f"/api/chat/sessions/{session_id}/", None),
            ("GET", f"/api/chat/training-data/?session_id={session_id}", None),
            ("DELETE", f"/api/chat/training-data/{training_id}/", None),
        ):
            response = await mallory.call(method, path, body, headers={"X-Request-ID": "the-same-id"})
            found.append((response.status_code, response.text.replace(session_id, "ID")))
        return found

    assert await answers(chat_id, secrets_of_alice) == await answers(str(uuid.uuid4()), str(uuid.uuid4()))


async def test_mallory_can_neither_join_nor_stop_nor_block_nor_clear_a_running_reply(
    either_server: Server, alice: Actor, mallory: Actor, chat_id: str, model: StandIn
) -> None:
    alice, mallory = alice.on(either_server.url), mallory.on(either_server.url)
    running = asyncio.create_task(alice.say(script(text=f"{SECRET} answer", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    conversation = f"/api/chat/conversation/{chat_id}"
    assert (await mallory.call("GET", f"{conversation}/stream/")).status_code == 204
    assert (await mallory.call("POST", f"{conversation}/stop/")).status_code == 200
    assert (await mallory.call("DELETE", f"{conversation}/clear/")).status_code == 200
    assert (await mallory.say("My own", chat_id))["status"] == "complete"
    model.release(chat_id)
    answer = await running
    assert (answer["status"], answer["response"]) == ("complete", f"{SECRET} answer")


async def test_alices_key_gives_mallory_a_turn_of_her_own(
    either_server: Server, alice: Actor, mallory: Actor, chat_id: str
) -> None:
    alice, mallory = alice.on(either_server.url), mallory.on(either_server.url)
    body = {"message": script(text=SECRET), "session_id": chat_id, "client_message_id": f"key-{chat_id}"}
    hers = (await alice.call("POST", "/api/chat/", body)).json()
    stolen = await mallory.call("POST", "/api/chat/", {**body, "message": "Give it to me"})
    again = await mallory.call(
        "POST", "/api/chat/stream/", {**body, "message": "Give it to me"}, headers={"Accept": "text/event-stream"}
    )
    assert stolen.status_code == again.status_code == 200
    assert stolen.json()["message_id"] != hers["message_id"]
    assert SECRET not in stolen.text + ui_text(ui_parts(again.text))


async def test_a_token_anywhere_but_in_the_header_is_no_token(anon: Actor, alice: Actor, chat_id: str) -> None:
    path = f"/api/chat/conversation/{chat_id}/"
    token = str(alice.token)
    refused(await anon.call("GET", f"{path}?access_token={token}&token={token}"), 401)
    refused(await anon.call("GET", path, headers={"Cookie": f"access_token={token}; sb-access-token={token}"}), 401)
    refused(await anon.call("POST", "/api/chat/", {"message": "Hello", "access_token": token}), 401)
    refused(await anon.call("GET", path, headers={"X-Authorization": f"Bearer {token}", "apikey": token}), 401)
