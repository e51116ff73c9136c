"""/metrics is for whoever has its token: not for people, not by chance, and not at all where none is set."""

import pytest

from tests.answers import refused
from tests.cast import Actor
from tests.conftest import NewServer
from tests.metrics import TOKEN, scrape
from tests.processes import Server
from tests.security.test_routes import MAY_DIFFER

WRONG = [
    *("", "Bearer", f"bearer{TOKEN}", f"Basic {TOKEN}", TOKEN, f"Token {TOKEN}"),
    *(f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer {TOKEN.upper()}", f"Bearer  {TOKEN}", f"Bearer {TOKEN} x"),
    *(f"Bearer {TOKEN}, Bearer {TOKEN}", "Bearer null", "Bearer undefined", "Bearer None", f"Bearer {'x' * 7000}"),
    *("Bearer \u00ff\u00fe", "Bearer %00", f'Bearer "{TOKEN}"'),
]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.fixture(scope="module")
async def server(module_server: NewServer) -> Server:
    return await module_server(METRICS_TOKEN=TOKEN)


async def test_every_other_token_gets_the_one_refusal(server: Server, anon: Actor, alice: Actor) -> None:
    answers = set()
    for wrong in [*WRONG, f"Bearer {alice.token}", f"Bearer {alice.refresh_token}"]:
        headers = {"X-Request-ID": "the-same-id", "Authorization": wrong.encode("latin-1")}
        response = await anon.on(server.url).call("GET", "/metrics", headers=headers)
        refused(response, 401, "not_authenticated")
        told = sorted((name, value) for name, value in response.headers.items() if name not in MAY_DIFFER)
        answers.add((response.content, tuple(told)))
    assert len(answers) == 1, answers


@pytest.mark.parametrize("method", METHODS)
async def test_no_method_is_a_way_around_it(server: Server, anon: Actor, method: str) -> None:
    assert (await anon.on(server.url).call(method, "/metrics")).status_code == 401
    allowed = await anon.on(server.url).call(method, "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert allowed.status_code == (200 if method in {"GET", "HEAD"} else 405)


async def test_neither_an_address_nor_a_cookie_nor_a_body_carries_the_token(server: Server, anon: Actor) -> None:
    anon = anon.on(server.url)
    for path in (
        f"/metrics?token={TOKEN}",
        f"/metrics?access_token={TOKEN}",
        f"/metrics?authorization=Bearer%20{TOKEN}",
    ):
        refused(await anon.call("GET", path), 401, "not_authenticated")
    carried = [
        await anon.call("GET", "/metrics", headers={"Cookie": f"token={TOKEN}"}),
        await anon.call("GET", "/metrics", {"token": TOKEN}),
        await anon.call("GET", "/metrics", headers={"X-Authorization": f"Bearer {TOKEN}"}),
    ]
    assert [answer.status_code for answer in carried] == [401, 401, 401]


async def test_the_token_opens_nothing_else(server: Server, anon: Actor) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/api/chat/sessions/", "/api/auth/profile/", "/api/auth/export/"):
        refused(await anon.on(server.url).call("GET", path, headers=headers), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["/metrics/", "/metrics/x", "/Metrics", "//metrics", "/metrics%00", "/metrics.txt"])
async def test_there_is_one_address_and_no_other(server: Server, anon: Actor, path: str) -> None:
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
        response = await anon.on(server.url).call("GET", path, headers=headers)
        assert response.status_code in {400, 404}
        assert "safycore_" not in response.text


async def test_without_a_token_in_the_settings_there_is_nothing(postgres_server: Server, anon: Actor) -> None:
    for wrong in [*WRONG, f"Bearer {TOKEN}"]:
        headers = {"Authorization": wrong.encode("latin-1")}
        refused(await anon.on(postgres_server.url).call("GET", "/metrics", headers=headers), 404, "not_found")
    nowhere = await anon.on(postgres_server.url).call("GET", "/nowhere", headers={"X-Request-ID": "the-same-id"})
    metrics = await anon.on(postgres_server.url).call("GET", "/metrics", headers={"X-Request-ID": "the-same-id"})
    assert metrics.content == nowhere.content


async def test_a_refused_token_is_told_in_the_security_log_without_it(new_server: NewServer, anon: Actor) -> None:
    # Of its own: after many refusals the log only counts them.
    server = await new_server(METRICS_TOKEN=TOKEN)
    guess = "a-guess-that-stands-in-no-log-0123456789"
    await anon.on(server.url).call("GET", "/metrics", headers={"Authorization": f"Bearer {guess}"})
    log = server.log.read_text()
    assert '"reason": "MetricsToken"' in log
    assert guess not in log


async def test_what_it_says_names_nobody(server: Server, alice: Actor, anon: Actor, chat_id: str) -> None:
    alice = alice.on(server.url)
    message = f"a message for {chat_id}"
    await alice.say(message, chat_id)
    await scrape(server.url)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    text = (await anon.on(server.url).call("GET", "/metrics", headers=headers)).text
    assert "safycore_requests_total" in text
    for private in (alice.id, alice.email, chat_id, message, str(alice.token), TOKEN, "127.0.0.1"):
        assert private not in text
