"""What every answer tells a browser: every address, good or refused, over TLS, streamed, redirected or too large."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.answers import refused
from tests.api.accounts import Mailbox, fresh_address
from tests.api.test_bad_input import raw
from tests.api.test_isolation_http import METHODS, OPEN, routes
from tests.cast import PASSWORD, Actor, sign_up
from tests.processes import CHECKOUT, Server

ORIGIN = "https://chat.example.com"
POLICY = "default-src 'none'; frame-ancestors 'none'"
ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}
# Whatever asks them asks as it likes: any method, any host.
HEALTH_CHECKS = {"/healthz", "/readyz"}
CALLS = sorted(
    (method, path)
    for path, view in routes()
    if path != "/metrics"  # for nobody's browser: test_metrics_token.py
    for method in METHODS
    if (hasattr(view, method.lower()) if view else method == "GET")
)
CHAT = "/api/chat/conversation/some-session"
TEXT = "/api/chat/training-data/00000000-0000-0000-0000-000000000001/"
MESSAGE = {"message": "Hello", "session_id": "some-session"}
# What makes each call succeed: its body and query. Those that end a session or an account stand last.
GOOD: dict[tuple[str, str], tuple[Any, str]] = {
    ("GET", "/api/auth/export/"): (None, ""),
    ("GET", "/healthz"): (None, ""),
    ("GET", "/readyz"): (None, ""),
    ("GET", "/api/models/"): (None, ""),
    ("GET", "/api/schema/"): (None, ""),
    ("GET", "/api/docs/"): (None, ""),
    ("POST", "/api/chat/"): (MESSAGE, ""),
    ("POST", "/api/chat/stream/"): (MESSAGE, ""),
    ("GET", f"{CHAT}/"): (None, ""),
    ("GET", f"{CHAT}/stream/"): (None, ""),
    ("POST", f"{CHAT}/regenerate/"): ({}, ""),
    ("POST", f"{CHAT}/stop/"): (None, ""),
    ("GET", "/api/chat/sessions/"): (None, ""),
    ("PATCH", "/api/chat/sessions/some-session/"): ({"title": "New"}, ""),
    ("GET", "/api/chat/training-data/"): (None, "?session_id=some-session"),
    ("POST", "/api/chat/training-data/"): ({"session_id": "some-session", "content": "a fact"}, ""),
    ("DELETE", TEXT): (None, ""),
    ("DELETE", "/api/chat/sessions/some-session/"): (None, ""),
    ("DELETE", f"{CHAT}/clear/"): (None, ""),
    ("GET", "/api/auth/profile/"): (None, ""),
    ("PATCH", "/api/auth/profile/"): ({"default_session_id": "some-session"}, ""),
    ("POST", "/api/auth/signup/"): ({"email": "{new}", "password": PASSWORD}, ""),
    ("POST", "/api/auth/login/"): ({"email": "{email}", "password": PASSWORD}, ""),
    ("POST", "/api/auth/refresh/"): ({"refresh_token": "{refresh}"}, ""),
    ("POST", "/api/auth/change-password/"): ({"current_password": PASSWORD, "new_password": PASSWORD + "!"}, ""),
    ("DELETE", "/api/auth/account/"): ({"password": PASSWORD + "!"}, ""),
    ("POST", "/api/auth/password-reset/"): ({"email": "{email}"}, ""),
    ("POST", "/api/auth/password-reset/confirm/"): ({"token_hash": "{link}", "new_password": PASSWORD + "?"}, ""),
    ("POST", "/api/auth/logout/"): (None, ""),
}


def assert_headers(response: httpx.Response, policy: str = POLICY) -> None:
    name = f"{response.request.method} {response.request.url.path} {response.status_code}"
    assert {header: response.headers.get(header) for header in ALWAYS} == ALWAYS, name
    assert response.headers["content-security-policy"] == policy, name
    assert "camera=()" in response.headers["permissions-policy"], name
    for header in (*ALWAYS, "content-security-policy", "permissions-policy"):
        assert len(response.headers.get_list(header)) == 1, f"{name}: {header} twice"


@pytest.fixture(scope="module")
async def site(environment: Mapping[str, str], home: Path) -> AsyncIterator[Server]:
    """A server as it is deployed: people come over TLS, by a proxy."""
    settings = {**environment, "BEHIND_PROXY": "true", "TRUSTED_PROXIES": "1", "CORS_ALLOWED_ORIGINS": ORIGIN}
    server = Server(settings, home / "headers.log", site_url="https://chat.example.org")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def person(site: Server, postgres_server: Server) -> AsyncIterator[Actor]:
    actor = (await sign_up(postgres_server.url, "headers")).on(site.url)
    actor.http.headers["X-Forwarded-Proto"] = "https"
    yield actor
    await actor.close()


@pytest.fixture(scope="module")
async def nobody(site: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=site.url, headers={"X-Forwarded-Proto": "https"}, verify=False, timeout=20
    ) as client:
        yield client


# Every address


def test_there_is_a_good_call_for_every_address_and_method() -> None:
    assert sorted(GOOD) == CALLS


async def test_every_good_answer_has_them(postgres_server: Server, site: Server, mailbox: Mailbox) -> None:
    user = await sign_up(postgres_server.url, "good")
    leaving = await sign_up(postgres_server.url, "leaving")
    for actor in (user, leaving):
        actor.http.base_url = httpx.URL(site.url)
        actor.http.headers["X-Forwarded-Proto"] = "https"
    known = {"new": fresh_address("new"), "email": user.email, "refresh": leaving.refresh_token}
    for (method, path), (body, query) in GOOD.items():
        ends = path in {"/api/auth/change-password/", "/api/auth/account/"}
        if path.endswith("/confirm/"):
            known["link"] = mailbox.token_hash(user.email)
        if path.endswith("/logout/"):
            await _sign_in_again(user, PASSWORD + "?")
        response = await (leaving if ends else user).call(
            method, await _existing(user, path) + query, _with(body, known)
        )
        assert response.status_code in {200, 201, 204}, f"{method} {path}: {response.text}"
        if path != "/api/docs/":
            assert_headers(response)
    await user.close()
    await leaving.close()


async def _sign_in_again(actor: Actor, password: str) -> None:
    response = await actor.call("POST", "/api/auth/login/", {"email": actor.email, "password": password})
    actor.http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"


async def _existing(user: Actor, path: str) -> str:
    """The address of something that is there, where the path names a thing that cannot be chosen."""
    if path == "/api/chat/sessions/some-session/":
        await user.call("POST", "/api/chat/", MESSAGE)
    if path != TEXT:
        return path
    texts = (await user.call("GET", "/api/chat/training-data/?session_id=some-session")).json()["training_data"]
    return f"/api/chat/training-data/{texts[0]['id']}/"


def _with(body: Any, known: Mapping[str, str | None]) -> Any:
    return body and {name: known[value[1:-1]] if value[:1] == "{" else value for name, value in body.items()}


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[1] not in OPEN])
async def test_every_401_has_them(nobody: httpx.AsyncClient, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Origin": ORIGIN}):
        response = await nobody.request(method, path, headers=headers)
        refused(response, 401, "not_authenticated")
        assert_headers(response)


@pytest.mark.parametrize("path", sorted({path for _, path in CALLS}))
async def test_every_404_405_and_400_has_them(nobody: httpx.AsyncClient, person: Actor, path: str) -> None:
    missing = await person.call("GET", f"{path.rstrip('/')}/nothing/here")
    refused(missing, 404, "not_found")
    assert_headers(missing)
    forged = await person.call("GET", path, headers={"Host": "evil.example.com"})
    assert forged.status_code == (200 if path in HEALTH_CHECKS else 400)
    assert_headers(forged)
    for client in (nobody, person.http):
        wrong = await client.request("TRACE", path)
        assert wrong.status_code == (200 if path in HEALTH_CHECKS else 405)
        if path not in HEALTH_CHECKS:
            refused(wrong, 405, "method_not_allowed")
        assert_headers(wrong)


@pytest.mark.parametrize(("method", "path"), [call for call, (body, _) in GOOD.items() if body])
async def test_every_refused_body_has_them(person: Actor, method: str, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    for content, status in ((b"{", 400), (b"[]", 400)):
        response = await person.call(method, path, content=content, headers=headers)
        refused(response, status)
        assert_headers(response)
    other = await person.call(method, path, content=b"x", headers={"Content-Type": "text/plain"})
    refused(other, 415)
    assert_headers(other)


async def test_a_body_that_is_too_large_has_them(site: Server) -> None:
    head = "POST /api/chat/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nContent-Length: 1000001\r\n\r\n"
    response = await raw(site, head.encode())
    response.request = httpx.Request("POST", site.url)
    refused(response, 413, "too_large")
    assert_headers(response)


async def test_static_files_have_them_whether_there_or_not(nobody: httpx.AsyncClient) -> None:
    sheet = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css"
    for path, status in ((sheet, 200), ("/static/nothing.css", 404), ("/static/", 404)):
        response = await nobody.get(path, headers={"Origin": "https://evil.example.com"})
        assert response.status_code == status
        assert_headers(response)
        assert "access-control-allow-origin" not in response.headers


async def test_events_have_them_before_the_first_one(person: Actor, chat_id: str) -> None:
    body = {"message": "Hello", "session_id": chat_id}
    headers = {"Accept": "text/event-stream"}
    async with person.http.stream("POST", "/api/chat/stream/", json=body, headers=headers) as response:
        assert response.status_code == 200
        assert_headers(response)


async def test_the_reference_page_has_a_policy_of_its_own_without_inline_anything(nobody: httpx.AsyncClient) -> None:
    response = await nobody.get("/api/docs/")
    policy = response.headers["content-security-policy"]
    assert_headers(response, policy)
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "<style" not in response.text
    assert "<script>" not in response.text


# TLS


async def test_plain_http_is_redirected_and_told_nothing_of_tls(site: Server, person: Actor) -> None:
    async with httpx.AsyncClient(base_url=site.url) as plain:
        for path in ("/api/models/", "/api/chat/sessions/", "/api/docs/", "/nothing"):
            response = await plain.get(path, headers={"Authorization": f"Bearer {person.token}"})
            assert response.status_code == 301
            assert response.headers["location"] == f"https://127.0.0.1:{site.port}{path}"
            assert "strict-transport-security" not in response.headers
            assert response.headers["content-security-policy"] == POLICY


async def test_what_a_client_says_of_tls_counts_only_behind_a_proxy(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    server = Server(environment, tmp_path / "server.log", site_url="https://chat.example.org")
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url) as client:
            response = await client.get("/api/models/", headers={"X-Forwarded-Proto": "https"})
            assert response.status_code == 301
            assert "strict-transport-security" not in response.headers
    finally:
        await server.stop()


async def test_without_tls_no_browser_is_told_to_insist_on_it(anon: Actor) -> None:
    response = await anon.call("GET", "/api/models/", headers={"X-Forwarded-Proto": "https"})
    assert response.status_code == 200
    assert "strict-transport-security" not in response.headers


# Other origins


async def test_a_listed_origin_may_read_without_credentials(nobody: httpx.AsyncClient) -> None:
    for path in ("/api/models/", "/api/chat/sessions/", "/api/nothing/"):
        response = await nobody.get(path, headers={"Origin": ORIGIN})
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "origin" in response.headers["vary"].lower()
        assert "access-control-allow-credentials" not in response.headers
    preflight = await _preflight(nobody, ORIGIN)
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers
    assert_headers(preflight)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "https://chat.example.com.evil.org",
        "https://evilchat.example.com",
        "https://sub.chat.example.com",
        "https://example.com",
        "http://chat.example.com",
        "https://chat.example.com:8443",
        "https://chat.example.com:443",
        "https://chat.example.com/",
        "https://chat.example.com@evil.org",
        "https://chat.example.com\\.evil.org",
        "https://CHAT.example.com.",
        "https://chat.example.co",
        "https://chat-example.com",
        "null",
        "*",
        "file://",
        "",
        "https://chat.example.com, https://evil.example.com",
    ],
)
async def test_no_other_origin_may_read(nobody: httpx.AsyncClient, person: Actor, origin: str) -> None:
    for response in (
        await nobody.get("/api/models/", headers={"Origin": origin}),
        await person.call("GET", "/api/chat/sessions/", headers={"Origin": origin}),
        await nobody.get("/api/nothing/", headers={"Origin": origin}),
        await _preflight(nobody, origin),
    ):
        told = [header for header in response.headers if header.startswith("access-control-allow")]
        assert told == []


async def test_without_a_list_no_origin_may_read(anon: Actor) -> None:
    for origin in (ORIGIN, "null", anon.base_url):
        response = await anon.call("GET", "/api/models/", headers={"Origin": origin})
        assert "access-control-allow-origin" not in response.headers


async def _preflight(client: httpx.AsyncClient, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return await client.options("/api/chat/", headers={"Origin": origin, **asked})


# What a deployment is asked


PRODUCTION = {
    "PATH": os.environ["PATH"],
    "DJANGO_SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-only-for-tests",
    "SUPABASE_URL": "https://abcdefgh.supabase.co",
    "SUPABASE_KEY": "sb_publishable_for_tests",
    "GROQ_API_KEY": "for-tests",
    "SITE_URL": ORIGIN,
    "BEHIND_PROXY": "true",
    "TRUSTED_PROXIES": "1",
    "DEBUG": "false",
}


async def deploy_check(**changes: str) -> tuple[int, str]:
    """The exit code and the words of `manage.py check --deploy`, with production settings and these changes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        cwd=CHECKOUT,
        env={**PRODUCTION, **changes},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    words, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, words.decode()


async def test_djangos_own_check_of_a_deployment_finds_nothing() -> None:
    code, words = await deploy_check()
    assert code == 0, words


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"SITE_URL": "http://chat.example.com"}, "safycore.W001"),
        ({"SITE_URL": "http://127.0.0.1:8000", "DEBUG": "true"}, "security.W018"),
        ({"DJANGO_SECRET_KEY": "a" * 64}, "security.W009"),
    ],
)
async def test_it_finds_what_is_not_fit_for_a_deployment(changes: dict[str, str], sign: str) -> None:
    code, words = await deploy_check(**changes)
    assert code != 0
    assert sign in words


@pytest.mark.parametrize("site_url", ["https://chat.example.com", "http://192.0.2.7", "http://127.0.0.1.example.com"])
async def test_debug_is_refused_where_other_people_can_come(site_url: str) -> None:
    code, words = await deploy_check(DEBUG="true", SITE_URL=site_url)
    assert code != 0
    assert "DEBUG shows internals" in words


async def test_a_proxy_whose_word_on_addresses_is_not_taken_is_refused() -> None:
    """Everybody would be counted as the proxy."""
    code, words = await deploy_check(TRUSTED_PROXIES="0")
    assert code != 0
    assert "set TRUSTED_PROXIES to how many proxies" in words


@pytest.mark.parametrize(
    "site_url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:1", "http://127.9.9.9"]
)
async def test_debug_may_be_on_where_nobody_else_can_come(site_url: str) -> None:
    _, words = await deploy_check(DEBUG="true", SITE_URL=site_url)
    assert "DEBUG shows internals" not in words
