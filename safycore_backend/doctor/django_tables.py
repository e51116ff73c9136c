"""Django's own database: is it there, is it up to date, has it room."""

import shutil
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from safycore_backend.django_database import TABLES, in_postgres, refuse_tables
from safycore_backend.doctor.database import first_line
from safycore_backend.doctor.examination import Check, Facts, Group
from safycore_backend.doctor.report import Outcome, fail, ok, warn
from safycore_backend.doctor.site import open_to_others
from safycore_backend.environment import DJANGO_SCHEMA
from safycore_backend.own_database import in_own_database
from safycore_backend.postgres import ROLE_FACTS, refuse_role

_PREPARE = "python manage.py prepare"
_RIGHT = "Set it as docs/configuration.md says under Django's tables in Postgres: usually as SUPABASE_DB_URL."
_APPLIED = "select app, name from django_migrations"
_APPLIED_IN_SCHEMA = f"select app, name from {DJANGO_SCHEMA}.django_migrations".encode()  # noqa: S608  # ours
_LEAST_BYTES, _FEW_BYTES = 100_000_000, 1_000_000_000


async def reachable(facts: Facts) -> Outcome:
    try:
        async with await _line(settings.DATABASE_URL) as line:
            return ok(f"{line.info.user} at {line.info.host}:{line.info.port}")
    except psycopg.ProgrammingError:
        # Its words would quote the string, password and all.
        return fail("DATABASE_URL is no connection string that libpq can read", _RIGHT)
    except psycopg.OperationalError as exc:
        return fail(f"DATABASE_URL: {first_line(exc)}", _RIGHT)


async def login_role(facts: Facts) -> Outcome:
    """The same as at the server's start: who it is, and whether the policies are there."""
    async with await _line(settings.DATABASE_URL) as line:
        role = await (await line.execute(ROLE_FACTS)).fetchone()
        tables = await (await line.execute(TABLES, (DJANGO_SCHEMA,))).fetchone()
    try:
        refuse_role(role, "DATABASE_URL")
        refuse_tables(*(tables or (0, 0)))
    except ImproperlyConfigured as exc:
        return fail(str(exc), f"Use the role safycore_app in DATABASE_URL; as the owner of the tables: {_PREPARE}")
    return ok("may become safycore_user only; row level security is on")


async def migrated_in_postgres(facts: Facts) -> Outcome:
    """Told by the owner alone: the server's role cannot read the record."""
    try:
        async with await _line(settings.DATABASE_ADMIN_URL or settings.DATABASE_URL) as line:
            applied = set(await (await line.execute(_APPLIED_IN_SCHEMA)).fetchall())
    except psycopg.errors.InsufficientPrivilege:
        return ok("the tables are there; what is recorded of their migrations, DATABASE_ADMIN_URL's role may read")
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        applied = set()
    except psycopg.OperationalError as exc:
        return fail(
            f"DATABASE_ADMIN_URL: {first_line(exc)}", "Set it to the address of DATABASE_URL, as the tables' owner."
        )
    return _told(applied, "Postgres")


async def migrated(facts: Facts) -> Outcome:
    try:
        applied = await in_own_database(_in_sqlite)
    except _NoTable:
        applied = set()
    except (DatabaseError, OSError) as exc:
        return fail(
            f"DATABASE_URL: the database cannot be used ({type(exc).__name__})",
            "See that DATABASE_URL is right, and that the server's user may read and write there.",
        )
    return _told(applied, "SQLite")


def _told(applied: set[tuple[str, str]], where: str) -> Outcome:
    wanted = set(MigrationLoader(None).disk_migrations)
    missing = sorted(f"{app}.{name}" for app, name in wanted - applied)
    if missing:
        return fail(f"not migrated: {', '.join(missing[:3])}", _PREPARE)
    return ok(f"{where}, all {len(wanted)} migrations applied")


async def _line(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)


class _NoTable(Exception):
    """A database without any table of Django's."""


def _in_sqlite() -> set[tuple[str, str]]:
    path = Path(str(settings.DATABASES["default"]["NAME"]))
    if not path.exists():
        raise _NoTable  # connecting would make an empty file
    with connection.cursor() as cursor:
        if "django_migrations" not in connection.introspection.table_names(cursor):
            raise _NoTable
        cursor.execute(_APPLIED)
        return set(cursor.fetchall())


async def room(facts: Facts) -> Outcome:
    path = Path(str(settings.DATABASES["default"]["NAME"]))
    free = shutil.disk_usage(path.parent).free
    told = f"{free / 1e9:.1f} GB free beside {path}"
    if free < _LEAST_BYTES:
        return fail(told, "Make room there, or move the file (DATABASE_URL): a full disk loses titles and profiles.")
    if free < _FEW_BYTES:
        return warn(told, "Make room there, or move the file (DATABASE_URL).")
    if open_to_others(path):
        return warn(f"{path} can be read by everybody on this machine; it has addresses", f"chmod 600 {path}")
    return ok(told)


def checks() -> Group:
    if in_postgres():
        return (
            Check("django.reachable", "Django's database", reachable),
            Check("django.role", "Login role of Django's tables", login_role, needs=("django.reachable",)),
            Check("django.migrated", "Django's migrations", migrated_in_postgres, needs=("django.reachable",)),
        )
    return (
        Check("django.migrated", "Django's database", migrated),
        Check("django.room", "Room on the disk", room),
    )
