"""Fixtures of the tests that go through the API."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.api.accounts import log_in
from tests.cast import PASSWORD, Actor
from tests.processes import Server

SignIn = Callable[..., Awaitable[Actor]]


@pytest.fixture
async def sign_in(postgres_server: Server) -> AsyncIterator[SignIn]:
    """One more session of somebody: `await sign_in(alice.email)`."""
    opened: list[Actor] = []

    async def make(email: str, password: str = PASSWORD) -> Actor:
        response = await log_in(postgres_server.url, email, password)
        assert response.status_code == 200, response.text
        opened.append(Actor(postgres_server.url, email, response.json()))
        return opened[-1]

    yield make
    for actor in opened:
        await actor.close()
