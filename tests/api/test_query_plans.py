"""What the conversation costs the database does not grow with it.

Each function runs as the server runs it, over a session of ten thousand messages. PostgreSQL counts for a transaction
how often a table was read from end to end, and how many of its rows were fetched: within functions, too. A statement
that lost its index either reads the table or fetches the whole session to sort it.
"""

import datetime as dt
import json
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any

import django
import psycopg
import pytest

from tests.cast import Actor
from users.domain import Person

django.setup()

from chat import records  # noqa: E402  # needs the apps

LONG, SHORT = 10_000, 800
HISTORY, PAGE = 400, 50
RUNNING = 300
# Rows besides those of the answer: the message before it, the one that is replied to, and such.
BESIDES = 20
DEAD = "no-such-machine/1:2:3"
Connection = psycopg.AsyncConnection[Any]

FILL = """
insert into public.messages (user_id, session_id, seq, role, content, status)
select %(user)s, %(session)s, n, case when n %% 2 = 1 then 'user' else 'assistant' end, 'text ' || n,
  case when n %% 2 = 1 then 'sent' else 'complete' end
from generate_series(1, %(many)s) n
"""
# Other conversations, of a usual length: without them one session would be the table, and reading all of it be right.
FILL_CROWD = """
insert into public.messages (user_id, session_id, seq, role, content, status)
select %(other)s, %(crowd)s || c, n, case when n %% 2 = 1 then 'user' else 'assistant' end, 'text ' || n,
  case when n %% 2 = 1 then 'sent' else 'complete' end
from generate_series(1, 1000) c, generate_series(1, 20) n
"""
# Put down after the statistics are taken: replies run for so short a time that those know of none. Nobody takes these
# for dead.
FILL_RUNNING = """
insert into public.messages (user_id, session_id, seq, role, status, owner, heartbeat_at)
select %(other)s, %(crowd)s || c, 21, 'assistant', 'streaming', 'o', clock_timestamp() + interval '1 hour'
from generate_series(1, %(many)s) c
"""
FILL_TRAINING_CROWD = """
insert into public.training_data (user_id, session_id, content)
select %(other)s, %(crowd)s || c, 'fact ' || n from generate_series(1, 1000) c, generate_series(1, 3) n
"""
FILL_TRAINING = """
insert into public.training_data (user_id, session_id, content)
select %(user)s, %(session)s, 'fact ' || n from generate_series(1, %(many)s) n
"""
BEGIN = "select public.begin_turn(%(session)s, 'Hello', %(key)s, 'hash', 'm', null, 1000, 400, 1000000, 'o', null, 10)"
PAGE_OF = "select public.conversation_page(%(session)s, 50, %(before)s, false)"
READ = """
select relname, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
where schemaname = 'public' and relname in ('messages', 'training_data')
"""


@pytest.fixture(scope="module")
async def long_session(owner_sql: Connection, alice: Actor, bob: Actor) -> AsyncIterator[dict[str, Any]]:
    """Ten thousand messages in one session of Alice's, a shorter one beside it; a thousand sessions of Bob's, with
    replies that run in many of them.
    """
    # It would take the statistics anew while the replies run, once a minute.
    await owner_sql.execute("alter table public.messages set (autovacuum_enabled = false)")
    names = {name: f"{name}-{uuid.uuid4()}" for name in ("session", "short", "crowd")}
    named = {"user": alice.id, "other": bob.id, **names}
    async with owner_sql.transaction():
        # The numbers are given here; the trigger that gives them otherwise has tests of its own.
        await owner_sql.execute("set local session_replication_role = replica")
        # What other tests have left running, the statistics would know of.
        await owner_sql.execute("update public.messages set status = 'interrupted' where status = 'streaming'")
        await owner_sql.execute(FILL, {**named, "many": LONG})
        await owner_sql.execute(FILL, {**named, "session": named["short"], "many": SHORT})
        await owner_sql.execute(FILL_TRAINING, {**named, "session": named["short"], "many": 3})
        await owner_sql.execute(FILL_CROWD, named)
        await owner_sql.execute(FILL_TRAINING_CROWD, named)
    await owner_sql.execute("analyze public.messages, public.training_data")
    await owner_sql.execute(FILL_RUNNING, {**named, "many": RUNNING})
    yield named
    for table in ("messages", "training_data"):
        await owner_sql.execute(
            f"delete from public.{table} where session_id in (%(session)s, %(short)s) "
            "or session_id like %(crowd)s || '%%'",
            named,
        )
    await owner_sql.execute("alter table public.messages reset (autovacuum_enabled)")


class Reading:
    """One transaction as the server's, undone at its end, and what it has read by now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def call(self, statement: str, **arguments: Any) -> Any:
        row = await (await self._connection.execute(statement, arguments)).fetchone()
        assert row is not None
        return row[0]

    async def cost(self, statement: str, **arguments: Any) -> int:
        """How many rows the statement fetched; fails when it read a table from end to end."""
        before = await self._read()
        await self.call(statement, **arguments)
        after = await self._read()
        for table, (scans, _) in after.items():
            assert scans == before[table][0], f"{statement} reads the whole of {table}."
        return sum(rows for _, rows in after.values()) - sum(rows for _, rows in before.values())

    async def at_most(self, most: int, statement: str, **arguments: Any) -> None:
        cost = await self.cost(statement, **arguments)
        assert cost <= most, f"{statement} fetches {cost} rows, not {most} at most."

    async def _read(self) -> dict[str, tuple[int, int]]:
        rows = await (await self._connection.execute(READ)).fetchall()
        return {table: (int(scans), int(fetched)) for table, scans, fetched in rows}


@pytest.fixture
async def as_server(environment: Mapping[str, str], alice: Actor) -> AsyncIterator[Any]:
    """Opens a Reading as Alice, with the plans that are made for a statement's arguments, or for any."""
    claims = json.dumps({"sub": alice.id, "role": "authenticated", "session_id": alice.claims["session_id"]})
    connection = await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_ADMIN_URL"], autocommit=True)

    @asynccontextmanager
    async def opened(plans: str, first: str | None = None) -> AsyncIterator[Reading]:
        async with connection.transaction(force_rollback=True):
            if first is not None:
                await connection.execute(first)
            for name, value in (
                ("plan_cache_mode", plans),
                ("request.jwt.claims", claims),
                ("request.jwt.claim.sub", alice.id),
                ("role", "safycore_user"),
            ):
                await connection.execute("select set_config(%s, %s, true)", (name, value))
            yield Reading(connection)

    yield opened
    await connection.close()


both_plans = pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])


@both_plans
async def test_a_turn_of_a_long_session_reads_its_newest_messages(
    as_server: Any, long_session: dict[str, Any], plans: str
) -> None:
    async with as_server(plans) as reading:
        cost = await reading.cost(BEGIN, session=long_session["short"], key="a key")
        assert cost <= HISTORY + 3 + BESIDES
    async with as_server(plans) as reading:
        await reading.at_most(cost, BEGIN, session=long_session["session"], key="a key")


@both_plans
async def test_saving_and_ending_a_reply_touch_its_row(
    as_server: Any, long_session: dict[str, Any], plans: str
) -> None:
    async with as_server(plans) as reading:
        turn = await reading.call(BEGIN, session=long_session["session"], key=None)
        reply = turn["message"]["id"]
        await reading.at_most(BESIDES, "select public.checkpoint_turn(%(id)s, 'text')", id=reply)
        await reading.at_most(BESIDES, "select public.get_message(%(id)s)", id=reply)
        await reading.at_most(BESIDES, "select public.running_turn(%(s)s)", s=long_session["session"])
        await reading.at_most(BESIDES, "select public.running_sessions()")
        await reading.at_most(BESIDES, "select public.stop_turn(%(s)s)", s=long_session["session"])
        ended = "select public.finish_turn(%(id)s, '', 'error', null, null, 'model_unavailable')"
        await reading.at_most(BESIDES, ended, id=reply)


@both_plans
@pytest.mark.parametrize("before", [None, LONG // 2, PAGE])
async def test_a_page_of_a_long_session_reads_a_page(
    as_server: Any, long_session: dict[str, Any], plans: str, before: int | None
) -> None:
    async with as_server(plans) as reading:
        await reading.at_most(PAGE + BESIDES, PAGE_OF, session=long_session["session"], before=before)


@both_plans
async def test_another_answer_in_a_long_session_reads_its_newest_messages(
    as_server: Any, long_session: dict[str, Any], plans: str
) -> None:
    statement = "select public.regenerate_turn(%(s)s, 'm', 400, 1000000, 'o', null, 10)"
    async with as_server(plans) as reading:
        await reading.at_most(HISTORY + 3 + BESIDES, statement, s=long_session["short"])


@both_plans
async def test_the_training_data_of_a_session_is_read_alone(
    as_server: Any, long_session: dict[str, Any], plans: str
) -> None:
    async with as_server(plans) as reading:
        short = long_session["short"]
        await reading.at_most(3 + BESIDES, "select public.list_training_data(%(s)s)", s=short)
        await reading.at_most(BESIDES, "select public.add_training_data(%(s)s, 'fact 2', 1000)", s=short)


@both_plans
async def test_looking_for_dead_processes_reads_what_runs(
    as_server: Any, long_session: dict[str, Any], plans: str
) -> None:
    async with as_server(plans) as reading:
        await reading.call(BEGIN, session=long_session["session"], key=None)
        await reading.at_most(RUNNING + BESIDES, "select public.running_owners()")
        await reading.at_most(RUNNING + BESIDES, "select public.reap_replies(%(owners)s, true)", owners=[DEAD])
        await reading.at_most(RUNNING + BESIDES, "select public.reap_replies(%(owners)s, false)", owners=[DEAD])


@both_plans
@pytest.mark.parametrize(
    ("index", "statement", "session"),
    [
        ("idx_messages_user_session", PAGE_OF, "session"),
        ("idx_messages_user_session", BEGIN, "short"),
        ("messages_client_message_id", BEGIN, "short"),
        ("idx_training_data_user_session, public.training_data_same_text_once", BEGIN, "short"),
    ],
)
async def test_these_tests_notice_a_lost_index(
    as_server: Any, long_session: dict[str, Any], plans: str, index: str, statement: str, session: str
) -> None:
    async with as_server(plans, f"drop index public.{index}") as reading:
        with pytest.raises(AssertionError, match=r"reads the whole|fetches"):
            await reading.at_most(HISTORY + 3 + BESIDES, statement, session=long_session[session], key="k", before=None)


@both_plans
async def test_these_tests_notice_an_index_by_which_one_reply_is_found_among_all_that_run(
    as_server: Any, long_session: dict[str, Any], plans: str
) -> None:
    # In the place of the one by which a person's is found, whose statistics are as good.
    misleading = (
        "drop index public.messages_one_running_reply; "
        "create index on public.messages (owner) where status = 'streaming'"
    )
    async with as_server(plans, misleading) as reading:
        turn = await reading.call(BEGIN, session=long_session["session"], key=None)
        with pytest.raises(AssertionError, match="fetches"):
            await reading.at_most(BESIDES, "select public.checkpoint_turn(%(id)s, 'text')", id=turn["message"]["id"])


async def test_no_index_holds_what_is_saved_while_a_reply_grows(owner_sql: psycopg.AsyncConnection[Any]) -> None:
    """Otherwise each save is a new entry in every index, and not a change of one row where it is."""
    found = await owner_sql.execute(
        "select indexdef from pg_indexes where tablename = 'messages' and indexdef ~ 'heartbeat_at|content|updated_at'"
    )
    assert await found.fetchall() == []


# The list of sessions, in Django's own database.


@pytest.mark.parametrize("cursor", [None, (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 7)])
def test_a_page_of_the_list_of_sessions_is_read_in_its_order(
    environment: Mapping[str, str], alice: Actor, cursor: tuple[dt.datetime, int] | None
) -> None:
    person = Person(id=alice.id, email=alice.email, claims=None)  # type: ignore[arg-type]  # who asks is not looked at
    statement, arguments = records.newest(person, cursor).query.sql_with_params()
    with closing(sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///"))) as connection:
        explained = connection.execute(
            f"explain query plan {statement.replace('%s', '?')}", [_stored(each) for each in arguments]
        ).fetchall()
    steps = [step[3] for step in explained]
    assert len(steps) == 1, steps
    assert "USING INDEX conversation_sessions_newest (user_id=?" in steps[0]
    assert (cursor is None) or "updated_at<?" in steps[0]


def _stored(argument: Any) -> Any:
    return argument if isinstance(argument, int | float) else str(argument)
