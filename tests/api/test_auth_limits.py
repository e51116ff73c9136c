"""How often the doors may be tried, through the server."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web

from tests.answers import refused
from tests.api.accounts import Mailbox, assert_not_authenticated, fresh_address, get_profile, log_in, post
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer

WRONG = "not the password"
NO_ID = "00000000-0000-4000-8000-000000000000"


async def attempts(url: str, door: str, bodies: list[dict[str, Any]], *headers: dict[str, str]) -> list[httpx.Response]:
    given = headers or ({},) * len(bodies)
    return await asyncio.gather(
        *(post(url, door, body, headers=each) for body, each in zip(bodies, given, strict=True))
    )


def outcomes(responses: list[httpx.Response]) -> dict[int, int]:
    """How many answers there were of each status; those of 429 must say when to come back."""
    for response in responses:
        if response.status_code == 429:
            refused(response, 429, "too_many_requests")
            assert 1 <= int(response.headers["Retry-After"]) <= 36_000
    codes = [response.status_code for response in responses]
    return {code: codes.count(code) for code in set(codes)}


async def test_one_address_has_so_many_tries_whatever_it_says_of_itself(new_server: NewServer) -> None:
    server = await new_server(
        LIMIT_LOGIN_PER_ADDRESS="3/36000", LIMIT_SIGNUP_PER_ADDRESS="2/36000", LIMIT_REFRESH_PER_ADDRESS="4/36000"
    )
    forged = [
        {"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"}
        for n in range(8)
    ]
    bodies = [{"email": fresh_address("carol"), "password": WRONG} for _ in range(8)]
    assert outcomes(await attempts(server.url, "login", bodies, *forged)) == {401: 3, 429: 5}
    # A reset is one more try at the same door.
    assert (await post(server.url, "password-reset", {"email": fresh_address("carol")})).status_code == 429
    confirm = {"token_hash": "0" * 64, "new_password": PASSWORD}
    assert (await post(server.url, "password-reset/confirm", confirm)).status_code == 429
    assert outcomes(await attempts(server.url, "signup", bodies, *forged)) == {201: 2, 429: 6}
    bodies = [{"refresh_token": "rubbish"} for _ in range(8)]
    assert outcomes(await attempts(server.url, "refresh", bodies, *forged)) == {401: 4, 429: 4}


async def test_behind_a_trusted_proxy_its_word_counts_and_nobody_elses(new_server: NewServer) -> None:
    server = await new_server(LIMIT_LOGIN_PER_ADDRESS="3/36000", TRUSTED_PROXIES="1")
    bodies = [{"email": fresh_address("carol"), "password": WRONG} for _ in range(8)]
    apart = [{"X-Forwarded-For": f"forged, 198.51.100.{n}"} for n in range(8)]
    assert outcomes(await attempts(server.url, "login", bodies, *apart)) == {401: 8}
    alike = [{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"} for n in range(8)]
    assert outcomes(await attempts(server.url, "login", bodies, *alike)) == {401: 3, 429: 5}


async def test_one_account_has_so_many_tries_from_everywhere(
    new_server: NewServer, newcomer: NewActor, mailbox: Mailbox
) -> None:
    server = await new_server(TRUSTED_PROXIES="1", LIMIT_LOGIN_PER_ACCOUNT="3/36000", LIMIT_MAIL_PER_ACCOUNT="1/36000")
    carol, nobody = await newcomer("carol"), fresh_address("nobody")
    everywhere = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(6)]
    for email in (carol.email, nobody):
        spellings = [{"email": email.upper() if n % 2 else email, "password": WRONG} for n in range(6)]
        assert outcomes(await attempts(server.url, "login", spellings, *everywhere)) == {401: 3, 429: 3}
        asked = [{"email": email.upper() if n % 2 else email} for n in range(6)]
        assert outcomes(await attempts(server.url, "password-reset", asked, *everywhere)) == {200: 1, 429: 5}
    assert len(mailbox.to(carol.email)) == 1


async def test_guessing_a_password_with_a_stolen_token_is_limited(new_server: NewServer, newcomer: NewActor) -> None:
    carol = await newcomer("carol")
    server = await new_server(LIMIT_LOGIN_PER_ACCOUNT="4/36000")
    there: Actor = carol.on(server.url)
    guess = {"current_password": WRONG, "new_password": "the thief's password", "password": WRONG}
    responses = [await there.call("POST", "/api/auth/change-password/", guess) for _ in range(3)]
    responses += [await there.call("DELETE", "/api/auth/account/", guess) for _ in range(3)]
    assert outcomes(responses) == {400: 4, 429: 2}


async def test_one_address_cannot_be_signed_up_again_and_again(new_server: NewServer) -> None:
    server = await new_server(TRUSTED_PROXIES="1", LIMIT_SIGNUP_PER_ACCOUNT="3/36000")
    everywhere = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(8)]
    email = fresh_address("carol")
    bodies = [{"email": email.upper() if n % 2 else email, "password": PASSWORD} for n in range(8)]
    assert outcomes(await attempts(server.url, "signup", bodies, *everywhere))[429] == 5


async def test_one_link_has_so_many_tries_from_everywhere(new_server: NewServer) -> None:
    server = await new_server(TRUSTED_PROXIES="1", LIMIT_LOGIN_PER_ACCOUNT="3/36000")
    everywhere = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(8)]
    bodies = [{"token_hash": "0" * 64, "new_password": PASSWORD}] * 8
    assert outcomes(await attempts(server.url, "password-reset/confirm", bodies, *everywhere)) == {400: 3, 429: 5}


async def test_one_account_has_so_many_renewals_and_loses_no_session_by_them(
    new_server: NewServer, newcomer: NewActor
) -> None:
    carol = await newcomer("carol")
    server = await new_server(LIMIT_REFRESH_PER_ACCOUNT="3/36000")
    token = carol.refresh_token
    for _ in range(3):
        renewed = await post(server.url, "refresh", {"refresh_token": token})
        assert renewed.status_code == 200, renewed.text
        token = renewed.json()["refresh_token"]
    assert outcomes(await attempts(server.url, "refresh", [{"refresh_token": token}] * 5)) == {429: 5}
    # The refused token was not used up.
    assert (await post(carol.base_url, "refresh", {"refresh_token": token})).status_code == 200


async def test_good_and_refused_answers_say_how_much_is_left(new_server: NewServer, alice: Actor) -> None:
    server = await new_server(LIMIT_LOGIN_PER_ADDRESS="3/36000")
    for left in (2, 1, 0):
        answer = await log_in(server.url, alice.email, WRONG if left else PASSWORD)
        assert answer.status_code == (401 if left else 200)
        assert answer.headers["RateLimit-Policy"] == '"login-per-address";q=3;w=36000'
        assert re.fullmatch(rf'"login-per-address";r={left};t=\d+', answer.headers["RateLimit"])
    answer = await log_in(server.url, alice.email)
    refused(answer, 429, "too_many_requests")
    assert answer.headers["RateLimit"] == f'"login-per-address";r=0;t={answer.headers["Retry-After"]}'


@pytest.mark.parametrize("accept", ["text/plain", "text/event-stream"])
async def test_a_stream_says_how_much_is_left_and_browsers_may_read_it(
    new_server: NewServer, alice: Actor, chat_id: str, accept: str
) -> None:
    origin = "https://chat.example.org"
    server = await new_server(LIMIT_MESSAGES_PER_PERSON="9/36000", CORS_ALLOWED_ORIGINS=origin)
    body = {"message": "Hello", "session_id": chat_id}
    headers = {"Accept": accept, "Origin": origin}
    answer = await alice.on(server.url).call("POST", "/api/chat/stream/", body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["RateLimit"].startswith('"messages-per-person";r=8;t=')
    assert '"tokens-per-person";r=' in answer.headers["RateLimit"]
    assert answer.headers["RateLimit-Policy"].startswith('"messages-per-person";q=9;w=36000, "tokens-per-person";q=')
    exposed = answer.headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed)


async def test_what_has_no_limit_says_nothing_of_one(alice: Actor) -> None:
    answer = await alice.call("GET", "/api/auth/profile/")
    assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)


CONFIRMED = {
    "id": "00000000-0000-4000-8000-000000000000",
    "aud": "authenticated",
    "created_at": "2026-01-01T00:00:00Z",
    "app_metadata": {},
    "user_metadata": {},
}


class Confirmer:
    """Supabase, as far as it confirms tokens: those of the set `good`, and it counts how often it is asked.

    While it is `failing` it answers nobody.
    """

    def __init__(self) -> None:
        self.url = ""
        self.good: set[str] = set()
        self.asked = 0
        self.failing = False

    @property
    def settings(self) -> dict[str, str]:
        """Of a server that was not given the secret of its project's tokens."""
        return {"SUPABASE_URL": self.url, "SUPABASE_JWT_SECRET": "", "SUPABASE_JWT_ISSUER": ""}

    async def user(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.failing:
            return web.json_response({"code": 500, "error_code": "unexpected_failure", "msg": "no"}, status=500)
        if request.headers["Authorization"].removeprefix("Bearer ") in self.good:
            return web.json_response(CONFIRMED)
        return web.json_response({"code": 403, "error_code": "bad_jwt", "msg": "no"}, status=403)


@pytest.fixture
async def confirmer() -> AsyncIterator[Confirmer]:
    served = Confirmer()
    app = web.Application()
    app.router.add_get("/auth/v1/user", served.user)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


async def test_nobody_makes_us_ask_supabase_about_tokens_without_limit(
    new_server: NewServer, confirmer: Confirmer, alice: Actor, bob: Actor
) -> None:
    server = await new_server(LIMIT_TOKEN_CHECKS_PER_ADDRESS="5/36000", TRUSTED_PROXIES="1", **confirmer.settings)
    confirmer.good |= {str(alice.token), str(bob.token)}
    forged = [jwt.encode({**alice.claims, "n": n}, "a secret of one's own, long enough", "HS256") for n in range(40)]
    for person in (alice, bob):
        assert (await get_profile(server.url, person.token)).status_code == 200
    asked = confirmer.asked
    answers = await asyncio.gather(*(get_profile(server.url, token) for token in forged))
    assert outcomes(answers) == {401: 5, 429: 35}
    for answer in answers:
        if answer.status_code == 401:
            assert_not_authenticated(answer)
    assert confirmer.asked == asked + 5
    # Whoever is known by then is not kept out, nor is anybody elsewhere.
    assert (await alice.on(server.url).call("GET", "/api/chat/sessions/")).status_code == 200
    elsewhere = await alice.on(server.url).call(
        "GET", "/api/chat/sessions/", headers={"X-Forwarded-For": "198.51.100.1"}
    )
    assert elsewhere.status_code == 200


async def test_good_tokens_from_one_address_at_once_do_not_use_its_tries_up(
    new_server: NewServer, confirmer: Confirmer, alice: Actor, environment: Mapping[str, str]
) -> None:
    server = await new_server(LIMIT_TOKEN_CHECKS_PER_ADDRESS="2/36000", **confirmer.settings)
    secret = environment["SUPABASE_JWT_SECRET"]
    tokens = [jwt.encode({**alice.claims, "n": n}, secret, "HS256") for n in range(30)]
    confirmer.good |= set(tokens)
    answers = await asyncio.gather(*(get_profile(server.url, token) for token in tokens))
    assert outcomes(answers) == {200: 30}
    assert confirmer.asked == len(tokens)


async def test_a_supabase_that_fails_uses_nobodys_tries_up(
    new_server: NewServer, confirmer: Confirmer, alice: Actor
) -> None:
    server = await new_server(LIMIT_TOKEN_CHECKS_PER_ADDRESS="2/36000", **confirmer.settings)
    confirmer.good.add(str(alice.token))
    confirmer.failing = True
    for _ in range(4):
        refused(await get_profile(server.url, alice.token), 503, "auth_unavailable")
    confirmer.failing = False
    assert (await get_profile(server.url, alice.token)).status_code == 200


async def test_every_protected_operation_answers_that_limit_as_the_document_says(
    new_server: NewServer, confirmer: Confirmer, alice: Actor
) -> None:
    server = await new_server(LIMIT_TOKEN_CHECKS_PER_ADDRESS="0/36000", **confirmer.settings)
    there = alice.on(server.url)
    document = (await there.call("GET", "/api/schema/", headers={"Accept": "application/json"})).json()
    asked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation.get("security") == [{"supabase": []}]:
                asked += 1
                answer = await there.call(method.upper(), re.sub(r"{\w+}", NO_ID, path))
                refused(answer, 429, "too_many_requests")
                assert answer.headers["RateLimit"].startswith('"token-checks-per-address";r=0;t=')
                assert "429" in operation["responses"], f"{method} {path}"
    assert asked > 15
    assert confirmer.asked == 0
