"""The former release's code on today's databases, alone and beside today's code, as during a rolling upgrade.

docs/operations/upgrades.md promises it. What fails here is a migration that takes away, or changes, what the former
code still uses: see there how to do it in two steps.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused, ui_parts, ui_text
from tests.api.test_chat import script
from tests.cast import PASSWORD, Actor, sign_up
from tests.former_release import FormerServer, unpack
from tests.processes import CHECKOUT, Server

DOORS = {"postgres": (), "data_api": ("SUPABASE_DB_URL", "SUPABASE_DB_ADMIN_URL")}


@pytest.fixture(scope="module")
def former_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("former"))


@pytest.fixture(scope="module", params=DOORS)
async def former(
    request: pytest.FixtureRequest,
    former_code: Path,
    environment: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Server]:
    """Its server, over each door in turn, on databases that have all of today's migrations."""
    kept = {name: value for name, value in environment.items() if name not in DOORS[request.param]}
    server = FormerServer(former_code, kept, tmp_path_factory.mktemp("logs") / "former.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def today(former: Server, request: pytest.FixtureRequest) -> Server:
    """Today's server over the same door."""
    has_database = "SUPABASE_DB_URL" in former.environment
    server: Server = request.getfixturevalue("postgres_server" if has_database else "data_api_server")
    return server


@pytest.fixture
async def dora(former: Server) -> AsyncIterator[Actor]:
    """Somebody who signed up with the former release."""
    actor = await sign_up(former.url, "dora")
    yield actor
    await actor.close()


async def good(person: Actor, method: str, path: str, body: object = None, **options: object) -> httpx.Response:
    response = await person.call(method, path, body, **options)
    assert response.status_code == 200, f"{method} {path}: {response.status_code} {response.text[:300]}"
    return response


async def texts(person: Actor, session_id: str) -> list[tuple[str, str]]:
    return [(message["content"], message["status"]) for message in await person.history(session_id)]


async def whole(person: Actor, session_id: str) -> list[tuple[str, ...]]:
    """What both releases tell of each message; a newer one may tell more."""
    names = ("id", "user_id", "session_id", "role", "content", "status", "created_at")
    return [tuple(message[name] for name in names) for message in await person.history(session_id)]


async def running(person: Actor, session_id: str, model: StandIn) -> "asyncio.Task[httpx.Response]":
    """A reply that has said one word of three and waits."""
    body = {"session_id": session_id, "message": script(text="one two three", after=1, hold=session_id)}
    task = asyncio.create_task(person.call("POST", "/api/chat/stream/", body))
    await model.reached(session_id)
    return task


async def test_it_is_the_former_code_that_runs(former: Server, former_code: Path) -> None:
    source = "import safycore_backend; print(safycore_backend.__path__[0])"
    command = [former.command()[0], "-P", "-c", source]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CHECKOUT, env=former.environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert Path(out.decode().strip()).parent == former_code


async def test_a_conversation_from_its_beginning_to_its_end(dora: Actor, chat_id: str) -> None:
    answer = await dora.say("Hello", chat_id, training_data="The sky is green.")
    assert answer["status"] == "complete"
    events = await good(
        dora, "POST", "/api/chat/stream/", {"message": "And now?", "session_id": chat_id},
        headers={"Accept": "text/event-stream", "Idempotency-Key": chat_id},
    )  # fmt: skip
    assert [status for _, status in await texts(dora, chat_id)] == ["sent", "complete"] * 2
    assert (await texts(dora, chat_id))[-1][0] == ui_text(ui_parts(events.text))
    again = await good(dora, "POST", f"/api/chat/conversation/{chat_id}/regenerate/", {})
    assert (await texts(dora, chat_id))[-1] == (again.text, "complete")
    listed = (await good(dora, "GET", "/api/chat/sessions/")).json()["sessions"]
    assert [session["session_id"] for session in listed] == [chat_id]
    await good(dora, "PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "Skies"})
    await good(dora, "DELETE", f"/api/chat/conversation/{chat_id}/clear/")
    assert await texts(dora, chat_id) == []


async def test_training_data(dora: Actor, chat_id: str) -> None:
    address = "/api/chat/training-data/"
    made = await dora.call("POST", address, {"session_id": chat_id, "content": "The sky is green."})
    assert made.status_code == 201, made.text
    (kept,) = (await good(dora, "GET", f"{address}?session_id={chat_id}")).json()["training_data"]
    assert (await dora.call("DELETE", f"{address}{kept['id']}/")).status_code in {200, 204}
    assert (await good(dora, "GET", f"{address}?session_id={chat_id}")).json()["training_data"] == []


async def test_a_reply_that_runs_is_joined_and_stopped(dora: Actor, chat_id: str, model: StandIn) -> None:
    reading = await running(dora, chat_id, model)
    refused(await dora.call("POST", "/api/chat/", {"message": "x", "session_id": chat_id}), 409, "reply_in_progress")
    await good(dora, "POST", f"/api/chat/conversation/{chat_id}/stop/")
    await reading
    assert (await texts(dora, chat_id))[-1] == ("one", "stopped")


async def test_everything_is_exported_and_the_account_goes(former: Server, chat_id: str) -> None:
    leaver = await sign_up(former.url, "leaver")
    await leaver.say("Remember me", chat_id, training_data="The sky is green.")
    lines = (await good(leaver, "GET", "/api/auth/export/")).text
    assert "Remember me" in lines
    assert "The sky is green." in lines
    assert all(json.loads(line) for line in lines.splitlines())
    await good(leaver, "DELETE", "/api/auth/account/", {"password": PASSWORD})
    refused(await leaver.call("GET", "/api/auth/profile/"), 401)
    await leaver.close()


async def test_old_and_new_read_and_go_on_with_what_the_other_wrote(
    dora: Actor, today: Server, chat_id: str, model: StandIn
) -> None:
    new = dora.on(today.url)
    await dora.say("From the former", chat_id, training_data="The sky is green.")
    await new.say("From today's", chat_id, training_data="The grass is blue.")
    await dora.say("From the former again", chat_id)
    assert await whole(dora, chat_id) == await whole(new, chat_id)
    seen = json.dumps(model.requests[-1])
    assert all(text in seen for text in ("From today's", "The sky is green.", "The grass is blue."))
    await good(new, "POST", f"/api/chat/conversation/{chat_id}/regenerate/", {})
    assert await whole(dora, chat_id) == await whole(new, chat_id)


@pytest.mark.parametrize("who_makes_it", ["former", "today"])
async def test_a_reply_of_one_is_joined_and_stopped_at_the_other(
    dora: Actor, today: Server, chat_id: str, model: StandIn, who_makes_it: str
) -> None:
    maker, other = (dora, dora.on(today.url)) if who_makes_it == "former" else (dora.on(today.url), dora)
    reading = await running(maker, chat_id, model)
    joining = asyncio.create_task(other.call("GET", f"/api/chat/conversation/{chat_id}/stream/"))
    await good(other, "POST", f"/api/chat/conversation/{chat_id}/stop/")
    await asyncio.gather(reading, joining)
    assert (await texts(other, chat_id))[-1] == ("one", "stopped")
    await good(other, "DELETE", f"/api/chat/conversation/{chat_id}/clear/")
    assert await texts(maker, chat_id) == []
