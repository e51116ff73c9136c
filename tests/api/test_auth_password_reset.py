"""POST /api/auth/password-reset/ and …/confirm/: a new password by a mail."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web

from tests.answers import refused
from tests.api.accounts import (
    Mailbox,
    assert_bad_fields,
    assert_not_authenticated,
    error_of,
    fresh_address,
    get_profile,
    log_in,
    post,
)
from tests.api.conftest import SignIn
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer
from tests.processes import free_port

NEW_PASSWORD = "something completely different"
UNKNOWN_LINK = "0" * 64


async def ask(person: Actor, email: str) -> Any:
    return await post(person.base_url, "password-reset", {"email": email})


async def confirm(person: Actor, **body: Any) -> Any:
    return await post(person.base_url, "password-reset/confirm", {"new_password": NEW_PASSWORD, **body})


async def test_the_link_of_the_mail_leads_to_a_new_password(
    newcomer: NewActor, sign_in: SignIn, mailbox: Mailbox
) -> None:
    carol = await newcomer("carol")
    other_device = await sign_in(carol.email)
    asked = await ask(carol, carol.email)
    assert asked.status_code == 200, asked.text
    (mail,) = mailbox.to(carol.email)
    assert mail["subject"] == "Set a new password"
    token_hash = mailbox.token_hash(carol.email)

    confirmed = await confirm(carol, token_hash=token_hash)
    assert confirmed.status_code == 200, confirmed.text
    assert set(confirmed.json()) == {"message"}
    assert (await log_in(carol.base_url, carol.email)).status_code == 401
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200
    for session in (carol, other_device):
        assert_not_authenticated(await session.call("GET", "/api/auth/profile/"))
        assert_not_authenticated(await session.call("POST", "/api/chat/", {"message": "Still me"}))
        assert_not_authenticated(await post(carol.base_url, "refresh", {"refresh_token": session.refresh_token}))


async def test_a_link_works_once(newcomer: NewActor, mailbox: Mailbox) -> None:
    carol = await newcomer("carol")
    await ask(carol, carol.email)
    token_hash = mailbox.token_hash(carol.email)
    assert (await confirm(carol, token_hash=token_hash)).status_code == 200
    again = await confirm(carol, token_hash=token_hash, new_password="the thief's password")
    assert again.status_code == 400
    assert error_of(again)["code"] == "link_not_valid"
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200


async def test_known_and_unknown_addresses_get_one_answer(newcomer: NewActor, mailbox: Mailbox) -> None:
    carol, nobody = await newcomer("carol"), fresh_address("nobody")
    # The second one for a known address comes too soon for another mail.
    answers = [await ask(carol, email) for email in (carol.email, carol.email, nobody)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.text for answer in answers}) == 1
    assert mailbox.to(nobody) == []


class FailingMails:
    """Supabase, as far as it mails links: it takes unknown addresses in silence, and fails with those it knows."""

    def __init__(self) -> None:
        self.url = ""
        self.known: set[str] = set()
        self.failure: web.Response | None = None
        """None: the connection ends without an answer."""
        self.asked = 0

    async def recover(self, request: web.Request) -> web.Response:
        self.asked += 1
        if (await request.json())["email"] not in self.known:
            return web.json_response({})
        if self.failure is None:
            assert request.transport
            request.transport.abort()
            return web.Response()
        return self.failure


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Its address, while it is served."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def failing_mails() -> AsyncIterator[FailingMails]:
    served = FailingMails()
    app = web.Application()
    app.router.add_post("/auth/v1/recover", served.recover)
    async with listening(app) as served.url:
        yield served


def failure(status: int, code: str | None = None, message: str = "no") -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status, headers={"Retry-After": "60"})


FAILURES: dict[str, Callable[[], web.Response | None]] = {
    "no mail now": lambda: failure(429, "over_email_send_rate_limit"),
    "no request now": lambda: failure(429, "over_request_rate_limit"),
    "the mail server refuses": lambda: failure(500, "unexpected_failure", "Error sending recovery email"),
    "the mail server is slow": lambda: failure(504, "request_timeout"),
    "some failure": lambda: failure(500, "unexpected_failure"),
    "a bad gateway": lambda: web.Response(status=502, text="<html>", content_type="text/html"),
    "a page": lambda: web.Response(status=520, text="<html>", content_type="text/html"),
    "a refusal": lambda: failure(403, "user_banned"),
    "nothing": lambda: None,
}


async def test_what_fails_for_known_addresses_alone_is_not_told(
    new_server: NewServer, failing_mails: FailingMails
) -> None:
    server = await new_server(SUPABASE_URL=failing_mails.url)
    answers = []
    for made in FAILURES.values():
        known, unknown = fresh_address("carol"), fresh_address("nobody")
        failing_mails.known, failing_mails.failure = {known}, made()
        answers += [await post(server.url, "password-reset", {"email": email}) for email in (known, unknown)]
    assert failing_mails.asked == len(answers)
    assert {(answer.status_code, answer.text, "retry-after" in answer.headers) for answer in answers} == {
        (200, answers[0].text, False)
    }
    assert server.log.read_text().count("reset_mail_refused") == len(FAILURES)


async def test_without_a_supabase_nobody_is_told_that_a_mail_is_on_its_way(new_server: NewServer) -> None:
    server = await new_server(SUPABASE_URL=f"http://127.0.0.1:{free_port()}")
    refused(await post(server.url, "password-reset", {"email": fresh_address("carol")}), 503, "auth_unavailable")


@pytest.mark.parametrize("token_hash", [UNKNOWN_LINK, "rubbish", "../user", "' or 1=1 --", "…"])
async def test_a_link_that_never_was_is_refused(alice: Actor, token_hash: str) -> None:
    response = await confirm(alice, token_hash=token_hash)
    assert response.status_code == 400, response.text
    assert error_of(response)["code"] == "link_not_valid"


async def test_the_token_of_an_ordinary_session_sets_no_password(alice: Actor) -> None:
    response = await confirm(alice, access_token=alice.token)
    assert response.status_code == 400
    assert error_of(response)["code"] == "link_not_valid"
    assert (await log_in(alice.base_url, alice.email)).status_code == 200


async def test_the_token_of_a_recovery_session_sets_the_password(
    newcomer: NewActor, environment: Mapping[str, str]
) -> None:
    """A hosted project writes into its tokens how a session began; the local one does not, so it is added here."""
    carol = await newcomer("carol")
    claims = {**carol.claims, "amr": [{"method": "otp", "timestamp": int(time.time())}]}
    token = jwt.encode(claims, environment["SUPABASE_JWT_SECRET"], "HS256")
    response = await confirm(carol, access_token=token)
    assert response.status_code == 200, response.text
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200
    assert_not_authenticated(await carol.call("GET", "/api/auth/profile/"))


@pytest.mark.parametrize("amr", [[], [{"method": "password"}], ["otp"], "otp", {"method": "otp"}, None], ids=repr)
async def test_a_session_that_began_otherwise_sets_no_password(
    alice: Actor, environment: Mapping[str, str], amr: Any
) -> None:
    token = jwt.encode({**alice.claims, "amr": amr}, environment["SUPABASE_JWT_SECRET"], "HS256")
    response = await confirm(alice, access_token=token)
    assert response.status_code == 400, response.text
    assert error_of(response)["code"] == "link_not_valid"


@pytest.mark.parametrize("token", ["rubbish", "a.b.c", "…"])
async def test_a_token_that_is_none_is_refused(alice: Actor, token: str) -> None:
    assert_not_authenticated(await confirm(alice, access_token=token))


async def test_a_forged_recovery_session_is_refused(alice: Actor) -> None:
    claims = {**alice.claims, "amr": [{"method": "otp"}]}
    forged = jwt.encode(claims, "not the secret, but long enough for HS256", "HS256")
    assert_not_authenticated(await confirm(alice, access_token=forged))
    assert (await log_in(alice.base_url, alice.email)).status_code == 200


async def test_the_password_one_has_already_is_refused_with_its_field(newcomer: NewActor, mailbox: Mailbox) -> None:
    carol = await newcomer("carol")
    await ask(carol, carol.email)
    response = await confirm(carol, token_hash=mailbox.token_hash(carol.email), new_password=PASSWORD)
    assert_bad_fields(response, "new_password")


@pytest.mark.parametrize(
    "password", ["", "short", "a" * 73, "nul\x00nul\x00", None, 7], ids=lambda value: repr(value)[:12]
)
async def test_a_bad_password_does_not_use_the_link_up(alice: Actor, password: Any) -> None:
    assert_bad_fields(await confirm(alice, token_hash=UNKNOWN_LINK, new_password=password), "new_password")


@pytest.mark.parametrize(
    "proof",
    [{}, {"token_hash": UNKNOWN_LINK, "access_token": "a.b.c"}, {"token_hash": None}, {"token_hash": ["a"]}],
    ids=repr,
)
async def test_exactly_one_proof_is_asked_for(alice: Actor, proof: dict[str, Any]) -> None:
    assert_bad_fields(await confirm(alice, **proof), "token_hash")


@pytest.mark.parametrize("email", ["", "carol", "a@example.com\x00", None, 7, ["a@example.com"]], ids=repr)
async def test_what_is_no_address_is_refused(alice: Actor, email: Any) -> None:
    assert_bad_fields(await ask(alice, email), "email")


async def refused_once(person: Actor, mailbox: Mailbox, password: str) -> str:
    """The recovery token of a reset whose link was used up by that password, which the person cannot have."""
    await ask(person, person.email)
    response = await confirm(person, token_hash=mailbox.token_hash(person.email), new_password=password)
    assert response.status_code == 400, response.text
    body = response.json()
    assert set(body["fields"]) == {"new_password"}
    return str(body["recovery_token"])


@pytest.mark.parametrize("refused_by", ["us", "Supabase"])
async def test_after_a_refused_password_another_one_is_taken_without_a_new_mail(
    newcomer: NewActor, mailbox: Mailbox, refused_by: str
) -> None:
    carol = await newcomer("carol")
    token = await refused_once(carol, mailbox, carol.email if refused_by == "us" else PASSWORD)
    again = await confirm(carol, recovery_token=token, new_password=carol.email)
    assert_bad_fields(again, "new_password")
    assert (await confirm(carol, recovery_token=again.json()["recovery_token"])).status_code == 200
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200
    assert_not_authenticated(await carol.call("GET", "/api/auth/profile/"))
    for used in (token, again.json()["recovery_token"]):
        thief = await confirm(carol, recovery_token=used, new_password="the thief's password")
        assert error_of(thief)["code"] == "link_not_valid"
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200


async def test_a_recovery_token_opens_nothing_else(newcomer: NewActor, mailbox: Mailbox) -> None:
    carol = await newcomer("carol")
    token = await refused_once(carol, mailbox, carol.email)
    assert "eyJ" not in token
    assert_not_authenticated(await get_profile(carol.base_url, token))
    assert_not_authenticated(await post(carol.base_url, "refresh", {"refresh_token": token}))
    assert_not_authenticated(await confirm(carol, access_token=token))
    assert error_of(await confirm(carol, token_hash=token[:512]))["code"] == "link_not_valid"


@pytest.mark.parametrize("token", ["rubbish", "…", "A" * 100, "gAAAAAB" + "A" * 93], ids=lambda value: value[:8])
async def test_a_forged_recovery_token_is_refused(alice: Actor, token: str) -> None:
    assert error_of(await confirm(alice, recovery_token=token))["code"] == "link_not_valid"


async def test_a_recovery_token_of_another_deployment_is_refused(
    newcomer: NewActor, mailbox: Mailbox, new_server: NewServer
) -> None:
    carol = await newcomer("carol")
    token = await refused_once(carol, mailbox, carol.email)
    elsewhere = await new_server(DJANGO_SECRET_KEY="another-deployment-0123456789-abcdefghijklmnopqrstuvwxyz")
    body = {"recovery_token": token, "new_password": NEW_PASSWORD}
    assert error_of(await post(elsewhere.url, "password-reset/confirm", body))["code"] == "link_not_valid"
    assert (await post(carol.base_url, "password-reset/confirm", body)).status_code == 200


async def test_tries_with_recovery_tokens_are_limited(
    newcomer: NewActor, mailbox: Mailbox, new_server: NewServer
) -> None:
    carol = await newcomer("carol")
    token = await refused_once(carol, mailbox, carol.email)
    server = await new_server(LIMIT_LOGIN_PER_ACCOUNT="2/36000")
    body = {"recovery_token": token, "new_password": carol.email}
    answers = [await post(server.url, "password-reset/confirm", body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 429, 429]
    assert all(answer.json()["recovery_token"] for answer in answers)


class FailingSupabase:
    """The real one, but for passwords that are set: while there is a `failure`, it is the answer."""

    def __init__(self, real: str) -> None:
        self.url = ""
        self.failure: Callable[[], web.Response] | None = None
        self._real = real

    async def forward(self, request: web.Request) -> web.Response:
        if request.method == "PUT" and self.failure is not None:
            return self.failure()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in {"host", "connection"}}
        async with httpx.AsyncClient(base_url=self._real) as client:
            answer = await client.request(
                request.method, request.path_qs, headers=headers, content=await request.read()
            )
        return web.Response(status=answer.status_code, body=answer.content, content_type="application/json")


@pytest.mark.parametrize(
    ("made", "status", "code"),
    [
        (lambda: failure(503), 503, "auth_unavailable"),
        (lambda: failure(429, "over_request_rate_limit"), 429, "too_many_requests"),
        (lambda: failure(422, "weak_password"), 400, "invalid_input"),
    ],
    ids=["away", "busy", "too weak for it"],
)
async def test_whatever_keeps_supabase_from_setting_it_does_not_cost_the_link(
    newcomer: NewActor,
    mailbox: Mailbox,
    new_server: NewServer,
    environment: Mapping[str, str],
    made: Callable[[], web.Response],
    status: int,
    code: str,
) -> None:
    carol, supabase = await newcomer("carol"), FailingSupabase(environment["SUPABASE_URL"])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", supabase.forward)
    async with listening(app) as supabase.url:
        server = await new_server(SUPABASE_URL=supabase.url)
        await ask(carol, carol.email)
        supabase.failure = made
        body = {"token_hash": mailbox.token_hash(carol.email), "new_password": NEW_PASSWORD}
        answer = await post(server.url, "password-reset/confirm", body)
        refused(answer, status, code)
        supabase.failure = None
        again = {"recovery_token": answer.json()["recovery_token"], "new_password": NEW_PASSWORD}
        assert (await post(server.url, "password-reset/confirm", again)).status_code == 200
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200


async def test_what_can_be_checked_before_does_not_even_use_the_link_up(newcomer: NewActor, mailbox: Mailbox) -> None:
    carol = await newcomer("carol")
    await ask(carol, carol.email)
    token_hash = mailbox.token_hash(carol.email)
    for password in ("short", "Password1", "SafyCore2026!", "a" * 73):
        assert_bad_fields(await confirm(carol, token_hash=token_hash, new_password=password), "new_password")
    assert (await confirm(carol, token_hash=token_hash)).status_code == 200
