"""The project's public keys: fetched once, kept, renewed, and never a way in without them."""

import asyncio
import json
from typing import Any

import httpx
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from users.errors import AuthUnavailable
from users.key_set import COOLDOWN_SECONDS, KEEP_SECONDS, KeySet

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def ec_jwk(kid: str, **changes: Any) -> dict[str, object]:
    return {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": kid, **changes}


def rsa_jwk(kid: str, **changes: Any) -> dict[str, object]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": kid, **changes}


class Project:
    """Publishes a key set, or fails; counts how often it was asked. Time stands still until it is told to pass."""

    def __init__(self, *keys: dict[str, object]) -> None:
        self.keys = list(keys)
        self.failure: Exception | None = None
        self.asked = 0
        self.now = 1_000.0
        self.begun = asyncio.Event()
        self.slow: asyncio.Event | None = None

    async def fetch(self) -> list[dict[str, object]]:
        self.asked += 1
        self.begun.set()
        if self.slow is not None:
            await self.slow.wait()
        if self.failure is not None:
            raise self.failure
        return self.keys

    def key_set(self) -> KeySet:
        return KeySet(self.fetch, lambda: self.now)


async def test_keys_of_both_kinds_are_found_by_name_with_one_fetch() -> None:
    project = Project(ec_jwk("ec"), rsa_jwk("rsa"))
    keys = project.key_set()
    found = [await keys.find("ec"), await keys.find("rsa"), await keys.find("ec")]
    assert [key.algorithm_name for key in found if key] == ["ES256", "RS256", "ES256"]
    assert project.asked == 1


async def test_people_who_come_together_wait_for_one_fetch() -> None:
    project = Project(ec_jwk("ec"))
    project.slow = asyncio.Event()
    keys = project.key_set()
    waiting = [asyncio.create_task(keys.find("ec")) for _ in range(50)]
    await project.begun.wait()
    project.slow.set()
    assert all(await asyncio.gather(*waiting))
    assert project.asked == 1


async def test_the_first_to_ask_may_leave_without_taking_the_answer_along() -> None:
    project = Project(ec_jwk("ec"))
    project.slow = asyncio.Event()
    keys = project.key_set()
    first, second = (asyncio.create_task(keys.find("ec")) for _ in range(2))
    await project.begun.wait()
    first.cancel()
    await asyncio.wait([first])
    project.slow.set()
    assert await second
    assert project.asked == 1


async def test_a_thousand_unknown_names_cost_one_fetch_per_cooldown() -> None:
    project = Project(ec_jwk("ec"))
    keys = project.key_set()
    assert await keys.find("ec")
    for cooldown in range(1, 4):
        project.now += COOLDOWN_SECONDS
        found = await asyncio.gather(*(keys.find(f"unknown-{number}") for number in range(1_000)))
        assert not any(found)
        assert project.asked == 1 + cooldown
        assert await keys.find("ec")


async def test_a_new_key_is_found_after_the_cooldown() -> None:
    project = Project(ec_jwk("old"))
    keys = project.key_set()
    await keys.find("old")
    project.keys.append(rsa_jwk("new"))
    assert await keys.find("new") is None
    project.now += COOLDOWN_SECONDS
    assert await keys.find("new")
    assert await keys.find("old")


async def test_a_key_that_was_taken_away_is_gone_once_the_set_is_old() -> None:
    project = Project(ec_jwk("old"), rsa_jwk("new"))
    keys = project.key_set()
    assert await keys.find("old")
    project.keys = [rsa_jwk("new")]
    project.now += 2 * KEEP_SECONDS + 1
    assert await keys.find("old") is None
    assert await keys.find("new")


async def test_a_known_key_is_not_kept_waiting_while_the_set_is_renewed() -> None:
    project = Project(ec_jwk("old"), rsa_jwk("new"))
    keys = project.key_set()
    assert await keys.find("old")
    project.keys = [rsa_jwk("new")]
    project.now += KEEP_SECONDS + 1
    assert await keys.find("old")
    assert keys._renewing is not None
    await keys._renewing
    assert await keys.find("old") is None


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("down"), httpx.ReadTimeout("slow"), msgspec.DecodeError("HTML")], ids=repr
)
async def test_known_keys_go_on_working_when_a_fetch_fails(failure: Exception) -> None:
    project = Project(ec_jwk("ec"))
    keys = project.key_set()
    await keys.find("ec")
    project.failure = failure
    for _ in range(5):
        project.now += KEEP_SECONDS + 1
        assert await keys.find("ec")
        assert await keys.find("unknown") is None
    assert project.asked == 6


@pytest.mark.parametrize("failure", [httpx.ConnectError("down"), msgspec.ValidationError("no keys")], ids=repr)
async def test_without_a_first_key_set_nobody_comes_in(failure: Exception) -> None:
    project = Project(ec_jwk("ec"))
    project.failure = failure
    keys = project.key_set()
    for _ in range(3):
        with pytest.raises(AuthUnavailable):
            await keys.find("ec")
    assert project.asked == 1
    project.failure = None
    project.now += 1
    assert await keys.find("ec")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "bad", "alg": "HS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "bad"},
        {"kty": "EC", "kid": "bad"},
        {"kty": "RSA", "kid": "bad", "n": "", "e": ""},
        ec_jwk("bad", x="AAAA"),
        ec_jwk("bad", x=7),
        ec_jwk("bad", y=None),
        ec_jwk("bad", crv="P-384"),
        ec_jwk("bad", alg="HS256"),
        ec_jwk("bad", alg="none"),
        rsa_jwk("bad", alg="RS512"),
        {**ec_jwk("bad"), "kid": None},
        {**ec_jwk("bad"), "kid": 7},
    ],
    ids=lambda entry: "-".join(f"{name}={value}" for name, value in entry.items() if name not in {"x", "y", "n"})[:40],
)
async def test_what_is_no_usable_key_is_left_out_and_spoils_nothing(entry: dict[str, object]) -> None:
    keys = Project(entry, ec_jwk("good")).key_set()
    assert await keys.find("good")
    assert await keys.find("bad") is None


async def test_an_empty_key_set_knows_nobody() -> None:
    assert await Project().key_set().find("any") is None
