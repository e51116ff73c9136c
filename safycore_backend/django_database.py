"""Django's own database: SQLite, or the schema safycore_django of the project's Postgres.

In Postgres row level security stands behind every query. A unit of work is one transaction as one person: role, claims
and search_path are set for it and end with it, as at the Postgres door (postgres.py). So a connection that goes back to
the pool knows nobody, and any pooler may stand in between.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg_pool import ConnectionPool

from safycore_backend.database import DatabaseUnavailable
from safycore_backend.environment import DJANGO_SCHEMA
from safycore_backend.lines import SILENCE_SECONDS
from safycore_backend.own_database import in_own_database
from safycore_backend.postgres import BECOME, ROLE_FACTS, claims_json, refuse_role
from users.domain import Person

_T = TypeVar("_T")
# Times are read as UTC, which a pooler's connection need not be set to.
SEARCH_PATH = f"set_config('search_path', '{DJANGO_SCHEMA}, pg_temp', true), set_config('timezone', 'UTC', true)"
"""For a select at the beginning of a transaction: where its tables are."""
TABLES = """
select count(*), count(*) filter (where relrowsecurity and relforcerowsecurity) from pg_class
where relnamespace = to_regnamespace(%s) and relname in ('user_profiles', 'conversation_sessions')
"""


def in_postgres() -> bool:
    # Django's `connection` would be another one, made and kept, for every task that asks it.
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("postgresql")


async def as_person(person: Person, work: Callable[[], _T]) -> _T:
    """What `work` returns, done where none but the person's own rows can be reached. Raises DatabaseUnavailable.

    In Postgres all of it is one transaction. In SQLite it is not, and the queries ask for the person themselves.
    """
    if not in_postgres():
        return await in_own_database(work)
    return await _transacted(claims_json(person.claims, email=person.email), person.id, work)


async def as_nobody(work: Callable[[], _T]) -> _T:
    """Likewise without anybody's rows: the tables are there, and empty."""
    return await (_transacted("", "", work) if in_postgres() else in_own_database(work))


async def _transacted(claims: str, user_id: str, work: Callable[[], _T]) -> _T:
    asked_at = time.monotonic()

    def in_turn() -> _T:
        # All threads were busy, as they are while the server is silent: those who wait are answered as soon.
        if time.monotonic() - asked_at > settings.SUPABASE_DB_TIMEOUT:
            raise DatabaseUnavailable
        return _worked(claims, user_id, work)

    return await in_own_database(in_turn)


def _worked(claims: str, user_id: str, work: Callable[[], _T]) -> _T:
    try:
        with _connected(), transaction.atomic():
            _become(claims, user_id)
            return work()
    except (OperationalError, InterfaceError) as exc:
        _renew(exc)
        raise DatabaseUnavailable from exc
    finally:
        # Back to the pool, which replaces it where it is broken.
        connection.close()


def _become(claims: str, user_id: str) -> None:
    with connection.cursor() as cursor:
        milliseconds = str(int(settings.SUPABASE_DB_TIMEOUT * 1000))
        cursor.execute(f"{BECOME}, {SEARCH_PATH}", (claims, user_id, milliseconds))


@contextmanager
def _connected() -> Iterator[None]:
    """A connection, on which the server may be silent for no longer than a statement may take, and a little."""
    connection.ensure_connection()
    seconds = settings.SUPABASE_DB_TIMEOUT + SILENCE_SECONDS
    timer = threading.Timer(seconds, _hang_up, [connection.connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # Ended before the connection is somebody else's.
        timer.join()


def _hang_up(connected: psycopg.Connection[Any]) -> None:
    """Whoever waits for the connection's server hears at once that it is gone."""
    # libpq's socket stays its own: only the connection below it ends, which libpq then reads.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connected.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def _renew(exc: Exception) -> None:
    """Where the server is gone, all connections are: replaced at once, a restart of it costs one request."""
    cause = exc.__cause__
    lost = not isinstance(cause, psycopg.Error) or cause.sqlstate is None or cause.sqlstate.startswith(("08", "57P"))
    pool = _pool()
    if lost and pool is not None and not pool.closed:
        pool.drain()


def _pool() -> ConnectionPool | None:
    pool: ConnectionPool | None = getattr(connection, "pool", None)
    return pool


async def open_django_database() -> None:
    """Raise ImproperlyConfigured where Postgres must not be used as it is set up; SQLite is taken as it is."""
    if in_postgres():
        await in_own_database(_refuse_unsafe)


def _refuse_unsafe() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(ROLE_FACTS)
            refuse_role(cursor.fetchone(), "DATABASE_URL")
            cursor.execute(TABLES, (DJANGO_SCHEMA,))
            refuse_tables(*cursor.fetchone())
    except OperationalError as exc:
        raise ImproperlyConfigured(
            "No connection to DATABASE_URL could be made. Check its address, role and password."
        ) from exc
    finally:
        connection.close()


def refuse_tables(there: int, secured: int) -> None:
    """Raise ImproperlyConfigured where the counts of TABLES are not those of both tables behind policies."""
    if there < 2:  # profiles and sessions
        raise ImproperlyConfigured("DATABASE_URL has no tables of Django's yet: python manage.py prepare")
    if secured < there:
        raise ImproperlyConfigured("Row level security is off on Django's tables: python manage.py prepare")


async def close_django_database() -> None:
    pool = _pool()
    if pool is not None:
        await in_own_database(pool.close)


def django_database_ready() -> bool:
    """Whether the tables are there; within `as_nobody`."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from user_profiles limit 1")
    return True
