"""Rows by the million, as turns would have left them.

One statement writes them, as the owner and with triggers off for its transaction. It gives what the trigger would have
given, numbers without gaps in each session, so that table and indexes are what the application would have made, in
minutes instead of days. Accounts are real rows, too. Indexes besides the primary key are built afterwards from their
own definitions, as a restored backup builds them.

Everybody talks at the same time: every session gets its first message before any gets its second. What belongs to one
session therefore lies scattered over the whole table, which is the worst case for whoever reads it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.errors import BenchError
from bench.progress import say

ROWS_AT_ONCE = 500_000
# With its places in the indexes, the log of what was written, and some room to build an index in.
BYTES_OF_MESSAGE = 1_200
QUESTION = "What should I pay attention to when I plan a garden on a slope that faces north?"
ANSWER = "Look at the water first: where it comes from, where it stays, and where it should go. " * 3
# Within a session odd numbers are a person's messages and even ones the answers to them.
_ROWS = """
insert into public.messages
  (id, user_id, session_id, seq, role, content, status, reply_to, model, finish_reason, created_at)
select
  md5(%(mark)s || n)::uuid,
  (%(people)s::uuid[])[1 + session %% cardinality(%(people)s::uuid[])],
  %(mark)s || session,
  seq,
  case when seq %% 2 = 1 then 'user' else 'assistant' end,
  case when seq %% 2 = 1 then %(question)s else %(answer)s end,
  case when seq %% 2 = 1 then 'sent' else 'complete' end,
  case when seq %% 2 = 0 then md5(%(mark)s || (n - %(sessions)s))::uuid end,
  case when seq %% 2 = 0 then 'openai/gpt-oss-120b' end,
  case when seq %% 2 = 0 then 'stop' end,
  now() - interval '30 days' + n * interval '100 milliseconds'
from generate_series(%(first)s::bigint, %(last)s::bigint) n,
  lateral (select n %% %(sessions)s as session, 1 + n / %(sessions)s as seq) place
"""
_PEOPLE = """
insert into auth.users (id, email)
select gen_random_uuid(), 'filled-' || gen_random_uuid() || '@example.com' from generate_series(1, %s)
returning id::text
"""
_INDEXES = """
select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
where indrelid = 'public.messages'::regclass and not indisprimary
"""


@dataclass(frozen=True)
class Filling:
    """So many sessions of the same length; they are called by the mark and a number, and belong to people in turn."""

    mark: str
    sessions: int
    length: int
    of_each_person: int = 16

    @property
    def messages(self) -> int:
        return self.sessions * self.length


def fill(url: str, filling: Filling, owner: str) -> list[str]:
    """Write it all, as the owner of the database; answer the sessions that belong to `owner`, who is the first of
    the people. Then vacuum, as a database that has been up for a while would have done.
    """
    _require_space(filling)
    with psycopg.connect(url, autocommit=True) as connection:
        people = [owner, *_accounts(connection, (filling.sessions - 1) // filling.of_each_person)]
        if filling.messages > ROWS_AT_ONCE:
            with _indexes_rebuilt(connection):
                _write(connection, filling, people)
        else:
            _write(connection, filling, people)
        connection.execute("vacuum (analyze) public.messages")
        connection.execute("checkpoint")
    return [f"{filling.mark}{number}" for number in range(0, filling.sessions, len(people))]


def _require_space(filling: Filling) -> None:
    where, needed = tempfile.gettempdir(), filling.messages * BYTES_OF_MESSAGE
    free = shutil.disk_usage(where).free
    if free < needed:
        raise BenchError(
            f"{filling.messages:,} messages need {needed / 1e9:.0f} GB in {where}, where {free / 1e9:.0f} "
            "GB are free: ask for fewer with --messages, or set TMPDIR."
        )


def table_size(url: str) -> tuple[int, int]:
    """Messages in the table, and the bytes that it takes with its indexes."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*), pg_total_relation_size('public.messages') from public.messages"
        ).fetchone()
    if row is None:
        raise BenchError("The table of messages cannot be read.")
    return int(row[0]), int(row[1])


def _accounts(connection: psycopg.Connection[Any], count: int) -> list[str]:
    """New accounts that nobody can sign in to."""
    return [str(row[0]) for row in connection.execute(_PEOPLE, (count,)).fetchall()]


def _write(connection: psycopg.Connection[Any], filling: Filling, people: list[str]) -> None:
    values = {"mark": filling.mark, "people": people, "sessions": filling.sessions}
    values |= {"question": QUESTION, "answer": ANSWER}
    for first in range(0, filling.messages, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, filling.messages) - 1
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
            connection.execute(_ROWS, {**values, "first": first, "last": last})
        if filling.messages > ROWS_AT_ONCE:
            say(f"filling: {last + 1:,} of {filling.messages:,} messages")


@contextmanager
def _indexes_rebuilt(connection: psycopg.Connection[Any]) -> Iterator[None]:
    indexes = connection.execute(_INDEXES).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    yield
    connection.execute("set maintenance_work_mem = '512MB'")
    for name, definition in indexes:
        say(f"filling: index {name}")
        connection.execute(str(definition).encode())
