"""GET and PATCH /api/auth/profile/."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import pytest

from tests.api.accounts import PRIVILEGES, DjangoRows, assert_bad_fields, assert_not_authenticated, error_of
from tests.cast import Actor
from tests.conftest import NewActor
from tests.processes import Server

PROFILE = "/api/auth/profile/"


async def profile_of(person: Actor) -> dict[str, Any]:
    response = await person.call("GET", PROFILE)
    assert response.status_code == 200, response.text
    user: dict[str, Any] = response.json()["user"]
    return user


async def test_it_says_who_one_is(any_server: Server, alice: Actor) -> None:
    user = await profile_of(alice.on(any_server.url))
    assert set(user) == {"id", "email", "created_at", "default_session_id"}
    assert (user["id"], user["email"]) == (alice.id, alice.email)
    assert dt.datetime.fromisoformat(user["created_at"]).utcoffset() == dt.timedelta(0)


async def test_everybody_sees_only_themselves(
    either_database: Server, alice: Actor, bob: Actor, mallory: Actor, anon: Actor
) -> None:
    alice, bob, mallory, anon = (each.on(either_database.url) for each in (alice, bob, mallory, anon))
    for person in (alice, bob, mallory):
        assert (await profile_of(person))["id"] == person.id
    sneaky = await mallory.call("GET", f"{PROFILE}?user_id={alice.id}&id={alice.id}", headers={"X-User-Id": alice.id})
    assert sneaky.json()["user"]["id"] == mallory.id
    assert_not_authenticated(await anon.call("GET", PROFILE))
    assert_not_authenticated(await anon.call("PATCH", PROFILE, {"default_session_id": "mine"}))


async def test_the_first_request_makes_the_profile_once(either_database: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    django_rows = DjangoRows(either_database.environment)
    assert django_rows.of(carol)["user_profiles"] == 0
    answers = await asyncio.gather(*(carol.call("GET", PROFILE) for _ in range(10)))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].status_code == 200
    assert django_rows.of(carol)["user_profiles"] == 1


async def test_a_first_message_makes_the_profile_too(either_database: Server, newcomer: NewActor, chat_id: str) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    await carol.say("Hello", chat_id)
    assert DjangoRows(either_database.environment).of(carol) == {"user_profiles": 1, "conversation_sessions": 1}


async def test_messages_without_a_session_go_to_the_default_one(either_database: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    assert (await profile_of(carol))["default_session_id"] is None
    somewhere = (await carol.call("POST", "/api/chat/", {"message": "Where am I?"})).json()["session_id"]
    assert str(uuid.UUID(somewhere)) == somewhere

    changed = await carol.call("PATCH", PROFILE, {"default_session_id": "my usual place"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["user"] == await profile_of(carol)
    assert changed.json()["user"]["default_session_id"] == "my usual place"
    answer = await carol.call("POST", "/api/chat/", {"message": "And now?"})
    assert answer.json()["session_id"] == "my usual place"
    assert (await carol.history("my usual place"))[0]["content"] == "And now?"
    named = await carol.call("POST", "/api/chat/", {"message": "Here", "session_id": "elsewhere"})
    assert named.json()["session_id"] == "elsewhere"

    taken_away = await carol.call("PATCH", PROFILE, {"default_session_id": None})
    assert taken_away.json()["user"]["default_session_id"] is None
    answer = await carol.call("POST", "/api/chat/", {"message": "Lost again"})
    assert answer.json()["session_id"] not in {"my usual place", "elsewhere", somewhere}


@pytest.mark.parametrize(
    "value",
    ["", "a" * 256, "nul\x00", "new\nline", "sla/sh", "..", 7, True, [], {}],
    ids=lambda value: repr(value)[:12],
)
async def test_what_is_no_session_id_is_refused(alice: Actor, value: Any) -> None:
    before = await profile_of(alice)
    assert_bad_fields(await alice.call("PATCH", PROFILE, {"default_session_id": value}), "default_session_id")
    assert await profile_of(alice) == before


@pytest.mark.parametrize(
    "value", [" blanks ", "a" * 255, "👩‍👩‍👧 مرحبا", "' or 1=1 --"], ids=lambda value: repr(value)[:12]
)
async def test_a_session_id_is_kept_as_it_is(either_database: Server, mallory: Actor, value: str) -> None:
    mallory = mallory.on(either_database.url)
    assert (await mallory.call("PATCH", PROFILE, {"default_session_id": value})).status_code == 200
    assert (await profile_of(mallory))["default_session_id"] == value


async def test_nothing_else_can_be_changed(either_database: Server, mallory: Actor, alice: Actor) -> None:
    mallory, alice = mallory.on(either_database.url), alice.on(either_database.url)
    django_rows = DjangoRows(either_database.environment)
    before, hers = await profile_of(mallory), await profile_of(alice)
    stolen = {**PRIVILEGES, "user_id": alice.id, "id": alice.id, "email": alice.email}
    response = await mallory.call("PATCH", PROFILE, stolen)
    assert response.status_code == 200
    assert response.json()["user"] == before == await profile_of(mallory)
    assert await profile_of(alice) == hers
    with_default = await mallory.call("PATCH", PROFILE, {**stolen, "default_session_id": "mine"})
    assert with_default.json()["user"] == {**before, "default_session_id": "mine"}
    assert await profile_of(alice) == hers
    assert len(django_rows.all("select 1 from user_profiles where email = ?", alice.email)) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_other_methods_are_not_taken(alice: Actor, method: str) -> None:
    response = await alice.call(method, PROFILE, {} if method != "DELETE" else None)
    assert response.status_code == 405
    assert error_of(response)["code"] == "method_not_allowed"
