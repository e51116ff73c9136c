"""Signing up where the project asks for confirmation of the address: a local Supabase of its own."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.api.accounts import Mailbox, error_of, fresh_address, get_profile, log_in, post
from tests.cast import PASSWORD
from tests.conftest import OPEN_DOORS, ConfirmingStack
from tests.processes import Server


class Confirming:
    """A server whose project asks for confirmation, with its mails and its Supabase."""

    def __init__(self, server: Server, mailbox: Mailbox, environment: Mapping[str, str]) -> None:
        self.url = server.url
        self.mailbox = mailbox
        self._auth = f"{environment['SUPABASE_URL']}/auth/v1"
        self._key = environment["SUPABASE_KEY"]

    async def sign_up(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await post(self.url, "signup", {"email": email, "password": password})

    async def follow_link(self, email: str) -> httpx.Response:
        """What the page behind the link does."""
        body = {"type": "signup", "token_hash": self.mailbox.token_hash(email)}
        async with httpx.AsyncClient(headers={"apikey": self._key}) as client:
            return await client.post(f"{self._auth}/verify", json=body)


@pytest.fixture(scope="module")
async def confirming(
    confirming_stack: ConfirmingStack,
) -> AsyncIterator[Confirming]:
    stack, environment = confirming_stack
    log: Path = stack.home / "server.log"
    server = Server({**environment, **OPEN_DOORS}, log)
    await server.start()
    yield Confirming(server, Mailbox(stack.home / "mails"), environment)
    await server.stop()


async def test_a_new_account_waits_for_its_confirmation(confirming: Confirming) -> None:
    email = fresh_address("carol")
    response = await confirming.sign_up(email)
    assert response.status_code == 201, response.text
    answer = response.json()
    assert answer["user"] == {"id": None, "email": email}
    assert [answer[name] for name in ("access_token", "refresh_token", "expires_in")] == [None, None, None]
    assert "mail" in answer["message"]
    refused = await log_in(confirming.url, email)
    assert refused.status_code == 401
    assert error_of(refused)["code"] == "invalid_credentials"


async def test_the_link_of_the_mail_opens_the_account_once(confirming: Confirming) -> None:
    email = fresh_address("carol")
    await confirming.sign_up(email)
    (mail,) = confirming.mailbox.to(email)
    assert mail["subject"] == "Confirm your address"
    followed = await confirming.follow_link(email)
    assert followed.status_code == 200, followed.text
    assert (await get_profile(confirming.url, followed.json()["access_token"])).status_code == 200
    signed_in = await log_in(confirming.url, email)
    assert signed_in.status_code == 200, signed_in.text
    assert (await confirming.follow_link(email)).status_code == 403


async def test_known_waiting_and_unknown_addresses_get_one_answer(confirming: Confirming) -> None:
    known, waiting, unknown = fresh_address("carol"), fresh_address("carol"), fresh_address("carol")
    for email in (known, waiting):
        await confirming.sign_up(email)
    await confirming.follow_link(known)
    answers = [await confirming.sign_up(email, "another good password") for email in (known, waiting, unknown)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    bodies = [answer.text.replace(email, "…") for answer, email in zip(answers, (known, waiting, unknown), strict=True)]
    assert len(set(bodies)) == 1, bodies
    assert (await log_in(confirming.url, known, "another good password")).status_code == 401
    assert (await log_in(confirming.url, known)).status_code == 200


async def test_waiting_and_unknown_addresses_cannot_sign_in_with_one_answer(confirming: Confirming) -> None:
    waiting = fresh_address("carol")
    await confirming.sign_up(waiting)
    answers = [await log_in(confirming.url, email) for email in (waiting, fresh_address("nobody"))]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert error_of(answers[0]) == error_of(answers[1])
