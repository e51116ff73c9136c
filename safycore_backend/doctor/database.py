"""The people's database: the way to it, the role, the migrations and the rules that it keeps."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings

from safycore_backend.doctor.examination import Check, Facts, Group
from safycore_backend.doctor.migrations import missing_objects, recorded
from safycore_backend.doctor.report import Outcome, fail, ok, warn
from safycore_backend.doctor.supabase import drift
from safycore_backend.environment import is_this_machine
from safycore_backend.isolation.catalog import LOGIN_ROLE, VERSION, check_catalog, powerful_login, version
from safycore_backend.isolation.catalog_rows import Catalog, read_catalog
from safycore_backend.isolation.exposed import our_tables

TRANSACTION_POOLER_PORT = 6543
_APPLY = "Apply them: python manage.py apply_migrations (with SUPABASE_DB_ADMIN_URL), or supabase db push."
_USE_ROLE = "Log in as safycore_app: in SUPABASE_DB_URL, with the password that you gave it."
_STRING = "Copy the connection string from the project's Connect dialog and percent-encode its password."
_POOLER = "Where this machine has no IPv6, use the session pooler's address (user safycore_app.<project>)."
# Beginnings of what libpq says, and what to do about each.
_ADVICE = (
    ("password authentication failed", "As the owner: alter role safycore_app password '...'; then use that one."),
    (
        "tenant or user not found",
        "Through a pooler the user is safycore_app.<project>, and the host the project's own.",
    ),
    ("could not translate host name", f"See that the host is right. {_POOLER}"),
    ("failed to resolve host", f"See that the host is right. {_POOLER}"),
    ("network is unreachable", _POOLER),
    ("no route to host", _POOLER),
    ("connection refused", "See that the host and port are right and that the database is up."),
    ("timeout", f"See that a firewall or the project's network restrictions let this machine in. {_POOLER}"),
    ("ssl", "See that sslmode fits; sslmode=verify-full needs the project's certificate in sslrootcert."),
)


def _url() -> tuple[str, str]:
    """The address that the server uses, else the owner's; with the variable's name."""
    name = "SUPABASE_DB_URL" if settings.SUPABASE_DB_URL else "SUPABASE_DB_ADMIN_URL"
    return getattr(settings, name), name


async def reachable(facts: Facts) -> Outcome:
    url, name = _url()
    try:
        facts.connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.ProgrammingError:
        # Its words would quote the string, password and all.
        return fail(f"{name} is no connection string that libpq can read", _STRING)
    except psycopg.OperationalError as exc:
        return fail(f"{name}: {first_line(exc)}", _advice(str(exc)))
    return ok(f"{facts.connection.info.user} at {facts.connection.info.host}:{facts.connection.info.port}")


def first_line(exc: psycopg.Error) -> str:
    return next(iter(str(exc).splitlines()), type(exc).__name__)


def _advice(text: str) -> str:
    return next((advice for said, advice in _ADVICE if said in text.lower()), _STRING)


async def _one(facts: Facts, query: str) -> Any:
    assert facts.connection is not None  # noqa: S101  # a precondition of the check
    row = await (await facts.connection.execute(query.encode())).fetchone()
    return row[0] if row else None


async def mode(facts: Facts) -> Outcome:
    """The server prepares no statement and keeps nothing in a session, so it works in each mode; migrations do not."""
    assert facts.connection is not None  # noqa: S101
    info = facts.connection.info
    pooled = info.port == TRANSACTION_POOLER_PORT or await _shares_a_backend(facts)
    if urlsplit(settings.SUPABASE_DB_ADMIN_URL).port == TRANSACTION_POOLER_PORT:
        return warn(
            "SUPABASE_DB_ADMIN_URL leads through the transaction pooler, where a lock does not last",
            "For apply_migrations use the direct connection or the session pooler (port 5432).",
        )
    if pooled:
        return ok("transaction pooler; the server prepares no statement and keeps nothing between transactions")
    if _client_port(facts.connection) == await _one(facts, "select inet_client_port()"):
        return ok("direct connection")
    return ok("session pooler, or a direct connection with something in between that translates addresses")


async def _shares_a_backend(facts: Facts) -> bool:
    """Two connections that are open at once and meet the same server process are pooled by transaction."""
    url, _ = _url()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as other:
        for _ in range(3):
            first = await _one(facts, "select pg_backend_pid()")
            row = await (await other.execute("select pg_backend_pid()")).fetchone()
            if row is not None and row[0] == first:
                return True
    return False


def _client_port(connection: psycopg.AsyncConnection[Any]) -> int | None:
    with suppress(OSError, IndexError, TypeError), socket.socket(fileno=connection.fileno()) as line:
        try:
            return int(line.getsockname()[1])
        finally:
            line.detach()  # it stays libpq's
    return None


async def tls(facts: Facts) -> Outcome:
    assert facts.connection is not None  # noqa: S101
    used, host = facts.connection.pgconn.ssl_in_use, facts.connection.info.host
    if not used:
        if is_this_machine(f"postgresql://{host}"):
            return ok("none, and none is needed on this machine")
        return fail("the connection is not encrypted", "Add sslmode=verify-full (or require) to SUPABASE_DB_URL.")
    if facts.connection.info.get_parameters().get("sslmode") != "verify-full":
        return ok(
            "encrypted; whose certificate it is, is not checked",
            "Download the project's certificate and set sslmode=verify-full&sslrootcert=/path in SUPABASE_DB_URL.",
        )
    return ok("encrypted, and the certificate is checked")


async def clock(facts: Facts) -> Outcome:
    before = time.time()
    there = float(await _one(facts, "select extract(epoch from clock_timestamp())"))
    return drift(there - (before + time.time()) / 2, "Postgres")


async def catalog(facts: Facts) -> Outcome:
    login = str(await _one(facts, "select current_user")) if settings.SUPABASE_DB_URL else "safycore_app"
    facts.catalog = await read_catalog(_url()[0], login=login, django_schema=None)
    return ok(f"{len(facts.catalog.tables)} tables, {len(facts.catalog.functions)} functions")


def _catalog(facts: Facts) -> Catalog:
    assert facts.catalog is not None  # noqa: S101  # a precondition of the check
    return facts.catalog


async def postgres_version(facts: Facts) -> Outcome:
    found = version(_catalog(facts), our_tables())
    number = facts.connection.info.server_version if facts.connection else 0
    if found.problems:
        return fail(_listed(found.problems), "Upgrade Postgres: in the dashboard, Settings, Infrastructure.")
    if found.warnings:
        return warn(_listed(found.warnings), "Upgrade Postgres: in the dashboard, Settings, Infrastructure.")
    return ok(f"PostgreSQL {number // 10_000}.{number % 10_000}")


async def migrations(facts: Facts) -> Outcome:
    """By the record where it can be read, and by what is there in any case."""
    missing = missing_objects(_catalog(facts))
    if missing:
        return fail(f"missing in the database: {_listed(missing)}", _APPLY)
    record = await recorded(settings.SUPABASE_DB_ADMIN_URL)
    if record is None:
        return ok("everything that they make is there; the record is the owner's to read")
    if record.missing:
        return fail(
            f"not recorded as applied: {_listed(record.missing)}",
            _APPLY,
            "What was applied by hand is recorded with: supabase migration repair --status applied <version>",
        )
    if record.unknown:
        return warn(
            f"recorded, but unknown to this code: {_listed(record.unknown)}",
            "If they are SafyCore's, this code is older than the database: deploy the newer one. Else they are yours.",
        )
    return ok(f"all {record.applied} are applied")


async def role(facts: Facts) -> Outcome:
    problems = list(powerful_login(_catalog(facts)))
    if problems:
        return fail(_listed(problems), _USE_ROLE, "The server refuses to start with any other role.")
    return ok(f"{_catalog(facts).login} has no power, owns nothing and may become safycore_user only")


async def isolation(facts: Facts) -> Outcome:
    # As the role that ought to log in: which one does is a check of its own.
    found = replace(_catalog(facts), login="safycore_app")
    checks = [each for each in check_catalog(found, our_tables()) if each.name not in {LOGIN_ROLE, VERSION}]
    problems = [problem for each in checks for problem in each.problems]
    if problems:
        return fail(
            _listed(problems),
            "See all of it: python manage.py verify_isolation --database-only",
            "Undo what was changed by hand; the migrations say how it must be.",
        )
    return ok(
        f"{len(checks)} checks of the catalog passed",
        "Try it from outside, too: python manage.py verify_isolation (or doctor --isolation).",
    )


async def data_api(facts: Facts) -> Outcome:
    query = "select has_table_privilege('authenticated', 'public.messages', 'select')"
    if not await _one(facts, query):
        return ok("closed: people reach their rows through this server only")
    return warn(
        "open: people can reach their own rows with their own token, past the server's limits",
        "Close it: python manage.py close_data_api (with SUPABASE_DB_ADMIN_URL).",
    )


def _listed(problems: Iterable[str]) -> str:
    """The first three, and how many more there are."""
    first = [*problems]
    more = f"; and {len(first) - 3} more" if len(first) > 3 else ""
    return "; ".join(first[:3]) + more


async def not_set(facts: Facts) -> Outcome:
    return warn(
        "SUPABASE_DB_URL is not set: the server uses the Data API, and cannot close it to people",
        "Set SUPABASE_DB_URL to the database as the role safycore_app.",
    )


_CONNECTED = ("database.reachable",)
_READ = (*_CONNECTED, "database.catalog")
_MIGRATED = (*_READ, "database.migrations")
_ALL = (
    Check("database.reachable", "Database", reachable, silent=_POOLER),
    Check("database.mode", "Connection mode", mode, _CONNECTED),
    Check("database.tls", "Encryption", tls, _CONNECTED),
    Check("database.clock", "Clock, by Postgres", clock, _CONNECTED),
    Check("database.catalog", "Catalog", catalog, _CONNECTED),
    Check("database.version", "PostgreSQL's release", postgres_version, _READ),
    Check("database.migrations", "Migrations", migrations, _READ),
    Check("database.role", "Login role", role, _READ),
    Check("database.isolation", "Row level security", isolation, _MIGRATED),
    Check("database.data_api", "Data API", data_api, _MIGRATED),
)


def checks() -> Group:
    if settings.SUPABASE_DB_URL:
        return _ALL
    absent = Check("database.address", "SUPABASE_DB_URL", not_set)
    if not settings.SUPABASE_DB_ADMIN_URL:
        return (absent,)
    return (absent, *(check for check in _ALL if check.name not in {"database.mode", "database.data_api"}))
