"""The security log: a line for each event, with who and where, and without anything that is nobody's business."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from safycore_backend.security_log import LINES_A_SECOND
from tests.api.accounts import Mailbox, fresh_address, log_in, post
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server

NEW_PASSWORD = "something completely different"
Line = dict[str, Any]


def told(server: Server, event: str | None = None) -> list[Line]:
    """The lines of the security log, or those of one event."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    ours = [line for line in lines if line["logger"] == "safycore_backend.security_log"]
    return [line for line in ours if event in {None, line["event"]}]


async def told_of(server: Server, request_id: str) -> list[Line]:
    """What was told of one request, without what every line has."""
    found = [line for line in told(server) if line.get("request_id") == request_id]
    common = {"request_id", "timestamp", "logger", "level"}
    assert all(common <= line.keys() for line in found)
    left_out = common | {"user", "session"}  # where they are known; test_logs.py has them
    return [{name: value for name, value in line.items() if name not in left_out} for line in found]


def fresh_id() -> dict[str, str]:
    return {"X-Request-ID": uuid.uuid4().hex}


@pytest.fixture
async def server(new_server: NewServer) -> Server:
    return await new_server()


@pytest.fixture
async def carol(server: Server, newcomer: NewActor) -> Actor:
    return (await newcomer("carol")).on(server.url)


@pytest.fixture
def nobody(server: Server, anon: Actor) -> Actor:
    """Somebody without a token, at the test's server."""
    return anon.on(server.url)


async def one_line(server: Server, person: Actor, method: str, path: str, body: Any = None, **headers: str) -> Line:
    """The one line that this call makes."""
    named = fresh_id()
    await person.call(method, path, body, headers=named | headers)
    (line,) = await told_of(server, named["X-Request-ID"])
    return line


@pytest.mark.parametrize(
    ("header", "reason"),
    [("Bearer rubbish", "DecodeError"), ("Basic cnViYmlzaDo=", "NotAuthenticated"), ("Bearer", "NotAuthenticated")],
)
async def test_a_refused_token_is_told_by_its_reason(server: Server, nobody: Actor, header: str, reason: str) -> None:
    path = "/api/chat/conversation/a-private-name/"
    line = await one_line(server, nobody, "GET", path, Authorization=header)
    route = "api/chat/conversation/<str:session_id>/"
    assert line == {"event": "token_refused", "reason": reason, "route": route}


async def test_an_ended_session_and_a_used_refresh_token_are_refused_tokens(
    server: Server, carol: Actor, nobody: Actor
) -> None:
    await carol.call("POST", "/api/auth/logout/")
    line = await one_line(server, carol, "GET", "/api/auth/profile/")
    assert line == {"event": "token_refused", "reason": "SessionEnded", "route": "api/auth/profile/"}
    body = {"refresh_token": carol.refresh_token}
    line = await one_line(server, nobody, "POST", "/api/auth/refresh/", body)
    assert line == {"event": "token_refused", "reason": "AuthApiError", "route": "api/auth/refresh/"}


async def test_whoever_sends_no_token_is_not_told_of(server: Server, nobody: Actor) -> None:
    named = fresh_id()
    assert (await nobody.call("GET", "/api/chat/sessions/", headers=named)).status_code == 401
    assert await told_of(server, named["X-Request-ID"]) == []


async def test_a_flood_of_bad_tokens_makes_a_few_lines_and_a_count(server: Server, nobody: Actor) -> None:
    tries = 200
    bad = {"Authorization": "Bearer rubbish"}
    await asyncio.gather(*(nobody.call("GET", "/api/chat/sessions/", headers=bad) for _ in range(tries)))
    async with asyncio.timeout(10):
        while sum(line.get("left_out", 1) for line in told(server, "token_refused")) < tries:
            # The count comes by itself, a second after the first line.
            await nobody.call("GET", "/healthz")
    lines = told(server, "token_refused")
    seconds = len([line for line in lines if "left_out" in line])
    assert seconds >= 1
    assert len(lines) <= (LINES_A_SECOND + 1) * (seconds + 1)
    assert sum(line.get("left_out", 1) for line in lines) == tries
    assert not [line for line in lines if "left_out" in line and "request_id" in line]


async def test_a_flood_of_one_kind_does_not_hide_another(server: Server, nobody: Actor, carol: Actor) -> None:
    bad = {"Authorization": "Bearer rubbish"}
    await carol.call("POST", "/api/auth/logout/")
    await asyncio.gather(*(nobody.call("GET", "/api/chat/sessions/", headers=bad) for _ in range(50)))
    assert (await one_line(server, carol, "GET", "/api/auth/profile/"))["reason"] == "SessionEnded"


async def test_a_refused_sign_in_is_told_alike_for_a_known_and_an_unknown_account(
    server: Server, carol: Actor, nobody: Actor
) -> None:
    lines = []
    for email in (carol.email, carol.email.upper(), fresh_address("somebody")):
        body = {"email": email, "password": "not the password"}
        lines.append(await one_line(server, nobody, "POST", "/api/auth/login/", body))
    assert {(line["event"], line["door"]) for line in lines} == {("sign_in_refused", "sign_in")}
    assert lines[0] == lines[1] != lines[2]
    guess = {"current_password": "not the password", "new_password": NEW_PASSWORD}
    line = await one_line(server, carol, "POST", "/api/auth/change-password/", guess)
    assert line == {"event": "sign_in_refused", "door": "account", "account": lines[0]["account"]}


@pytest.mark.parametrize(
    ("limit", "kind"),
    [
        ("LIMIT_LOGIN_PER_ADDRESS", "address"),
        ("LIMIT_LOGIN_PER_ACCOUNT", "account"),
        ("LIMIT_EXPORT_PER_PERSON", "person"),
    ],
)
async def test_a_limit_is_told_with_a_hash_of_whom_it_was_counted_for(
    new_server: NewServer, newcomer: NewActor, limit: str, kind: str
) -> None:
    server = await new_server(**{limit: "1/36000"})
    carol = (await newcomer("carol")).on(server.url)
    calls: Mapping[str, Any] = {"person": ("GET", "/api/auth/export/")}
    sign_in = ("POST", "/api/auth/login/", {"email": carol.email, "password": PASSWORD})
    await carol.call(*calls.get(kind, sign_in))
    first, second = [await one_line(server, carol, *calls.get(kind, sign_in)) for _ in range(2)]
    assert first == second
    assert len(first.pop("subject")) == 16
    assert first == {"event": "limit_reached", "limit": limit, "subject_kind": kind}


async def test_a_foreign_id_is_told_with_who_tried_and_where(server: Server, carol: Actor, alice: Actor) -> None:
    session_id = f"chat-{uuid.uuid4()}"
    await alice.say("Hello", session_id)
    text = await alice.call("POST", "/api/chat/training-data/", {"session_id": session_id, "content": "A fact."})
    for method, address, tried, body in (
        ("DELETE", "sessions/<str:session_id>/", session_id, None),
        ("PATCH", "sessions/<str:session_id>/", session_id, {"title": "Mine now"}),
        ("POST", "conversation/<str:session_id>/regenerate/", session_id, {}),
        ("DELETE", "training-data/<uuid:training_id>/", text.json()["id"], None),
    ):
        place = address.replace("<str:session_id>", tried).replace("<uuid:training_id>", tried)
        line = await one_line(server, carol, method, f"/api/chat/{place}", body)
        assert len(line.pop("person")) == 16
        assert line == {"event": "not_found", "route": f"api/chat/{address}", "method": method}
    assert session_id not in server.log.read_text()


async def test_a_changed_password_an_export_and_a_deleted_account_are_told(
    server: Server, carol: Actor, nobody: Actor, mailbox: Mailbox
) -> None:
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    changed = await one_line(server, carol, "POST", "/api/auth/change-password/", change)
    exported = await one_line(server, carol, "GET", "/api/auth/export/")
    await post(server.url, "password-reset", {"email": carol.email})
    reset = {"token_hash": mailbox.token_hash(carol.email), "new_password": PASSWORD}
    confirmed = await one_line(server, nobody, "POST", "/api/auth/password-reset/confirm/", reset)
    again = Actor(server.url, carol.email, (await log_in(server.url, carol.email)).json())
    deleted = await one_line(server, again, "DELETE", "/api/auth/account/", {"password": PASSWORD})
    await again.close()
    assert len({line.pop("person") for line in (changed, exported, confirmed, deleted)}) == 1
    assert changed == {"event": "password_changed", "how": "old_password"}
    assert confirmed == {"event": "password_changed", "how": "reset"}
    assert exported == {"event": "export_made", "sessions": 0, "messages": 0, "training_data": 0}
    rows = {"users": 1, "messages": 0, "training_data": 0, "conversation_sessions": 0, "user_profiles": 1}
    assert deleted == {"event": "account_deleted", **rows}


async def test_no_line_names_anybody(server: Server, carol: Actor) -> None:
    await carol.call("POST", "/api/auth/login/", {"email": carol.email, "password": "not the password"})
    await carol.call("DELETE", "/api/chat/sessions/a-private-name/")
    await carol.call("DELETE", "/api/auth/account/", {"password": PASSWORD})
    assert len(told(server)) == 3
    written = server.log.read_text()
    for private in (carol.email, carol.id, str(carol.token), "a-private-name", PASSWORD):
        assert private not in written
