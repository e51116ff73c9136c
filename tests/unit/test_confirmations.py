"""users/confirmations.py: how Supabase is asked about tokens, and what counts."""

import asyncio
from collections import Counter

import pytest
from django.core.cache import cache
from django.test import override_settings

from safycore_backend.errors import NotAuthenticated
from safycore_backend.rate_limits import LimitReached
from users.confirmations import AT_ONCE, Confirmations
from users.errors import AuthUnavailable

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.clear()


class Supabase:
    """Answers by a token's first letters, some turns of the event loop later, and not while it is on hold."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.inside = 0
        self.most_inside = 0
        self.reached = asyncio.Event()
        self._go_on = asyncio.Event()
        self._go_on.set()

    def hold(self) -> None:
        self._go_on.clear()

    def go_on(self) -> None:
        self._go_on.set()

    async def confirm(self, token: str) -> None:
        self.asked[token] += 1
        self.inside += 1
        self.reached.set()
        self.most_inside = max(self.most_inside, self.inside)
        for _ in range(20):
            await asyncio.sleep(0)
        await self._go_on.wait()
        self.inside -= 1
        if token.startswith("bad"):
            raise NotAuthenticated
        if token.startswith("failing"):
            raise AuthUnavailable


@pytest.fixture
async def supabase() -> Supabase:
    return Supabase()


@pytest.fixture
async def confirmations(supabase: Supabase) -> Confirmations:
    return Confirmations(supabase.confirm)


async def outcomes(confirmations: Confirmations, tokens: list[str], address: str = HERE) -> Counter[str]:
    """What came of asking about all of them at once, by the name of the error."""
    asked = (confirmations.confirm(token, address) for token in tokens)
    results = await asyncio.gather(*asked, return_exceptions=True)
    return Counter("good" if result is None else type(result).__name__ for result in results)


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(3, 36_000))
async def test_any_number_of_good_tokens_at_once_uses_no_try_up(
    supabase: Supabase, confirmations: Confirmations
) -> None:
    assert await outcomes(confirmations, [f"good {n}" for n in range(200)]) == {"good": 200}
    assert supabase.most_inside == 3
    assert await outcomes(confirmations, ["bad 1", "bad 2", "bad 3", "bad 4"]) == {
        NotAuthenticated.__name__: 3,
        LimitReached.__name__: 1,
    }


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(5, 36_000))
async def test_of_a_flood_of_forged_tokens_supabase_sees_as_many_as_may_be_refused(
    supabase: Supabase, confirmations: Confirmations
) -> None:
    flood = [f"bad {n}" for n in range(300)]
    assert await outcomes(confirmations, flood) == {NotAuthenticated.__name__: 5, LimitReached.__name__: 295}
    assert supabase.asked.total() == 5
    assert await outcomes(confirmations, ["good"]) == {LimitReached.__name__: 1}
    assert await outcomes(confirmations, ["good"], ELSEWHERE) == {"good": 1}


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(10, 36_000))
async def test_good_and_forged_tokens_at_once_are_each_answered_as_they_are(
    supabase: Supabase, confirmations: Confirmations
) -> None:
    mixed = [f"{kind} {n}" for n in range(9) for kind in ("good", "bad", "failing", "good again")]
    assert await outcomes(confirmations, mixed) == {
        "good": 18,
        NotAuthenticated.__name__: 9,
        AuthUnavailable.__name__: 9,
    }
    assert await outcomes(confirmations, ["bad", "bad too"]) == {NotAuthenticated.__name__: 1, LimitReached.__name__: 1}


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(2, 36_000))
async def test_what_supabase_fails_to_answer_counts_for_nothing(confirmations: Confirmations) -> None:
    assert await outcomes(confirmations, [f"failing {n}" for n in range(50)]) == {AuthUnavailable.__name__: 50}
    assert await outcomes(confirmations, ["good"]) == {"good": 1}


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(1_000, 36_000))
async def test_an_address_has_a_few_tokens_asked_about_at_a_time(
    supabase: Supabase, confirmations: Confirmations
) -> None:
    assert await outcomes(confirmations, [f"good {n}" for n in range(100)]) == {"good": 100}
    assert supabase.most_inside == AT_ONCE


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(5, 36_000))
async def test_one_token_in_many_requests_is_asked_about_once(supabase: Supabase, confirmations: Confirmations) -> None:
    assert await outcomes(confirmations, ["good"] * 100) == {"good": 100}
    assert await outcomes(confirmations, ["bad"] * 100) == {NotAuthenticated.__name__: 100}
    assert supabase.asked == {"good": 1, "bad": 1}
    assert await outcomes(confirmations, ["good"]) == {"good": 1}
    assert supabase.asked["good"] == 2


async def test_a_request_that_leaves_takes_the_answer_from_nobody(
    supabase: Supabase, confirmations: Confirmations
) -> None:
    supabase.hold()
    leaving, staying = (asyncio.create_task(confirmations.confirm("good", HERE)) for _ in range(2))
    await supabase.reached.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    supabase.go_on()
    await staying
    assert supabase.asked == {"good": 1}


@override_settings(LIMIT_TOKEN_CHECKS_PER_ADDRESS=(1_000, 36_000), SUPABASE_TIMEOUT=0.2)
async def test_nobody_waits_longer_for_a_turn_than_supabase_may_take(
    supabase: Supabase, confirmations: Confirmations
) -> None:
    supabase.hold()
    inside = [asyncio.create_task(confirmations.confirm(f"good {n}", HERE)) for n in range(AT_ONCE)]
    assert await outcomes(confirmations, [f"waiting {n}" for n in range(50)]) == {AuthUnavailable.__name__: 50}
    assert supabase.asked.total() == AT_ONCE
    supabase.go_on()
    await asyncio.gather(*inside)
    assert await outcomes(confirmations, ["good"]) == {"good": 1}
