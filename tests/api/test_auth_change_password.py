"""POST /api/auth/change-password/."""

from typing import Any

import pytest

from tests.api.accounts import Owner, assert_bad_fields, assert_not_authenticated, log_in, post
from tests.api.conftest import SignIn
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor
from tests.processes import Server

CHANGE = "/api/auth/change-password/"
NEW_PASSWORD = "something completely different"


async def change(person: Actor, **fields: Any) -> Any:
    return await person.call("POST", CHANGE, {"current_password": PASSWORD, "new_password": NEW_PASSWORD, **fields})


async def live_sessions(owner: Owner, person: Actor) -> set[str]:
    rows = await owner.execute("select id::text from auth.sessions where user_id = %s", [person.id])
    return {row[0] for row in await rows.fetchall()}


async def test_the_other_sessions_end_and_this_one_lives(
    newcomer: NewActor, sign_in: SignIn, either_server: Server, owner_sql: Owner
) -> None:
    carol = (await newcomer("carol")).on(either_server.url)
    other = (await sign_in(carol.email)).on(either_server.url)
    assert (await other.call("GET", "/api/auth/profile/")).status_code == 200
    response = await change(carol)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"message"}
    assert (await carol.call("GET", "/api/auth/profile/")).status_code == 200
    assert_not_authenticated(await other.call("GET", "/api/auth/profile/"))
    assert_not_authenticated(await other.call("POST", "/api/chat/", {"message": "Still me"}))
    assert_not_authenticated(await post(carol.base_url, "refresh", {"refresh_token": other.refresh_token}))
    assert (await post(carol.base_url, "refresh", {"refresh_token": carol.refresh_token})).status_code == 200
    assert (await log_in(carol.base_url, carol.email)).status_code == 401
    assert await live_sessions(owner_sql, carol) == {carol.claims["session_id"]}
    assert (await log_in(carol.base_url, carol.email, NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("wrong", ["not her password", f" {PASSWORD}", "x"])
async def test_a_wrong_current_password_changes_nothing(alice: Actor, sign_in: SignIn, wrong: str) -> None:
    other = await sign_in(alice.email)
    assert_bad_fields(await change(alice, current_password=wrong), "current_password")
    assert (await other.call("GET", "/api/auth/profile/")).status_code == 200
    assert (await log_in(alice.base_url, alice.email)).status_code == 200


async def test_somebody_elses_password_is_a_wrong_one(mallory: Actor, newcomer: NewActor) -> None:
    carol = await newcomer("carol")
    assert (await change(carol, new_password="only carol knows this")).status_code == 200
    assert_bad_fields(await change(mallory, current_password="only carol knows this"), "current_password")


@pytest.mark.parametrize(
    "password", ["", "short", "a" * 73, "nul\x00nul\x00", None, 7], ids=lambda value: repr(value)[:12]
)
async def test_a_bad_new_password_is_refused(alice: Actor, password: Any) -> None:
    assert_bad_fields(await change(alice, new_password=password), "new_password")


async def test_the_password_one_has_already_is_refused_and_leaves_no_session(alice: Actor, owner_sql: Owner) -> None:
    before = await live_sessions(owner_sql, alice)
    assert_bad_fields(await change(alice, new_password=PASSWORD), "new_password")
    assert await live_sessions(owner_sql, alice) == before


async def test_missing_fields_are_all_named(alice: Actor) -> None:
    assert_bad_fields(await alice.call("POST", CHANGE, {}), "current_password", "new_password")


async def test_a_token_is_needed(anon: Actor) -> None:
    assert_not_authenticated(await change(anon))
