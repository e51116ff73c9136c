"""POST /api/auth/signup/: a new account."""

import json
from typing import Any

import pytest

from tests.api.accounts import (
    PRIVILEGES,
    DjangoRows,
    Owner,
    assert_bad_fields,
    error_of,
    fresh_address,
    get_profile,
    log_in,
    post,
)
from tests.cast import PASSWORD, Actor
from tests.clients import http_client
from tests.processes import Server


async def test_a_new_account_gets_tokens_that_work(either_server: Server) -> None:
    email = fresh_address("carol")
    response = await post(either_server.url, "signup", {"email": email, "password": PASSWORD})
    assert response.status_code == 201, response.text
    answer = response.json()
    assert set(answer) == {"message", "user", "access_token", "refresh_token", "expires_in"}
    assert set(answer["user"]) == {"id", "email"}
    assert answer["user"]["email"] == email
    assert answer["expires_in"] > 0
    profile = await get_profile(either_server.url, answer["access_token"])
    assert profile.json()["user"]["id"] == answer["user"]["id"]
    renewed = await post(either_server.url, "refresh", {"refresh_token": answer["refresh_token"]})
    assert renewed.status_code == 200, renewed.text


async def test_a_known_address_is_refused_without_a_token(alice: Actor) -> None:
    response = await post(alice.base_url, "signup", {"email": alice.email, "password": "another good password"})
    assert response.status_code == 400
    body = error_of(response)
    assert set(body) == {"error", "code"}
    assert body["code"] == "signup_refused"
    assert (await log_in(alice.base_url, alice.email, "another good password")).status_code == 401


async def test_a_known_address_is_refused_in_other_letters_too(alice: Actor) -> None:
    response = await post(alice.base_url, "signup", {"email": alice.email.upper(), "password": PASSWORD})
    assert response.status_code == 400
    assert error_of(response)["code"] == "signup_refused"


@pytest.mark.parametrize(
    "password",
    ["", "short", "7 signs", "a" * 73, "é" * 37, "x" * 257, "nul\x00nul\x00nul", None, 12345678, ["a" * 9], {"a": "b"}],
    ids=repr,
)
async def test_a_password_that_cannot_be_used_is_refused(postgres_server: Server, password: Any) -> None:
    body = {"email": fresh_address("carol"), "password": password}
    assert_bad_fields(await post(postgres_server.url, "signup", body), "password")


@pytest.mark.parametrize("password", ["8 signs!", "a" * 72, "é" * 36, "  blanks around  "], ids=repr)
async def test_a_password_at_the_edge_is_taken_as_it_is(postgres_server: Server, password: str) -> None:
    email = fresh_address("carol")
    response = await post(postgres_server.url, "signup", {"email": email, "password": password})
    assert response.status_code == 201, response.text
    assert (await log_in(postgres_server.url, email, password)).status_code == 200


@pytest.mark.parametrize(
    "email",
    [
        "",
        "carol",
        "carol@",
        "@example.com",
        "a@b",
        "a b@example.com",
        "a@example.com, b@example.com",
        "a@example.com\x00",
        "a\r\nBcc: b@example.com",
        f"{'a' * 250}@example.com",
        None,
        7,
        True,
        ["a@example.com"],
        {},
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_no_address_is_refused(postgres_server: Server, email: Any) -> None:
    assert_bad_fields(await post(postgres_server.url, "signup", {"email": email, "password": PASSWORD}), "email")


async def test_missing_fields_are_all_named(postgres_server: Server) -> None:
    assert_bad_fields(await post(postgres_server.url, "signup", {}), "email", "password")


@pytest.mark.parametrize("body", [[], "text", 7, None, True], ids=repr)
async def test_json_that_is_no_object_is_refused(postgres_server: Server, body: Any) -> None:
    async with http_client(postgres_server.url) as http:
        headers = {"Content-Type": "application/json"}
        response = await http.post("/api/auth/signup/", content=json.dumps(body), headers=headers)
    assert_bad_fields(response, "body")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"email": "\\ud800"}', b"[" * 100_000, b'{"a": NaN}'])
async def test_what_is_no_json_is_refused(postgres_server: Server, body: bytes) -> None:
    async with http_client(postgres_server.url) as http:
        response = await http.post("/api/auth/signup/", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert error_of(response)["code"] == "invalid_json"


async def test_a_form_is_refused(postgres_server: Server) -> None:
    async with http_client(postgres_server.url) as http:
        response = await http.post("/api/auth/signup/", data={"email": "a@example.com", "password": PASSWORD})
    assert response.status_code == 415


async def test_a_body_cannot_choose_an_id_a_role_or_a_date(
    postgres_server: Server, owner_sql: Owner, django_rows: DjangoRows
) -> None:
    email = fresh_address("mallory")
    body = {"email": email, "password": PASSWORD, "data": PRIVILEGES, "options": {"data": PRIVILEGES}, **PRIVILEGES}
    response = await post(postgres_server.url, "signup", body)
    assert response.status_code == 201, response.text
    answer = response.json()
    profile = (await get_profile(postgres_server.url, answer["access_token"])).json()["user"]
    assert profile["id"] == answer["user"]["id"] != PRIVILEGES["user_id"]
    assert not profile["created_at"].startswith("1999")
    query = (
        "select role, is_anonymous, extract(year from created_at) > 2000, raw_app_meta_data, raw_user_meta_data "
        "from auth.users where email = %s"
    )
    row = await (await owner_sql.execute(query, [email])).fetchone()
    assert row is not None
    assert row[:3] == ("authenticated", False, True)
    assert "admin" not in str(row[3:])
    assert django_rows.of(answer["user"]["id"])["user_profiles"] == 1


async def test_the_sign_up_itself_makes_no_profile(postgres_server: Server, django_rows: DjangoRows) -> None:
    body = {"email": fresh_address("carol"), "password": PASSWORD}
    answer = (await post(postgres_server.url, "signup", body)).json()
    assert django_rows.of(answer["user"]["id"])["user_profiles"] == 0
    await get_profile(postgres_server.url, answer["access_token"])
    assert django_rows.of(answer["user"]["id"])["user_profiles"] == 1
