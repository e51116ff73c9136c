"""Nothing secret is in an answer, a log, the OpenAPI document or the front end: canaries, and every way to fail.

That a whole run's logs are clean is seen at its end (tests/conftest.py); that this search can find something, here.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.api.accounts import Owner, fresh_address
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.processes import CHECKOUT, Server
from tests.secret_search import Known, known

KEY = f"gsk_canary_{uuid.uuid4().hex}"
LEAKING_TEST = """
from tests.processes import Server

def test_that_passes_and_leaks(tmp_path):
    log = tmp_path / "server.log"
    log.write_text("All is well.\\nThe key is {key}.\\n")
    Server({{"GROQ_API_KEY": "{key}"}}, log)
"""
HOOKS = "from tests.conftest import pytest_sessionfinish, pytest_terminal_summary\n"


def canary(kind: str) -> str:
    """A word that stands nowhere else, known from now on."""
    word = f"canary-{kind}-{uuid.uuid4().hex}"
    known.secret(f"canary of a {kind}", word)
    return word


def finds(*texts: str) -> list[str]:
    return [str(find) for text in texts for find in known.search(text, "text")]


def answer_of(response: httpx.Response) -> str:
    """All that the client sees."""
    return f"{response.headers}\n{response.text}"


@pytest.fixture
async def echoing_model() -> AsyncIterator[str]:
    """The address of a provider that answers with its words full of the key, and of all that it was asked."""

    async def refuse(request: web.Request) -> web.Response:
        asked = await request.text()
        status = int(request.match_info["status"])
        words = f"Incorrect key {request.headers['Authorization']} for {asked}"
        return web.json_response({"error": {"message": words, "code": words, "type": words}}, status=status)

    application = web.Application()
    application.router.add_post("/{status}/{rest:.*}", refuse)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield "http://{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


# The search itself


def test_the_search_finds_what_is_planted_however_it_is_written() -> None:
    search = Known()
    search.secret("message", 'She said "où est-il?" and never came back to tell')
    search.secret("key", "gsk_0123456789abcdef")
    search.environment({"SUPABASE_DB_URL": "postgresql://me:p%40ssword-of-mine@127.0.0.1/x", "PATH": "/usr/bin/a-path"})
    planted = (
        'one\nShe said "où est-il?" and never came back to tell\n',
        json.dumps({"event": 'x: She said "où est-il?" and never came back to tell'}),
        "one\ntwo xgsk_0123456789abcdefx",
        "p@ssword-of-mine",
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.rest",
    )
    found = [[(find.kind, find.line) for find in search.search(text, "log")] for text in planted]
    expected = [("message", 2), ("message", 1), ("key", 2), ("password of SUPABASE_DB_URL", 1), ("token", 1)]
    assert found == [[each] for each in expected]
    assert list(search.search("She said nothing. gsk_0123 /usr/bin/a-path eyJhbGciOiJIUzI1NiJ9", "log")) == []


def test_a_find_shows_no_more_than_the_beginning() -> None:
    search = Known()
    search.secret("key", "gsk_0123456789abcdef")
    (find,) = search.search("gsk_0123456789abcdef", "log")
    assert str(find) == "log:1: the key that begins with 'gsk_01'"


def test_a_run_whose_tests_pass_fails_when_a_server_logged_its_key(tmp_path: Path) -> None:
    (tmp_path / "test_leak.py").write_text(LEAKING_TEST.format(key=KEY))
    (tmp_path / "conftest.py").write_text(HOOKS)
    options = ["-p", "tests.environment", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
    base = ["--basetemp", str(tmp_path / "base")]
    command = [sys.executable, "-m", "pytest", *options, *base, str(tmp_path / "test_leak.py")]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1, run.stdout
    assert "1 passed" in run.stdout
    assert "server.log:2: the GROQ_API_KEY that begins with 'gsk_ca'" in run.stdout
    assert KEY not in run.stdout


# Errors


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500])
async def test_a_provider_that_echoes_the_key_is_not_heard(
    new_server: NewServer, newcomer: NewActor, chat_id: str, echoing_model: str, status: int
) -> None:
    known.secret("GROQ_API_KEY", KEY)
    server = await new_server(GROQ_API_KEY=KEY, GROQ_BASE_URL=f"{echoing_model}/{status}")
    carol = (await newcomer("carol")).on(server.url)
    body = {"message": canary("message"), "session_id": chat_id, "training_data": canary("training")}
    answers = [await carol.call("POST", "/api/chat/", body)]
    forms = [{"Accept": "text/plain"}, {"Accept": "text/event-stream"}]
    answers += [await carol.call("POST", "/api/chat/stream/", body, headers=form) for form in forms]
    assert answers[0].status_code >= 400
    replies = [row for row in await carol.history(chat_id) if row["role"] == "assistant"]
    assert replies
    assert finds(*map(answer_of, answers), json.dumps(replies), server.log.read_text()) == []


async def test_what_the_database_refuses_is_not_quoted(
    either_server: Server, newcomer: NewActor, owner_sql: Owner, chat_id: str
) -> None:
    carol = (await newcomer("carol")).on(either_server.url)
    word = canary("message")
    for table in ("messages", "training_data"):
        await owner_sql.execute(
            f"alter table {table} add constraint canary check (content not like '%{word}%')".encode()
        )
    try:
        answers = [
            await carol.call("POST", "/api/chat/", {"message": word, "session_id": chat_id}),
            await carol.call("POST", "/api/chat/", {"message": "x", "session_id": chat_id, "training_data": word}),
            await carol.call("POST", "/api/chat/training-data/", {"content": word, "session_id": chat_id}),
        ]
    finally:
        for table in ("messages", "training_data"):
            await owner_sql.execute(f"alter table {table} drop constraint canary".encode())
    # The local Data API says the same of this as of a database that is away.
    assert {answer.status_code for answer in answers} <= {500, 503}
    assert finds(*map(answer_of, answers), either_server.log.read_text()) == []


async def test_what_nobody_foresaw_tells_the_client_nothing_and_the_log_no_content(
    new_server: NewServer, newcomer: NewActor, tmp_path: Path
) -> None:
    """A server whose own database has no tables."""
    server = await new_server(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    carol = (await newcomer("carol")).on(server.url)
    title, password = canary("title"), canary("password")
    answers = [
        await carol.call("PATCH", f"/api/chat/sessions/{canary('session')}/", {"title": title}),
        await carol.call("PATCH", "/api/auth/profile/", {"default_session_id": canary("session")}),
        await carol.call("GET", "/api/auth/export/"),
        await carol.call("DELETE", "/api/auth/account/", {"password": password}),
    ]
    assert [answer.status_code for answer in answers] == [500, 500, 500, 400]
    assert "Traceback" in server.log.read_text()
    assert finds(*map(answer_of, answers), server.log.read_text()) == []


async def test_refused_tokens_and_passwords_are_not_repeated(
    new_server: NewServer, newcomer: NewActor, anon: Actor
) -> None:
    server = await new_server()
    carol, anon = (await newcomer("carol")).on(server.url), anon.on(server.url)
    head, claims, _ = str(carol.token).split(".")
    answers = []
    for token in (canary("token"), f"{head}.{claims}.{canary('signature')}", f"{head}.{canary('claims')}.x"):
        authorised = {"Authorization": f"Bearer {token}", "apikey": token, "Cookie": f"token={token}"}
        answers.append(await anon.call("GET", f"/api/chat/sessions/?access_token={token}", headers=authorised))
        answers.append(await anon.call("POST", "/api/auth/refresh/", {"refresh_token": token}))
        confirm = {"token_hash": token, "new_password": canary("password")}
        answers.append(await anon.call("POST", "/api/auth/password-reset/confirm/", confirm))
    for email in (carol.email, fresh_address("nobody"), "not an address"):
        body = {"email": email, "password": canary("password")}
        answers.append(await anon.call("POST", "/api/auth/login/", body))
    change = {"current_password": canary("password"), "new_password": canary("password")}
    answers.append(await carol.call("POST", "/api/auth/change-password/", change))
    long = {"email": carol.email, "password": canary("password") * 10}
    answers.append(await anon.call("POST", "/api/auth/signup/", long))
    assert {answer.status_code for answer in answers} <= {400, 401}
    assert finds(*map(answer_of, answers), server.log.read_text()) == []


@pytest.mark.parametrize("body", [b'{"message": "%s', b'["%s"]', b'"%s"', b"%s", b'{"message": ["%s"], "model": "%s"}'])
async def test_a_body_that_cannot_be_used_is_not_repeated(postgres_server: Server, alice: Actor, body: bytes) -> None:
    sent = body.replace(b"%s", canary("message").encode())
    for path in ("/api/chat/", "/api/chat/stream/", "/api/chat/training-data/"):
        answer = await alice.call("POST", path, content=sent, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert finds(answer_of(answer)) == []
    assert finds(postgres_server.log.read_text()) == []


# What everybody can read


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/", "/healthz", "/readyz", "/api/models/"])
async def test_what_is_open_to_everybody_has_no_secret(anon: Actor, alice: Actor, path: str) -> None:
    await alice.say(f"A message with {canary('message')} in it", f"chat-{uuid.uuid4()}")
    answer = await anon.call("GET", path)
    assert answer.status_code == 200
    assert finds(answer_of(answer)) == []


def test_the_front_ends_bundle_has_no_secret(environment: dict[str, Any]) -> None:
    folder = Path(os.environ.get("WEB_APP_DIR") or CHECKOUT / "frontend" / "dist")
    files = [path for path in folder.rglob("*") if path.suffix in {".html", ".js", ".css", ".json", ".svg", ".txt"}]
    assert len(files) > 5, "There is no built web app: run `make web`."
    text = "\n".join(path.read_text() for path in files)
    assert finds(text) == []
    # Not even those that it could have been built with.
    assert not [word for word in ("sb_secret_", "gsk_", "service_role", "BEGIN PRIVATE KEY") if word in text]
    assert environment["SUPABASE_KEY"] not in text
