"""What a new password must be, at each of the three doors that take one."""

import httpx
import pytest

from tests.api.accounts import Mailbox, Owner, assert_bad_fields, fresh_address, log_in, post
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor

NEW_PASSWORD = "something completely different"
# bcrypt of "password1".
COMMON_HASH = "$2b$06$oN/PzzOzQnL7eV.8lEpkx.DZ0coGRqp7oMFvMA4VCZWIzIBDr.596"


async def sign_up(base_url: str, email: str, password: str) -> httpx.Response:
    return await post(base_url, "signup", {"email": email, "password": password})


async def change(person: Actor, password: str) -> httpx.Response:
    body = {"current_password": PASSWORD, "new_password": password}
    return await person.call("POST", "/api/auth/change-password/", body)


async def reset(person: Actor, mailbox: Mailbox, password: str) -> httpx.Response:
    await post(person.base_url, "password-reset", {"email": person.email})
    body = {"token_hash": mailbox.token_hash(person.email), "new_password": password}
    return await post(person.base_url, "password-reset/confirm", body)


@pytest.mark.parametrize("password", ["Password1", "SafyCore2026!"])
async def test_a_guessable_one_is_refused_at_every_door(newcomer: NewActor, mailbox: Mailbox, password: str) -> None:
    carol = await newcomer("carol")
    assert_bad_fields(await sign_up(carol.base_url, fresh_address("carol"), password), "password")
    assert_bad_fields(await change(carol, password), "new_password")
    assert_bad_fields(await reset(carol, mailbox, password), "new_password")
    assert (await log_in(carol.base_url, carol.email)).status_code == 200


async def test_ones_own_address_is_refused_at_every_door(newcomer: NewActor, mailbox: Mailbox) -> None:
    carol, address = await newcomer("carol"), fresh_address("carol")
    local_part = carol.email.partition("@")[0]
    assert_bad_fields(await sign_up(carol.base_url, address, address.upper()), "password")
    assert_bad_fields(await change(carol, carol.email), "new_password")
    assert_bad_fields(await change(carol, local_part.upper()), "new_password")
    assert_bad_fields(await reset(carol, mailbox, local_part), "new_password")
    assert (await log_in(carol.base_url, carol.email)).status_code == 200


@pytest.mark.parametrize("password", ["a" * 64, "  blanks at both ends  ", "密码是一匹马 🐎"], ids=repr)
async def test_what_is_long_blank_or_in_any_script_is_kept_as_it_is(newcomer: NewActor, password: str) -> None:
    carol = await newcomer("carol")
    assert (await change(carol, password)).status_code == 200
    assert (await log_in(carol.base_url, carol.email, password)).status_code == 200
    for other in {password.strip(), password[:-1]} - {password}:
        assert (await log_in(carol.base_url, carol.email, other)).status_code == 401


async def test_an_old_password_that_is_too_common_still_signs_in(newcomer: NewActor, owner_sql: Owner) -> None:
    """It was set before there were rules: here past us."""
    carol = await newcomer("carol")
    assert (await change(carol, NEW_PASSWORD)).status_code == 200
    hashed = "update auth.users set encrypted_password = %s where id = %s"
    await owner_sql.execute(hashed, [COMMON_HASH, carol.id])
    assert (await log_in(carol.base_url, carol.email, "password1")).status_code == 200
    body = {"current_password": "password1", "new_password": PASSWORD}
    assert (await carol.call("POST", "/api/auth/change-password/", body)).status_code == 200
