"""/metrics: what happened is counted, under labels of which there are few."""

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from local_stack.groq_stand_in import StandIn
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.metrics import TOKEN, scrape, settled
from tests.processes import Server

MODEL = "openai/gpt-oss-120b"
CHAT = "api/chat/"
HISTORY = "api/chat/conversation/<str:session_id>/"


@pytest.fixture
async def server(new_server: NewServer) -> Server:
    return await new_server(METRICS_TOKEN=TOKEN, CHECKPOINT_SECONDS="0.05")


@pytest.fixture
async def carol(server: Server, newcomer: NewActor) -> Actor:
    return (await newcomer("carol")).on(server.url)


async def test_a_reply_is_counted_timed_and_priced(server: Server, carol: Actor, chat_id: str) -> None:
    answer = await carol.say(script(tokens=30, tokens_per_second=100), chat_id)
    found = await settled(server, "requests_total", 1, route=CHAT, method="POST", status=200)
    assert found.value("request_seconds_count", route=CHAT, method="POST") == 1
    assert found.value("request_seconds_sum", route=CHAT) >= 0.2
    assert found.value("first_token_seconds_count", model=MODEL) == 1
    assert found.value("replies_total", outcome="complete", error="none") == 1
    assert found.value("tokens_total", model=MODEL, kind="prompt") == answer["usage"]["prompt_tokens"]
    assert found.value("tokens_total", model=MODEL, kind="completion") == answer["usage"]["completion_tokens"]
    assert found.value("checkpoint_seconds_count") >= 1
    assert found.value("checkpoint_lag_seconds_count") == found.value("checkpoint_seconds_count")
    assert found.value("finish_seconds_count") == 1
    assert found.value("token_checks_total", result="verified") == 1
    assert found.value("replies_running") == found.value("breaker_open") == found.value("cache_away") == 0


async def test_a_running_reply_is_counted_as_long_as_it_runs(
    server: Server, carol: Actor, model: StandIn, chat_id: str
) -> None:
    body = {"message": script(tokens=4, after=2, hold=chat_id), "session_id": chat_id}
    sending = asyncio.create_task(carol.call("POST", "/api/chat/", body))
    await model.reached(chat_id, 1)
    assert (await scrape(server.url)).value("replies_running") == 1
    model.release(chat_id)
    await sending
    await settled(server, "replies_running", 0)


async def test_what_the_model_refuses_is_counted_by_our_own_codes(server: Server, carol: Actor, chat_id: str) -> None:
    for status in (401, 429, 500):
        await carol.call("POST", "/api/chat/", {"message": script(status=status), "session_id": chat_id})
    found = await settled(server, "replies_total", 3)
    assert found.value("upstream_errors_total", code="model_misconfigured") == 1
    assert found.value("upstream_errors_total", code="busy") == 1
    # Asked once more.
    assert found.value("upstream_errors_total", code="model_unavailable") == 2
    assert found.value("replies_total", outcome="error", error="model_misconfigured") == 1
    assert found.value("first_token_seconds_count") == 0


async def test_a_breaker_that_opened_shows(server: Server, carol: Actor, chat_id: str) -> None:
    for _ in range(5):
        await carol.call("POST", "/api/chat/", {"message": script(status=500), "session_id": chat_id})
    assert (await scrape(server.url)).value("breaker_open") == 1


async def test_limits_and_tokens_are_counted_by_how_it_went(
    new_server: NewServer, newcomer: NewActor, anon: Actor, chat_id: str
) -> None:
    limits = {"LIMIT_MESSAGES_PER_PERSON": "1/36000", "LIMIT_LOGIN_PER_ADDRESS": "1/36000"}
    server = await new_server(METRICS_TOKEN=TOKEN, **limits)
    carol = (await newcomer("carol")).on(server.url)
    await carol.say("Hello", chat_id)
    for _ in range(2):
        await carol.call("POST", "/api/chat/", {"message": "Again", "session_id": chat_id})
    for _ in range(2):
        sign_in = {"email": carol.email, "password": "not the password"}
        await anon.on(server.url).call("POST", "/api/auth/login/", sign_in)
    await anon.on(server.url).call("GET", "/api/chat/sessions/", headers={"Authorization": "Bearer rubbish"})
    found = await settled(server, "requests_total", 1, route="api/chat/sessions/", status=401)
    assert found.value("limits_reached_total", limit="LIMIT_MESSAGES_PER_PERSON") == 2
    assert found.value("limits_reached_total", limit="LIMIT_LOGIN_PER_ADDRESS") == 1
    assert found.value("token_checks_total", result="verified") == 1
    assert found.value("token_checks_total", result="remembered") == 2
    assert found.value("token_checks_total", result="refused") == 1
    assert found.value("requests_total", route=CHAT, status=429) == 2


async def test_the_pool_tells_its_size_and_what_was_asked_of_it(
    new_server: NewServer, newcomer: NewActor, chat_id: str
) -> None:
    server = await new_server(METRICS_TOKEN=TOKEN, SUPABASE_DB_POOL_SIZE="1")
    carol = (await newcomer("carol")).on(server.url)
    await asyncio.gather(*(carol.call("GET", f"/api/chat/conversation/{chat_id}/") for _ in range(30)))
    found = await scrape(server.url)
    assert found.value("pool_size") == 1
    assert found.value("pool_calls_total") >= 30
    assert found.value("pool_waits_total") >= 1
    assert found.value("pool_wait_seconds_total") > 0
    assert found.value("pool_errors_total") == 0


async def test_over_the_data_api_there_is_no_pool_to_tell_of(
    data_api_environment: Mapping[str, str], tmp_path: Path
) -> None:
    server = Server({**data_api_environment, "METRICS_TOKEN": TOKEN}, tmp_path / "server.log")
    await server.start()
    try:
        assert (await scrape(server.url)).value("pool_size") == 0
    finally:
        await server.stop()


async def test_nothing_that_a_client_makes_up_becomes_a_label(server: Server, carol: Actor) -> None:
    async def be_inventive(name: str) -> None:
        await carol.say("Hello", name)
        await carol.call("GET", f"/api/chat/conversation/{name}/")
        await carol.call("GET", f"/api/chat/conversation/{name}/", headers={"Authorization": f"Bearer {name}"})
        await carol.call("GET", f"/{name}/{name}")
        await carol.call("PROPFIND", f"/api/chat/conversation/{name}/")
        await carol.call("POST", "/api/chat/", {"message": "x", "session_id": name, "model": name})
        await carol.call("GET", f"/static/{name}.js")
        await carol.call("GET", "/api/models/", headers={"Host": f"{name}.example.com", "X-Request-ID": name})
        await carol.call("GET", "/api/models/", headers={"X-Request-ID": name})

    first, second = (f"invented-{uuid.uuid4().hex}" for _ in range(2))
    await be_inventive(first)
    before = await settled(server, "requests_total", 1, route="api/models/")
    await be_inventive(second)
    after = await settled(server, "requests_total", 2, route="api/models/")
    # The scrape itself was counted in between, and a token is remembered the second time.
    news = {key for key in after.values.keys() - before.values.keys() if ("route", "metrics") not in key[1]}
    assert {name for name, _ in news} <= {"safycore_token_checks_total"}
    assert not [value for _, labels in after.values for _, value in labels if "invented" in value]
    assert {"GET", "POST", "other"} >= after.labels("method") >= {"GET", "POST"}
    assert {HISTORY, "other", "api/models/"} <= after.labels("route")


async def test_a_client_that_leaves_is_counted_by_the_answer_that_had_begun(
    server: Server, carol: Actor, model: StandIn, chat_id: str
) -> None:
    body = {"message": script(tokens=4, after=2, hold=chat_id), "session_id": chat_id}
    async with carol.http.stream("POST", "/api/chat/stream/", json=body) as answer:
        assert answer.status_code == 200
        await model.reached(chat_id, 1)
    await settled(server, "requests_total", 1, route="api/chat/stream/", status=200)
    waiting = asyncio.create_task(carol.call("POST", "/api/chat/", {**body, "session_id": f"{chat_id}-other"}))
    await model.reached(chat_id, 2)
    waiting.cancel()
    await settled(server, "requests_total", 1, route=CHAT, status=499)
    model.release(chat_id)
    await settled(server, "replies_total", 2, outcome="complete")
