"""Moves the rows of an SQLite file into Django's tables in Postgres: all of them or none, and a second time nothing."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from safycore_backend.django_owner import as_owner, lock_tables, owner_alias

_COLUMNS = {
    "user_profiles": ("user_id", "email", "default_session_id", "created_at", "updated_at"),
    "conversation_sessions": ("user_id", "session_id", "title", "created_at", "updated_at"),
}
_KEYS = {"user_profiles": ("user_id",), "conversation_sessions": ("user_id", "session_id")}
_NULLS = "null::uuid as user_id, null::timestamptz as created_at, null::timestamptz as updated_at, 0::bigint as place"
_STAGED = {
    "user_profiles": f"select {_NULLS}, null::text as email, null::text as default_session_id",
    "conversation_sessions": f"select {_NULLS}, null::text as session_id, null::text as title",
}
_TAKEN = """
select 'the address of profile ' || m.user_id from moved_user_profiles m
join user_profiles p on p.email = m.email and p.user_id <> m.user_id
"""
_SHOWN = 10
_REPORT_EVERY = 10_000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """Of one table: how many rows the file has, and how many of them were not there yet."""

    table: str
    rows: int
    new: int


def move(file: Path, say: Say, *, dry_run: bool) -> list[Moved]:
    """Raises CommandError, and has changed nothing then."""
    with _opened(file) as source, as_owner() as target:
        lock_tables(target)
        for table in _COLUMNS:
            _stage(source, target, table, say)
        _refuse_conflicts(target)
        moved = [_insert(target, table) for table in _COLUMNS]
        for each in moved:
            _count(target, each)
        transaction.set_rollback(dry_run, using=owner_alias())
    return moved


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The file as it is at this moment, to read from."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source:
            source.execute("begin")
            yield source
    except sqlite3.Error as exc:
        raise CommandError(
            f"{file} cannot be read as an SQLite file of this version: {exc}. "
            f"Run `migrate` with DATABASE_URL=sqlite:///{file} first if it is older."
        ) from exc


def _stage(source: sqlite3.Connection, target: BaseDatabaseWrapper, table: str, say: Say) -> None:
    names = _COLUMNS[table]
    with target.cursor() as cursor:
        cursor.execute(f"create temp table moved_{table} on commit drop as {_STAGED[table]} limit 0")
        with cursor.copy(f"copy moved_{table} (place, {', '.join(names)}) from stdin") as copy:
            rows = source.execute(f"select id, {', '.join(names)} from {table} order by id")
            for number, (place, *values) in enumerate(rows, 1):
                copy.write_row([place, *map(_converted, names, values)])
                if number % _REPORT_EVERY == 0:
                    say(f"{table}: {number} read")


def _converted(name: str, value: Any) -> Any:
    """The ORM keeps a UUID in SQLite without its dashes, and times in UTC without saying so."""
    if name == "user_id":
        return uuid.UUID(value)
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if name.endswith("_at") else value


def _refuse_conflicts(target: BaseDatabaseWrapper) -> None:
    query = " union all ".join([*(_conflicts(table) for table in _COLUMNS), _TAKEN])
    with target.cursor() as cursor:
        cursor.execute(query)
        found = [str(row[0]) for row in cursor.fetchall()]
    if found:
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise CommandError(
            "Nothing was moved. These are in Postgres already, with other content: "
            f"{', '.join(sorted(found)[:_SHOWN])}{more}."
        )


def _conflicts(table: str) -> str:
    what = "the profile of " if table == "user_profiles" else "a session of "
    here, there = _values(table)
    return f"select '{what}' || m.user_id from {_pairs(table)} where ({here}) is distinct from ({there})"


def _pairs(table: str) -> str:
    """The rows of the file beside those of the same name that are there."""
    return f"moved_{table} m join {table} t on {' and '.join(f't.{key} = m.{key}' for key in _KEYS[table])}"


def _values(table: str) -> tuple[str, str]:
    """What a row says in the file, and what it says there."""
    moved, there = (", ".join(f"{side}.{name}" for name in _COLUMNS[table]) for side in "mt")
    return moved, there


def _insert(target: BaseDatabaseWrapper, table: str) -> Moved:
    """In the order of the file, which is that of the ids; the ids themselves are made anew."""
    names, keys = ", ".join(_COLUMNS[table]), " and ".join(f"t.{key} = m.{key}" for key in _KEYS[table])
    with target.cursor() as cursor:
        cursor.execute(
            f"insert into {table} ({names}) select {names} from moved_{table} m "
            f"where not exists (select from {table} t where {keys}) order by place"
        )
        new = cursor.rowcount
        cursor.execute(f"select count(*) from moved_{table}")
        return Moved(table, int(cursor.fetchone()[0]), new)


def _count(target: BaseDatabaseWrapper, moved: Moved) -> None:
    """Every row of the file must be found again, value by value."""
    here, there = _values(moved.table)
    with target.cursor() as cursor:
        cursor.execute(f"select count(*) from {_pairs(moved.table)} where ({here}) is not distinct from ({there})")
        found = int(cursor.fetchone()[0])
    if found != moved.rows:
        raise CommandError(
            f"Nothing was moved: of {moved.rows} rows of {moved.table}, {found} were found again in Postgres."
        )
