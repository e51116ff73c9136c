"""The server behind a pooler that hands connections on by transaction: nothing of one person is left for the next.

tests/api/test_store_contract.py runs over the same pooler.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping

import psycopg
import pytest
from django.test import override_settings

from safycore_backend.doctor.checkup import examined
from safycore_backend.doctor.database import checks
from tests.cast import sign_up
from tests.conftest import NewServer
from tests.operations.test_doctor import Told
from tests.pgbouncer import MISSING, PROGRAM, SERVER_CONNECTIONS, by_transaction

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)
PEOPLE = 6
MESSAGES = 4


@pytest.fixture
async def pooled(environment: Mapping[str, str]) -> AsyncIterator[str]:
    async with by_transaction(environment["SUPABASE_DB_URL"]) as url:
        yield url


async def test_people_at_once_on_shared_connections_see_their_own_words_only(
    pooled: str, new_server: NewServer
) -> None:
    server = await new_server(SUPABASE_DB_URL=pooled)
    people = [await sign_up(server.url, f"person-{number}") for number in range(PEOPLE)]
    canaries = {person.id: f"canary-{uuid.uuid4()}" for person in people}

    async def talks(number: int) -> None:
        person = people[number]
        for turn in range(MESSAGES):
            await person.say(f"{canaries[person.id]} {turn}", "chat")

    await asyncio.gather(*(talks(number) for number in range(PEOPLE)))
    for person in people:
        messages = await person.history("chat")
        sent = [message["content"] for message in messages if message["role"] == "user"]
        assert sent == [f"{canaries[person.id]} {turn}" for turn in range(MESSAGES)]
        others = set(canaries.values()) - {canaries[person.id]}
        assert not [message for message in messages if any(canary in message["content"] for canary in others)]
        await person.close()


async def test_a_connection_that_goes_back_knows_nobody(pooled: str) -> None:
    async with await psycopg.AsyncConnection.connect(pooled, autocommit=True) as connection:
        for _ in range(2 * SERVER_CONNECTIONS):
            row = await (
                await connection.execute(
                    "select current_user, coalesce(current_setting('request.jwt.claims', true), ''), "
                    "coalesce(current_setting('request.jwt.claim.sub', true), '')"
                )
            ).fetchone()
            assert row == ("safycore_app", "", "")


async def test_the_doctor_knows_the_pooler_by_what_it_does(pooled: str, environment: Mapping[str, str]) -> None:
    with override_settings(SUPABASE_DB_URL=pooled, SUPABASE_DB_ADMIN_URL=environment["SUPABASE_DB_ADMIN_URL"]):
        told = Told(await examined([checks()], seconds=60)).only_fails()
    assert told.what("database.mode").startswith("transaction pooler")
