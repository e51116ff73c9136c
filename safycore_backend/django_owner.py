"""Django's tables as their owner, past the policies: for commands, never for a request (an import contract says so)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from safycore_backend.django_database import SEARCH_PATH, in_postgres

_LOCK = 7_236_439_121
_FIT = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
_MIGRATED = "select to_regprocedure('safycore.uid()') is not null"


def owner_alias() -> str:
    """The connection that may write everybody's rows."""
    return "owner" if in_postgres() else "default"


@contextmanager
def as_owner() -> Iterator[BaseDatabaseWrapper]:
    """One transaction, in which one command after the other works. Raises CommandError for a role that cannot do it."""
    alias = owner_alias()
    connection = connections[alias]
    try:
        with transaction.atomic(using=alias):
            if in_postgres():
                _prepared(connection)
            yield connection
    except OperationalError as exc:
        name = "DATABASE_ADMIN_URL" if in_postgres() else "DATABASE_URL"
        raise CommandError(f"{name} cannot be used: {exc}") from exc
    finally:
        connection.close()


def lock_tables(connection: BaseDatabaseWrapper) -> None:
    """Nobody else writes to them until the transaction ends; in SQLite a transaction does that by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '10s'")
            cursor.execute("lock table user_profiles, conversation_sessions in share row exclusive mode")


def _prepared(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FIT)
        if not cursor.fetchone()[0]:
            raise CommandError(
                "DATABASE_ADMIN_URL logs in as a role that row level security binds: use the owner of the database, "
                "which has BYPASSRLS (on a hosted project: postgres)."
            )
        cursor.execute(_MIGRATED)
        if not cursor.fetchone()[0]:
            raise CommandError(
                "DATABASE_URL must lead to the database of the Supabase project, with its migrations: "
                "python manage.py apply_migrations"
            )
        cursor.execute(f"select pg_advisory_xact_lock(%s), {SEARCH_PATH}", (_LOCK,))
