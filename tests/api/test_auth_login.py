"""POST /api/auth/login/."""

import asyncio
from typing import Any

import pytest

from tests.api.accounts import PRIVILEGES, assert_bad_fields, error_of, fresh_address, get_profile, log_in, post
from tests.cast import PASSWORD, Actor
from tests.processes import Server


async def test_the_right_password_gives_tokens_that_work(either_server: Server, alice: Actor) -> None:
    response = await log_in(either_server.url, alice.email)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert set(answer) == {"message", "user", "access_token", "refresh_token", "expires_in"}
    assert answer["user"] == {"id": alice.id, "email": alice.email}
    assert (await get_profile(either_server.url, answer["access_token"])).status_code == 200


async def test_an_unknown_address_and_a_wrong_password_get_one_answer(either_server: Server, alice: Actor) -> None:
    wrong = await log_in(either_server.url, alice.email, "not her password")
    unknown = await log_in(either_server.url, fresh_address("nobody"), "not her password")
    for response in (wrong, unknown):
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert error_of(response)["code"] == "invalid_credentials"
    assert error_of(wrong) == error_of(unknown)
    # The second one is one try more.
    varying = {"date", "x-request-id", "ratelimit"}
    shown = [{k: v for k, v in each.headers.items() if k not in varying} for each in (wrong, unknown)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("password", [f" {PASSWORD}", f"{PASSWORD} ", PASSWORD.upper(), PASSWORD[:-1], "x"], ids=repr)
async def test_a_password_is_taken_as_it_is(alice: Actor, password: str) -> None:
    assert (await log_in(alice.base_url, alice.email, password)).status_code == 401


@pytest.mark.parametrize("password", ["", "a" * 73, "nul\x00", None, 7, [], {}], ids=lambda value: repr(value)[:20])
async def test_what_is_no_password_is_refused(alice: Actor, password: Any) -> None:
    body = {"email": alice.email, "password": password}
    assert_bad_fields(await post(alice.base_url, "login", body), "password")


@pytest.mark.parametrize("email", ["", "alice", "a@example.com\x00", None, 7, [], {}], ids=repr)
async def test_what_is_no_address_is_refused(alice: Actor, email: Any) -> None:
    assert_bad_fields(await post(alice.base_url, "login", {"email": email, "password": PASSWORD}), "email")


async def test_the_address_may_be_in_other_letters(alice: Actor) -> None:
    assert (await log_in(alice.base_url, alice.email.upper())).json()["user"]["id"] == alice.id


async def test_a_body_cannot_choose_who_signs_in(mallory: Actor, alice: Actor) -> None:
    body = {"email": mallory.email, "password": PASSWORD, **PRIVILEGES, "user_id": alice.id, "sub": alice.id}
    response = await post(mallory.base_url, "login", body)
    assert response.json()["user"]["id"] == mallory.id


async def test_a_broken_token_does_not_keep_anybody_from_signing_in(alice: Actor) -> None:
    body = {"email": alice.email, "password": PASSWORD}
    response = await post(alice.base_url, "login", body, headers={"Authorization": "Bearer rubbish"})
    assert response.status_code == 200, response.text


async def test_people_who_sign_in_at_once_each_get_their_own_tokens(alice: Actor, bob: Actor, mallory: Actor) -> None:
    people = [alice, bob, mallory] * 5
    answers = await asyncio.gather(*(log_in(person.base_url, person.email) for person in people))
    profiles = await asyncio.gather(*(get_profile(alice.base_url, answer.json()["access_token"]) for answer in answers))
    assert [profile.json()["user"]["id"] for profile in profiles] == [person.id for person in people]


async def test_only_post_is_taken(anon: Actor) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = await anon.call(method, "/api/auth/login/")
        assert response.status_code == 405
        assert error_of(response)["code"] == "method_not_allowed"
