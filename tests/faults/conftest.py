"""Fixtures of the long tests: a model at a model's pace, proxies that fail, and chance that can be repeated."""

import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local_stack.groq_stand_in import Settings, StandIn, serve
from tests.faults.proxies import ModelProxy, PostgresProxy, listening
from tests.redis_server import Redis

A_REALISTIC_PACE = Settings(first_token_ms=20, tokens_per_second=200, scripts=True)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chance by the run's seed: `-p randomly --randomly-seed=…` with the number that a failure prints repeats it."""
    seed = request.config.getoption("randomly_seed")
    print(f"randomly_seed={seed}")  # noqa: T201  # shown when the test fails
    return random.Random(seed)


@pytest.fixture
async def paced_model() -> AsyncIterator[StandIn]:
    async with serve(A_REALISTIC_PACE) as stand_in:
        yield stand_in


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    running = Redis(tmp_path)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def database(environment: Mapping[str, str]) -> AsyncIterator[PostgresProxy]:
    """Between a server and Postgres, for `new_server(**through(database, environment))`."""
    address = urlsplit(environment["SUPABASE_DB_URL"])
    assert address.hostname
    assert address.port
    proxy = PostgresProxy(address.hostname, address.port)
    async with listening(proxy):
        yield proxy


@pytest.fixture
async def model_proxy(model: StandIn) -> AsyncIterator[ModelProxy]:
    proxy = ModelProxy("127.0.0.1", model.port)
    async with listening(proxy):
        yield proxy


@pytest.fixture
def through_database(database: PostgresProxy, environment: Mapping[str, str]) -> dict[str, str]:
    """The setting that leads a server through the proxy."""
    address = urlsplit(environment["SUPABASE_DB_URL"])
    assert address.hostname
    netloc = address.netloc.replace(f"{address.hostname}:{address.port}", f"127.0.0.1:{database.port}")
    return {"SUPABASE_DB_URL": address._replace(netloc=netloc).geturl()}
