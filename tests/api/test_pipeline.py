"""safycore_backend/pipeline.py: one transaction in one round trip, whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from safycore_backend.pipeline import Statement, numbered, transacted

NAME: Statement = b"select set_config('test.name', $1, true)", ("Alice",)
ASK: Statement = b"select current_setting('test.name', true)", ()
NOTE: Statement = b"insert into noted values ($1)", (1,)


@pytest.fixture
async def connection(environment: Mapping[str, str]) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_ADMIN_URL"], autocommit=True) as opened:
        await opened.execute("create temp table noted (number integer unique deferrable initially deferred)")
        yield opened


async def numbers(connection: psycopg.AsyncConnection[Any]) -> list[int]:
    """What was noted, asked in psycopg's own way, which needs a sound connection."""
    assert connection.pgconn.pipeline_status == PipelineStatus.OFF
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE
    return [number for (number,) in await (await connection.execute("select number from noted")).fetchall()]


async def asleep(connection: psycopg.AsyncConnection[Any], owner_sql: psycopg.AsyncConnection[Any]) -> None:
    """Wait until its server sleeps."""
    running = "select count(*) from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
    async with asyncio.timeout(10):
        while (await (await owner_sql.execute(running, (connection.info.backend_pid,))).fetchone()) != (1,):
            pass


async def test_the_statements_see_each_other_and_leave_no_setting_behind(
    connection: psycopg.AsyncConnection[Any],
) -> None:
    assert await transacted(connection, [NAME, ASK]) == "Alice"
    assert await transacted(connection, [ASK]) in {None, ""}


async def test_what_succeeds_is_committed(connection: psycopg.AsyncConnection[Any]) -> None:
    assert await transacted(connection, [NOTE, (b"select $1::jsonb", ('{"a": [1, null]}',))]) == {"a": [1, None]}
    assert await numbers(connection) == [1]


@pytest.mark.parametrize(
    ("failing", "code"),
    [
        ([(b"select 1/$1::integer", (0,)), NOTE], "22012"),
        ([NOTE, (b"select 1/$1::integer", (0,))], "22012"),
        ([NOTE, (b"select nothing from nowhere", ())], "42P01"),
        ([NOTE, NOTE], "23505"),
    ],
    ids=["the first", "the last", "one that cannot be read", "the commit"],
)
async def test_whatever_fails_undoes_all_of_it_and_spoils_nothing(
    connection: psycopg.AsyncConnection[Any], failing: list[Statement], code: str
) -> None:
    with pytest.raises(psycopg.Error) as raised:
        await transacted(connection, failing)
    assert raised.value.sqlstate == code
    assert await numbers(connection) == []
    assert await transacted(connection, [NAME, ASK]) == "Alice"


async def test_text_that_postgres_cannot_hold_is_refused_before_anything_is_sent(
    connection: psycopg.AsyncConnection[Any],
) -> None:
    with pytest.raises(psycopg.DataError):
        await transacted(connection, [NOTE, (b"select $1", ("a\x00b",))])
    assert await numbers(connection) == []


async def test_a_megabyte_goes_there_and_back(connection: psycopg.AsyncConnection[Any]) -> None:
    text = "Zoë 😀 " * 200_000
    assert await transacted(connection, [NAME, (b"select $1::text", (text,))]) == text


async def test_a_server_that_ends_the_connection_is_an_error_at_once(
    connection: psycopg.AsyncConnection[Any], owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    asked = asyncio.create_task(transacted(connection, [NAME, (b"select pg_sleep($1)", (60,))]))
    await asleep(connection, owner_sql)
    async with asyncio.timeout(10):
        await owner_sql.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            await asked
    with pytest.raises(psycopg.OperationalError):
        await transacted(connection, [ASK])


async def test_who_stops_waiting_leaves_a_sound_connection_and_nothing_done(
    connection: psycopg.AsyncConnection[Any], owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    asked = asyncio.create_task(transacted(connection, [NOTE, (b"select pg_sleep($1)", (60,))]))
    await asleep(connection, owner_sql)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await numbers(connection) == []
    assert await transacted(connection, [NAME, ASK]) == "Alice"


def test_placeholders_are_numbered() -> None:
    assert numbered("select %s, '100%', %s") == b"select $1, '100%', $2"
