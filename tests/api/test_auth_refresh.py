"""POST /api/auth/refresh/: a refresh token for a new pair."""

from typing import Any

import pytest

from tests.api.accounts import assert_bad_fields, assert_not_authenticated, get_profile, post
from tests.api.conftest import SignIn
from tests.cast import Actor
from tests.processes import Server


async def test_the_new_pair_works_and_belongs_to_the_same_person(
    either_server: Server, alice: Actor, sign_in: SignIn
) -> None:
    session = await sign_in(alice.email)
    response = await post(either_server.url, "refresh", {"refresh_token": session.refresh_token})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert set(answer) == {"message", "user", "access_token", "refresh_token", "expires_in"}
    assert answer["user"] == {"id": alice.id, "email": alice.email}
    assert answer["refresh_token"] != session.refresh_token
    assert (await get_profile(either_server.url, answer["access_token"])).json()["user"]["id"] == alice.id
    again = await post(either_server.url, "refresh", {"refresh_token": answer["refresh_token"]})
    assert again.status_code == 200, again.text


async def test_a_refresh_token_is_refused_once_its_successor_was_used(
    either_server: Server, alice: Actor, sign_in: SignIn
) -> None:
    """Until then Supabase takes it again: the answer may have been lost on its way."""
    session = await sign_in(alice.email)
    renewed = await post(either_server.url, "refresh", {"refresh_token": session.refresh_token})
    again = await post(either_server.url, "refresh", {"refresh_token": renewed.json()["refresh_token"]})
    assert again.status_code == 200, again.text
    assert_not_authenticated(await post(either_server.url, "refresh", {"refresh_token": session.refresh_token}))


@pytest.mark.parametrize(
    "token",
    ["rubbish", "00000000-0000-4000-8000-000000000000", "' or 1=1 --", "../user", "a" * 1024, "…", " "],
    ids=lambda value: value[:12],
)
async def test_a_token_that_is_none_is_refused(either_server: Server, token: str) -> None:
    assert_not_authenticated(await post(either_server.url, "refresh", {"refresh_token": token}))


async def test_an_access_token_is_no_refresh_token(alice: Actor) -> None:
    assert_not_authenticated(await post(alice.base_url, "refresh", {"refresh_token": alice.token}))


@pytest.mark.parametrize("token", ["", "a" * 1025, "nul\x00", None, 7, [], {}], ids=lambda value: repr(value)[:12])
async def test_what_cannot_be_a_token_is_refused_by_name(postgres_server: Server, token: Any) -> None:
    assert_bad_fields(await post(postgres_server.url, "refresh", {"refresh_token": token}), "refresh_token")


async def test_a_missing_token_is_named(postgres_server: Server) -> None:
    assert_bad_fields(await post(postgres_server.url, "refresh", {}), "refresh_token")
