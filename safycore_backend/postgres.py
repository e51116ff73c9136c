"""The door straight to Postgres: a pool of connections, and per call one transaction as one person.

The role and the claims are set for the transaction only, never for the session: a connection that goes back to the pool
knows nobody. Claims and call travel as one pipeline, which is one round trip and one transaction.
"""

import asyncio
import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from safycore_backend import metrics
from safycore_backend.database import (
    INVALID_AUTHORIZATION,
    Claims,
    DatabaseUnavailable,
    SessionEnded,
    refused,
)
from safycore_backend.errors import ApiError
from safycore_backend.lines import Lines, Stats
from safycore_backend.pipeline import Statement, numbered

BECOME = (
    "select set_config('role', 'safycore_user', true), set_config('request.jwt.claims', %s, true), "
    "set_config('request.jwt.claim.sub', %s, true), set_config('statement_timeout', %s, true)"
)
"""The first statement of every transaction: the claims, their user, and how many milliseconds a statement may take."""
_BECOME = numbered(BECOME)
# Codes of SQLSTATE classes 08, 53, 57 and 58: connection, resources, operator intervention, system.
_UNREACHABLE = ("08", "53", "57", "58")
# After these, or without any code, the other connections are no better: the server is stopping, or out of reach.
_LOST = ("08", "57P")
# Until then the pool tries again, at growing intervals; after that only when somebody asks for a connection.
_RECONNECT_SECONDS = 4.0


class PostgresDoor:
    needs_token = False

    def __init__(self, url: str) -> None:
        self._pool = AsyncConnectionPool(
            url,
            open=False,
            min_size=min(2, settings.SUPABASE_DB_POOL_SIZE),
            max_size=settings.SUPABASE_DB_POOL_SIZE,
            timeout=settings.SUPABASE_DB_TIMEOUT,
            reconnect_timeout=_RECONNECT_SECONDS,
            kwargs={
                "autocommit": True,
                # A transaction pooler would hand a prepared statement to another connection.
                "prepare_threshold": None,
                "application_name": "safycore",
                "connect_timeout": math.ceil(settings.SUPABASE_DB_TIMEOUT),
            },
        )
        self._lines = Lines(self._pool, settings.SUPABASE_DB_TIMEOUT)
        self._measured = Stats()
        self._timeout_ms = str(int(settings.SUPABASE_DB_TIMEOUT * 1000))
        self._renewing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as exc:
            await self._pool.close()
            raise ImproperlyConfigured(
                "No connection to SUPABASE_DB_URL could be made. Check its address, role and password."
            ) from exc
        async with self._pool.connection() as connection:
            await refuse_dangerous_role(connection)

    async def ready(self) -> bool:
        try:
            await self._lines.carried([(b"select 1", ())])
        except psycopg.Error as exc:
            self._renew_after(exc)
            return False
        return True

    def look(self) -> None:
        self._lines.look()

    def delay(self) -> float:
        return self._lines.delay

    def measure(self) -> None:
        pool, now, before = self._pool.get_stats(), self._lines.stats, self._measured
        self._measured = replace(now)
        metrics.pool_size.set(pool["pool_size"])
        metrics.pool_idle.set(pool["pool_available"] + self._lines.idle)
        metrics.pool_waiting.set(self._lines.waiting)
        metrics.pool_calls.inc(now.calls - before.calls)
        metrics.pool_waits.inc(now.waits - before.waits)
        metrics.pool_wait_seconds.inc(now.wait_seconds - before.wait_seconds)
        metrics.pool_errors.inc(now.errors - before.errors)

    async def close(self) -> None:
        await self._lines.close()
        await self._pool.close()

    async def call(
        self,
        claims: Claims,
        function: str,
        arguments: Mapping[str, Any],
        kind: Any = Any,
        *,
        gives_way: bool = False,
    ) -> Any:
        statements = self._statements(claims_json(claims), claims.user_id, function, arguments)
        return await self._carried(function, statements, kind, gives_way=gives_way)

    async def maintain(self, function: str, arguments: Mapping[str, Any]) -> Any:
        return await self._carried(function, self._statements("", "", function, arguments))

    def _statements(
        self, claims: str, user_id: str, function: str, arguments: Mapping[str, Any]
    ) -> tuple[Statement, Statement]:
        called = _call(function, tuple(arguments)), tuple(arguments.values())
        return (_BECOME, (claims, user_id, self._timeout_ms)), called

    async def _carried(
        self, function: str, statements: tuple[Statement, Statement], kind: Any = Any, *, gives_way: bool = False
    ) -> Any:
        try:
            return await self._lines.carried(statements, kind, gives_way=gives_way)
        except PoolTimeout as exc:
            raise DatabaseUnavailable from exc
        except psycopg.Error as exc:
            raise self._mapped(exc, function) from exc

    def _mapped(self, exc: psycopg.Error, function: str) -> ApiError:
        if exc.sqlstate == INVALID_AUTHORIZATION:
            return SessionEnded()
        if isinstance(exc, psycopg.DataError | psycopg.ProgrammingError):
            return refused(function, exc.sqlstate)
        self._renew_after(exc)
        if exc.sqlstate is None or exc.sqlstate.startswith(_UNREACHABLE):
            return DatabaseUnavailable()
        return refused(function, exc.sqlstate)

    def _renew_after(self, exc: psycopg.Error) -> None:
        """Replace every connection now, so that a restart of Postgres costs one request and not one per connection."""
        lost = exc.sqlstate is None or exc.sqlstate.startswith(_LOST)
        if lost and not isinstance(exc, PoolTimeout) and (self._renewing is None or self._renewing.done()):
            self._lines.let_go()
            # Not the pool's `check`, which asks each connection in turn and waits for a silent one for ever.
            self._renewing = asyncio.create_task(self._pool.drain())


def claims_json(claims: Claims, **more: str | None) -> str:
    """As our functions and policies read them."""
    return msgspec.json.encode(
        {"sub": claims.user_id, "role": "authenticated", "session_id": claims.auth_session_id, **more}
    ).decode()


@functools.cache
def _call(function: str, names: tuple[str, ...]) -> bytes:
    """The statement, put together once: psycopg would write a Composed anew for each call."""
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => ${}").format(sql.Identifier(name), sql.SQL(str(number))) for number, name in enumerate(names, 1)
    )
    return sql.SQL("select public.{}({})").format(sql.Identifier(function), arguments).as_bytes()


# Of the login role and of every role it can become, however many steps away.
ROLE_FACTS = """
with reachable as (
  select r.* from pg_roles r where pg_has_role(current_user, r.oid, 'member')
)
select current_user::text,
  bool_or(r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication),
  bool_or(
    exists (select from pg_class c where c.relowner = r.oid)
    or exists (select from pg_namespace n where n.nspowner = r.oid)
    or exists (select from pg_proc p where p.proowner = r.oid)),
  coalesce(array_agg(r.rolname::text order by r.rolname) filter (where r.rolname <> current_user), '{}'),
  exists (select from pg_proc p where p.proname = 'caller' and p.pronamespace =
    (select n.oid from pg_namespace n where n.nspname = 'safycore'))
from reachable r
"""


async def refuse_dangerous_role(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raise ImproperlyConfigured unless the login role is what docs/architecture.md asks for."""
    refuse_role(await (await connection.execute(ROLE_FACTS)).fetchone(), "SUPABASE_DB_URL")


def refuse_role(facts: tuple[Any, ...] | None, variable: str) -> None:
    """Raise ImproperlyConfigured for a login role that could do more than it must, given its ROLE_FACTS.

    It may become safycore_user and nothing else, has no privilege that passes row level security, and owns nothing.
    """
    if facts is None:
        raise ImproperlyConfigured(f"{variable} logs in as a role that cannot be looked up.")
    name, privileged, owner, memberships, migrated = facts
    advice = "Use the role safycore_app (docs/configuration.md)."
    if privileged:
        raise ImproperlyConfigured(f"{variable} logs in as {name!r}, which can pass row level security. {advice}")
    if owner:
        raise ImproperlyConfigured(f"{variable} logs in as {name!r}, which owns tables or schemas. {advice}")
    if not migrated:
        raise ImproperlyConfigured("The database has no tables of ours yet: python manage.py apply_migrations")
    if memberships != ["safycore_user"]:
        raise ImproperlyConfigured(
            f"{variable} logs in as {name!r}, which may become {memberships}: not safycore_user only. {advice}"
        )
