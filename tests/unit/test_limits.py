"""How often a door may be tried."""

import asyncio
import uuid
from collections.abc import Awaitable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from safycore_backend.rate_limits import LimitReached, Standing, rate_limit_headers
from users import limits


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.clear()


def asked_from(peer: str, forwarded: str | None = None) -> Request:
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return Request(APIRequestFactory().post("/api/auth/login/", REMOTE_ADDR=peer, **headers))


async def allowed(*tries: Awaitable[Any]) -> int:
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(result, Standing | LimitReached) for result in results)
    return sum(isinstance(result, Standing) for result in results)


@override_settings(LIMIT_LOGIN_PER_ACCOUNT=(3, 3600))
async def test_a_subject_has_so_many_tries_and_no_more() -> None:
    assert await allowed(*(limits.count("LIMIT_LOGIN_PER_ACCOUNT", "carol@example.com") for _ in range(50))) == 3


@override_settings(LIMIT_LOGIN_PER_ACCOUNT=(1, 3600))
async def test_subjects_are_counted_apart() -> None:
    names = [f"{uuid.uuid4()}@example.com" for _ in range(20)]
    assert await allowed(*(limits.count("LIMIT_LOGIN_PER_ACCOUNT", name) for name in names)) == 20


@override_settings(LIMIT_LOGIN_PER_ACCOUNT=(1, 3600), LIMIT_MAIL_PER_ACCOUNT=(1, 3600))
async def test_limits_are_counted_apart() -> None:
    await limits.count("LIMIT_LOGIN_PER_ACCOUNT", "carol@example.com")
    await limits.count("LIMIT_MAIL_PER_ACCOUNT", "carol@example.com")


@override_settings(LIMIT_LOGIN_PER_ACCOUNT=(0, 3600))
async def test_a_refusal_says_how_long_to_wait() -> None:
    with pytest.raises(LimitReached) as refused:
        await limits.count("LIMIT_LOGIN_PER_ACCOUNT", "carol@example.com")
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 3600


@override_settings(LIMIT_LOGIN_PER_ADDRESS=(2, 3600))
async def test_what_a_client_writes_of_its_address_is_ignored() -> None:
    check = limits.per_address("LIMIT_LOGIN_PER_ADDRESS")
    assert await allowed(*(check(asked_from("192.0.2.1", f"198.51.100.{n}")) for n in range(20))) == 2
    assert await allowed(check(asked_from("192.0.2.2"))) == 1


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.1", "192.0.2.1"),
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, " , ,", "192.0.2.1"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "forged, 198.51.100.1", "198.51.100.1"),
        (1, "forged, forged,198.51.100.1 ", "198.51.100.1"),
        (2, "forged, 198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (2, "203.0.113.9", "192.0.2.1"),
    ],
)
def test_trusted_proxies_are_counted_from_the_end(proxies: int, forwarded: str | None, address: str) -> None:
    with override_settings(TRUSTED_PROXIES=proxies):
        assert limits.client_address(asked_from("192.0.2.1", forwarded)) == address


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:50123", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:50123", "192.0.2.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_one_client_is_counted_as_one_however_its_address_is_written(written: str, counted: str) -> None:
    assert limits.client_address(asked_from(written)) == counted
    with override_settings(TRUSTED_PROXIES=1):
        assert limits.client_address(asked_from("192.0.2.99", f"forged, {written}")) == (counted or "forged")


@override_settings(LIMIT_LOGIN_PER_ADDRESS=(2, 3600))
async def test_a_network_of_version_six_has_the_tries_of_one_client() -> None:
    check = limits.per_address("LIMIT_LOGIN_PER_ADDRESS")
    assert await allowed(*(check(asked_from(f"2001:db8:1:2::{n:x}")) for n in range(1, 20))) == 2
    assert await allowed(check(asked_from("2001:db8:1:3::1"))) == 1


@override_settings(LIMIT_TOKENS_PER_PERSON=(100, 3600))
async def test_more_than_one_can_be_counted_at_a_time_and_looking_counts_nothing() -> None:
    for _ in range(3):
        assert (await limits.standing("LIMIT_TOKENS_PER_PERSON", "carol")).used == 0
    await limits.add("LIMIT_TOKENS_PER_PERSON", "carol", 60)
    assert (await limits.add("LIMIT_TOKENS_PER_PERSON", "carol", 60)).used == 120
    assert (await limits.standing("LIMIT_TOKENS_PER_PERSON", "carol")).used == 120


def test_the_fields_are_written_as_the_draft_has_them() -> None:
    standings = [
        Standing("login-per-address", 30, 60, 1, 42),
        Standing("tokens-per-person", 9, 86_400, 12, 7, "tokens"),
    ]
    assert rate_limit_headers(standings) == {
        "RateLimit-Policy": '"login-per-address";q=30;w=60, "tokens-per-person";q=9;qu="tokens";w=86400',
        "RateLimit": '"login-per-address";r=29;t=42, "tokens-per-person";r=0;t=7',
    }
    assert rate_limit_headers([]) == {}
