"""Whether two kinds of tries can be told apart by the time of their answers.

Each kind is tried in one random order with the others, so that whatever else the machine does strikes all alike. What
is compared is the whole distribution: the two-sample distance of Kolmogorov and Smirnov, against a bound that alike
kinds pass with a chance of FALSE_ALARM at most, however their times are distributed and for any number of tries: for
two samples of n each, P(distance >= d) <= e * exp(-n * d^2) (Wei and Dudley, 2012, Two-sample
Dvoretzky-Kiefer-Wolfowitz inequalities).
"""

import asyncio
import itertools
import math
import random
import time
import uuid
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

FALSE_ALARM = 1e-5
# Of PASSWORD of tests/cast.py, at a fourth of the usual cost: five hundred tries of the usual one would last a minute.
CHEAPER_HASH = "$2b$08$8waM/Nj/VID1mHttUI3PvO7dZ8t.kBdBJrc.WQ7m46X7s7N6BMBJ."

Try = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Comparison:
    one: str
    other: str
    distance: float
    bound: float

    @property
    def differ(self) -> bool:
        return self.distance > self.bound


def compared(times: Mapping[str, Sequence[float]]) -> list[Comparison]:
    """Every two kinds of the same door; a kind is named `door: whose`."""
    return [
        Comparison(one, other, distance(times[one], times[other]), bound(len(times[one])))
        for one, other in itertools.combinations(times, 2)
        if one.partition(":")[0] == other.partition(":")[0]
    ]


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference of the two distribution functions."""
    first, second = sorted(one), sorted(other)
    return max(
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second))
        for value in first + second
    )


def bound(tries: int) -> float:
    return math.sqrt((1 - math.log(FALSE_ALARM)) / tries)


async def timed(url: str, kinds: Mapping[str, Try], tries: int, at_once: int) -> dict[str, list[float]]:
    """How long each try took, in seconds, by kind; the answers of a door must have one status."""
    order = [(kind, number) for kind in kinds for number in range(tries)]
    random.shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    statuses: dict[str, set[int]] = {kind.partition(":")[0]: set() for kind in kinds}
    turn = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)

    async def one(client: httpx.AsyncClient, kind: str, number: int) -> None:
        async with turn:
            begun = time.perf_counter()
            response = await kinds[kind](client, number)
            times[kind].append(time.perf_counter() - begun)
        statuses[kind.partition(":")[0]].add(response.status_code)

    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, verify=False) as client:
        await asyncio.gather(*(one(client, *each) for each in order))
    assert all(len(found) == 1 for found in statuses.values()), statuses
    return times


def asking(door: str, emails: Sequence[str], **fields: Any) -> Try:
    """A try at a door with one address after the other."""

    async def ask(client: httpx.AsyncClient, number: int) -> httpx.Response:
        return await client.post(f"/api/auth/{door}/", json={"email": emails[number], **fields})

    return ask


def share_late(times: Mapping[str, Sequence[float]], minimum: float) -> float:
    """Of the answers that came later than a minimum and its random part can make them: the machine was too slow."""
    everything = [value for kind in times.values() for value in kind]
    return sum(value > 1.1 * minimum + 0.25 for value in everything) / len(everything)


def addresses(count: int) -> list[str]:
    return [f"somebody-{uuid.uuid4().hex}@example.com" for _ in range(count)]


async def people(owner: psycopg.AsyncConnection[Any], count: int) -> list[str]:
    """The addresses of new accounts, confirmed, with PASSWORD; past Supabase, which would take a minute for them."""
    emails = addresses(count)
    query = (
        "insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, "
        "raw_app_meta_data, raw_user_meta_data, is_sso_user, is_anonymous, created_at, updated_at) "
        "values (%s, 'authenticated', 'authenticated', %s, %s, now(), '{}', '{}', false, false, now(), now())"
    )
    async with owner.cursor() as cursor:
        await cursor.executemany(query, [(str(uuid.uuid4()), email, CHEAPER_HASH) for email in emails])
    return emails
