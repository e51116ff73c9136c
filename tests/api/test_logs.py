"""The log: each line one object, each request one line, and on every line what it is about, without anybody's words."""

import asyncio
import json
import logging
import uuid
from typing import Any

import pytest

from safycore_backend.log_format import structured_formatter
from tests.api.test_bad_input import raw
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server

Line = dict[str, Any]
HISTORY = "api/chat/conversation/<str:session_id>/"


def lines(server: Server, **facts: Any) -> list[Line]:
    """Those that say this; every line of the log must be an object."""
    told = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line for line in told if facts.items() <= line.items()]


async def line(server: Server, **facts: Any) -> Line:
    """The one line that says this, once it is there: it comes after the answer."""
    async with asyncio.timeout(20):
        while not (found := lines(server, **facts)):  # noqa: ASYNC110  # another process writes the file
            await asyncio.sleep(0.01)
    (only,) = found
    return only


@pytest.fixture
async def server(new_server: NewServer) -> Server:
    return await new_server()


@pytest.fixture
async def carol(server: Server, newcomer: NewActor) -> Actor:
    return (await newcomer("carol")).on(server.url)


async def test_a_request_is_one_line_with_its_route_and_a_hash_of_who_asked(
    server: Server, carol: Actor, anon: Actor
) -> None:
    first, second, third = (uuid.uuid4().hex for _ in range(3))
    await carol.call("GET", "/api/chat/conversation/my-session/", headers={"X-Request-ID": first})
    told = await line(server, event="request", request_id=first)
    assert told["duration_ms"] > 0
    assert len(told["user"]) == 16
    expected = {"method": "GET", "route": HISTORY, "status": 200, "level": "info", "logger": "safycore_backend.access"}
    assert expected.items() <= told.items()
    await anon.on(server.url).call("GET", "/api/chat/conversation/my-session/", headers={"X-Request-ID": second})
    assert "user" not in (told := await line(server, event="request", request_id=second))
    assert (told["status"], told["route"]) == (401, HISTORY)
    await carol.call("GET", "/my-session/there-is-nothing-here", headers={"X-Request-ID": third})
    assert ((await line(server, event="request", request_id=third))["route"]) == "other"
    assert "my-session" not in server.log.read_text()


async def test_a_refused_body_and_a_forged_host_are_lines_too(server: Server, carol: Actor) -> None:
    # Declared, and not sent: a server that has refused does not read on.
    head = "POST /api/chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1100000\r\n\r\n"
    assert (await raw(server, head.encode())).status_code == 413
    await line(server, event="request", method="POST", status=413, route="other")
    await carol.call("GET", "/api/models/", headers={"Host": "evil.example.com", "X-Request-ID": "forged-host"})
    assert (await line(server, event="request", request_id="forged-host"))["status"] == 400


async def test_probes_that_go_well_are_not_told(server: Server, carol: Actor) -> None:
    await carol.call("GET", "/healthz")
    await carol.call("GET", "/readyz")
    await carol.call("GET", "/api/models/", headers={"X-Request-ID": "the-last-one"})
    await line(server, event="request", request_id="the-last-one")
    assert {told["route"] for told in lines(server, event="request")} == {"api/models/"}


async def test_without_the_access_log_there_are_no_such_lines(new_server: NewServer, anon: Actor) -> None:
    server = await new_server(ACCESS_LOG="false")
    await anon.on(server.url).call("GET", "/api/models/")
    await server.stop()
    assert lines(server, event="request") == []
    assert lines(server, logger="uvicorn.error") != []


async def test_what_happens_in_a_reply_is_told_with_the_request_the_person_the_session_and_the_turn(
    server: Server, carol: Actor, chat_id: str
) -> None:
    request_id = uuid.uuid4().hex
    body = {"message": script(tokens=9, after=4, cut=True), "session_id": chat_id}
    answer = await carol.call("POST", "/api/chat/", body, headers={"X-Request-ID": request_id})
    told = await line(server, event="model_failed")
    assert told["turn"] == answer.json()["message_id"]
    assert told["request_id"] == request_id
    access = await line(server, event="request", request_id=request_id)
    assert told["user"] == access["user"]
    assert len(told["session"]) == 16
    assert chat_id not in server.log.read_text()


async def test_two_people_s_replies_at_once_keep_their_lines_apart(
    server: Server, carol: Actor, newcomer: NewActor
) -> None:
    dave = (await newcomer("dave")).on(server.url)
    sent = {}
    for number in range(8):
        actor = (carol, dave)[number % 2]
        body = {"message": script(tokens=9, after=4, cut=True), "session_id": "the-same-name"}
        body["session_id"] += f"-{number // 2}"
        sent[f"request-{number}"] = actor.call(
            "POST", "/api/chat/", body, headers={"X-Request-ID": f"request-{number}"}
        )
    answers = dict(zip(sent, await asyncio.gather(*sent.values()), strict=True))
    users = {}
    for request_id, answer in answers.items():
        told = await line(server, event="model_failed", request_id=request_id)
        assert told["turn"] == answer.json()["message_id"]
        users[request_id] = told["user"]
    assert len({users[f"request-{number}"] for number in range(0, 8, 2)}) == 1
    assert len(set(users.values())) == 2


async def test_every_line_of_a_server_s_life_is_an_object_those_of_uvicorn_too(server: Server, carol: Actor) -> None:
    await carol.call("GET", "/api/chat/sessions/")
    assert await server.stop() == 0
    told = lines(server)
    assert all({"event", "level", "logger", "timestamp"} <= each.keys() for each in told)
    assert {"uvicorn.error", "safycore_backend.access", "chat.turns"} <= {each["logger"] for each in told}


async def test_for_people_there_is_another_form(new_server: NewServer, anon: Actor) -> None:
    server = await new_server(LOG_FORMAT="console")
    await anon.on(server.url).call("GET", "/api/models/")
    await server.stop()
    text = server.log.read_text()
    assert "api/models/" in text
    assert not [each for each in text.splitlines() if each.startswith("{")]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_lone_surrogate_in_a_line_is_no_end_of_the_log(form: str) -> None:
    record = logging.LogRecord("name", logging.INFO, "file", 1, "words: %s", ("\ud800",), None)
    assert structured_formatter(form).format(record).encode("utf-8", "backslashreplace")
