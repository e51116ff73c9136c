"""safycore_backend/pipeline.py and lines.py: a transaction in one round trip, and many of them over few connections."""

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from safycore_backend.lines import Lines
from safycore_backend.pipeline import Statement, numbered

NAMED = "safycore-test-lines"
NAME: Statement = b"select set_config('test.name', $1, true)", ("Alice",)
ASK: Statement = b"select current_setting('test.name', true)", ()
NOTE: Statement = b"insert into noted values ($1)", (1,)
NUMBERS: Statement = b"select coalesce(json_agg(number), '[]') from noted", ()
SLEEP: Statement = b"select pg_sleep($1)", (60,)
WHO: Statement = b"select pg_backend_pid()", ()


@asynccontextmanager
async def lines_to(
    environment: Mapping[str, str], size: int = 1, seconds: float = 30
) -> AsyncIterator[tuple[Lines, AsyncConnectionPool[Any]]]:
    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("create temp table noted (number integer unique deferrable initially deferred)")

    url = environment["SUPABASE_DB_ADMIN_URL"]
    kwargs = {"autocommit": True, "application_name": NAMED}
    pool = AsyncConnectionPool(
        url, open=False, min_size=1, max_size=size, timeout=seconds, configure=configure, kwargs=kwargs
    )
    await pool.open(wait=True, timeout=30)
    lines = Lines(pool, seconds)
    try:
        yield lines, pool
    finally:
        await lines.close()
        await pool.close()
        await _gone(url)


async def _gone(url: str) -> None:
    """Wait until no process of the server is left of them: one that sleeps does not see that nobody listens."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = %s", (NAMED,)
        )


@pytest.fixture
async def lines(environment: Mapping[str, str]) -> AsyncIterator[Lines]:
    """Over one connection, so that what one transaction leaves behind the next one would find."""
    async with lines_to(environment) as (opened, _):
        yield opened


@pytest.fixture
def asleep(owner_sql: psycopg.AsyncConnection[Any]) -> Callable[[int], Any]:
    async def wait_for(pid: int) -> None:
        """Until its server sleeps."""
        running = "select count(*) from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
        async with asyncio.timeout(10):
            while (await (await owner_sql.execute(running, (pid,))).fetchone()) != (1,):
                pass

    return wait_for


async def test_the_statements_see_each_other_and_leave_no_setting_behind(lines: Lines) -> None:
    assert await lines.carried([NAME, ASK]) == "Alice"
    assert await lines.carried([ASK]) in {None, ""}


async def test_what_succeeds_is_committed(lines: Lines) -> None:
    assert await lines.carried([NOTE, (b"select $1::jsonb", ('{"a": [1, null]}',))]) == {"a": [1, None]}
    assert await lines.carried([NUMBERS]) == [1]


async def test_json_is_read_as_what_it_is_asked_for(lines: Lines) -> None:
    class Named(msgspec.Struct):
        name: str

    assert await lines.carried([(b"select $1::json", ('{"name": "Zoë", "more": 1}',))], Named) == Named("Zoë")
    assert await lines.carried([(b"select null::json", ())], Named | None) is None
    assert await lines.carried([(b"select true", ())]) is True
    assert await lines.carried([NOTE]) is None


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
    lines: Lines, failing: list[Statement], code: str
) -> None:
    with pytest.raises(psycopg.Error) as raised:
        await lines.carried(failing)
    assert raised.value.sqlstate == code
    assert await lines.carried([NUMBERS]) == []
    assert await lines.carried([NAME, ASK]) == "Alice"


async def test_text_that_postgres_cannot_hold_is_refused_before_anything_is_sent(lines: Lines) -> None:
    with pytest.raises(psycopg.DataError):
        await lines.carried([NOTE, (b"select $1", ("a\x00b",))])
    assert await lines.carried([NUMBERS]) == []


async def test_a_megabyte_goes_there_and_back(lines: Lines) -> None:
    text = "Zoë 😀 " * 200_000
    assert await lines.carried([NAME, (b"select $1::text", (text,))]) == text


async def test_many_over_few_connections_each_get_their_own_answer(environment: Mapping[str, str]) -> None:
    async with lines_to(environment, size=3) as (lines, pool):
        asked = [lines.carried([(b"select set_config('test.name', $1, true)", (str(n),)), ASK]) for n in range(500)]
        assert await asyncio.gather(*asked) == [str(n) for n in range(500)]
        assert pool.get_stats()["pool_size"] <= 3
        assert lines.stats.calls == 500
        assert lines.stats.waits >= 100
        assert lines.waiting == 0


async def test_a_failure_among_many_is_told_to_nobody_else(lines: Lines) -> None:
    asked = [lines.carried([(b"select 6/$1::integer", (number % 3,))]) for number in range(60)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 3:
            assert answer == 6 // (number % 3)
        else:
            assert isinstance(answer, psycopg.errors.DivisionByZero)


async def test_a_server_that_ends_the_connection_is_an_error_at_once_and_the_next_call_gets_another_one(
    lines: Lines, owner_sql: psycopg.AsyncConnection[Any], asleep: Callable[[int], Any]
) -> None:
    pid = await lines.carried([WHO])
    asked = asyncio.create_task(lines.carried([NAME, SLEEP]))
    await asleep(pid)
    async with asyncio.timeout(10):
        await owner_sql.execute("select pg_terminate_backend(%s)", (pid,))
        with pytest.raises(psycopg.OperationalError):
            await asked
        assert await lines.carried([WHO]) != pid


async def test_a_connection_that_ends_while_nobody_uses_it_costs_no_call(
    lines: Lines, owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    pid = await lines.carried([WHO])
    await owner_sql.execute("select pg_terminate_backend(%s, 10000)", (pid,))
    async with asyncio.timeout(10):
        while lines.idle:
            await owner_sql.execute("select 1")
        assert await lines.carried([WHO]) != pid


async def test_who_stops_waiting_spoils_nothing(lines: Lines) -> None:
    gone = asyncio.create_task(lines.carried([NAME, (b"select pg_sleep($1)", (0.05,))]))
    waiting = asyncio.create_task(lines.carried([NOTE]))
    await asyncio.sleep(0)
    gone.cancel()
    waiting.cancel()
    await asyncio.gather(gone, waiting, return_exceptions=True)
    assert await lines.carried([NUMBERS]) == []
    assert await lines.carried([NAME, ASK]) == "Alice"


async def test_who_waits_too_long_for_a_connection_is_told_and_nothing_is_sent(environment: Mapping[str, str]) -> None:
    async with lines_to(environment, seconds=2) as (lines, _):
        # Longer than anybody waits, and shorter than the server may be silent.
        busy = asyncio.create_task(lines.carried([(b"select pg_sleep($1)", (2.25,))]))
        await asyncio.sleep(0)
        with pytest.raises(PoolTimeout):
            await lines.carried([NOTE])
        await busy
        assert await lines.carried([NUMBERS]) == []
        assert lines.stats.errors == 1


async def test_a_silent_server_is_hung_up_on(environment: Mapping[str, str]) -> None:
    async with lines_to(environment, seconds=2) as (lines, _):
        with pytest.raises(psycopg.OperationalError):
            await lines.carried([SLEEP])
        assert await lines.carried([NAME, ASK]) == "Alice"


async def test_an_answer_that_waits_to_be_read_is_no_silence(environment: Mapping[str, str]) -> None:
    async with lines_to(environment, seconds=0.2) as (lines, _):
        await lines.carried([ASK])
        asked = asyncio.create_task(lines.carried([NAME, ASK]))
        await asyncio.sleep(0)
        # The event loop is held up for longer than a server may be silent; blocking is what is meant here.
        time.sleep(1)  # noqa: ASYNC251
        assert await asked == "Alice"


async def test_a_look_takes_answers_and_sends_what_waits_within_one_turn_of_the_loop(lines: Lines) -> None:
    await lines.carried([ASK])
    asked = [asyncio.create_task(lines.carried([NAME, ASK])) for _ in range(5)]
    await asyncio.sleep(0)
    assert lines.waiting == 4
    until = time.monotonic() + 10
    while lines.waiting and time.monotonic() < until:
        lines.look()
    assert lines.waiting == 0
    assert await asyncio.gather(*asked) == ["Alice"] * 5


async def test_what_gives_way_goes_after_what_came_later_but_not_for_ever(environment: Mapping[str, str]) -> None:
    done: list[str] = []

    async def carried(lines: Lines, name: str, *, gives_way: bool = False) -> None:
        await lines.carried([NAME, ASK], gives_way=gives_way)
        done.append(name)

    async with lines_to(environment, seconds=4) as (lines, _):
        for seconds, first in ((0.1, "urgent"), (2.5, "patient")):
            done.clear()
            busy = asyncio.create_task(lines.carried([(b"select pg_sleep($1)", (seconds,))]))
            await asyncio.sleep(0)
            patient = asyncio.create_task(carried(lines, "patient", gives_way=True))
            await asyncio.sleep(0)
            urgent = asyncio.create_task(carried(lines, "urgent"))
            await asyncio.gather(busy, patient, urgent)
            assert done[0] == first


async def test_without_a_descriptor_a_call_waits_until_there_is_one(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, dup = 0, os.dup

    def exhausted(descriptor: int) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(errno.EMFILE, "too many open files")
        return dup(descriptor)

    monkeypatch.setattr(os, "dup", exhausted)
    assert await lines.carried([NAME, ASK]) == "Alice"
    assert tries == 2


async def test_a_connection_that_carries_nothing_goes_back_to_the_pool(environment: Mapping[str, str]) -> None:
    async with lines_to(environment) as (lines, pool):
        await lines.carried([ASK])
        assert lines.idle == 1
        async with asyncio.timeout(10), pool.connection() as connection:
            assert lines.idle == 0
            assert await (await connection.execute("select 1")).fetchone() == (1,)


async def test_after_the_end_calls_are_refused(environment: Mapping[str, str]) -> None:
    async with lines_to(environment) as (lines, pool):
        await lines.close()
        await pool.close()
        with pytest.raises(PoolClosed):
            await lines.carried([ASK])


def test_placeholders_are_numbered() -> None:
    assert numbered("select %s, '100%', %s") == b"select $1, '100%', $2"
