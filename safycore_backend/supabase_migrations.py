"""Applies `supabase/migrations/*.sql` in order, once each, recorded where the Supabase CLI records them."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from django.conf import settings

_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text primary key, statements text[], name text
)
"""
# Any number will do, as long as nobody else takes it: two servers starting at once migrate one after the other.
_LOCK = 7_236_439_120


def migration_files() -> list[Path]:
    """The migrations in the order in which they apply: by the 14-digit version that starts each name."""
    return sorted((settings.BASE_DIR / "supabase" / "migrations").glob("*.sql"))


def apply_migrations(url: str, report: Callable[[str], None]) -> int:
    """Apply what is missing, each file in a transaction with its record, and return how many were applied.

    Raises psycopg.Error with the database's words when a migration fails; what came before it stays.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        connection.execute(_HISTORY)
        rows = connection.execute("select version from supabase_migrations.schema_migrations").fetchall()
        missing = [path for path in migration_files() if (version_of(path),) not in rows]
        for path in missing:
            report(f"Applying {path.name}")
            _apply(connection, path)
    return len(missing)


def version_of(path: Path) -> str:
    """The version under which a file is recorded."""
    return path.stem.partition("_")[0]


def _apply(connection: psycopg.Connection, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with connection.transaction():
        connection.execute(text.encode())
        connection.execute(
            "insert into supabase_migrations.schema_migrations (version, statements, name) values (%s, %s, %s)",
            (version_of(path), [text], path.stem.partition("_")[2]),
        )
