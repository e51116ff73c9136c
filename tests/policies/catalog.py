"""What is in the database, read from its own catalog, so that whatever a migration adds is tried as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

Sql = psycopg.Connection[Any]
ROLES = ("anon", "authenticated", "safycore_user", "safycore_app")
TABLE_VERBS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
COLUMN_VERBS = ("select", "insert", "update", "references")
_OF_AN_EXTENSION = "exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"
_ROUTINES = f"""
select n.nspname || '.' || p.proname, p.oid::regprocedure::text, p.prokind::text, p.prosecdef,
  coalesce(p.proconfig, '{{}}'), coalesce(p.proargnames, '{{}}')::text[],
  array(select format_type(t, null) from unnest(p.proargtypes) with ordinality a (t, n) order by n),
  pg_get_functiondef(p.oid), p.prorettype = 'trigger'::regtype
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'safycore') and not {_OF_AN_EXTENSION}
order by 1, 2
"""


@dataclass(frozen=True)
class Routine:
    """A function or procedure of ours; `signature` is how ALTER and GRANT call it."""

    name: str
    signature: str
    kind: str
    definer: bool
    config: Sequence[str]
    names: Sequence[str]
    types: Sequence[str]
    definition: str
    is_trigger: bool

    @property
    def keyword(self) -> str:
        return "procedure" if self.kind == "p" else "function"

    @property
    def is_public(self) -> bool:
        return self.name.startswith("public.")


@dataclass(frozen=True)
class Policy:
    table: str
    name: str
    roles: Sequence[str]
    using: str | None
    check: str | None


def tables(connection: Sql) -> list[str]:
    query = "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
    return sorted(name for (name,) in connection.execute(query))


def columns(connection: Sql, table: str) -> dict[str, bool]:
    """The columns by name, and whether each is generated from others."""
    query = (
        "select attname, attgenerated <> '' from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped"
    )
    return dict(connection.execute(query, (f"public.{table}",)).fetchall())


def routines(connection: Sql) -> list[Routine]:
    return [Routine(*row) for row in connection.execute(_ROUTINES.encode())]


def policies(connection: Sql) -> list[Policy]:
    query = (
        "select tablename, policyname, roles::text[], qual, with_check from pg_policies "
        "where schemaname in ('public', 'safycore') order by 1, 2"
    )
    return [Policy(*row) for row in connection.execute(query)]


def table_privileges(connection: Sql, roles: Sequence[str] = ROLES) -> set[tuple[str, str, str]]:
    """(table, role, verb) of everything that a role may do with a whole table, by whatever grant."""
    query = (
        "select t, r, v from unnest(%s::text[]) t, unnest(%s::text[]) r, unnest(%s::text[]) v "
        "where has_table_privilege(r, 'public.' || t, v)"
    )
    return set(connection.execute(query, (tables(connection), list(roles), table_verbs(connection))).fetchall())


def table_verbs(connection: Sql) -> list[str]:
    """All there are: `maintain` came with PostgreSQL 17."""
    return [*TABLE_VERBS, *(["maintain"] if connection.info.server_version >= 170000 else [])]


def column_privileges(connection: Sql, roles: Sequence[str] = ROLES) -> set[tuple[str, str, str, str]]:
    """(table, column, role, verb) of everything that a role may do with one column, by whatever grant."""
    query = (
        "select t, a.attname, r, v "
        "from unnest(%s::text[]) t, pg_attribute a, unnest(%s::text[]) r, unnest(%s::text[]) v "
        "where a.attrelid = ('public.' || t)::regclass and a.attnum > 0 and not a.attisdropped "
        "and has_column_privilege(r, a.attrelid, a.attnum, v)"
    )
    return set(connection.execute(query, (tables(connection), list(roles), list(COLUMN_VERBS))).fetchall())


def callers(connection: Sql, roles: Sequence[str] = ROLES) -> set[tuple[str, str]]:
    """(routine, role) of everything that a role may execute."""
    query = (
        "select p, r from unnest(%s::text[]) p, unnest(%s::text[]) r "
        "where has_function_privilege(r, p::regprocedure, 'execute')"
    )
    names = {routine.signature: routine.name for routine in routines(connection)}
    return {(names[p], r) for p, r in connection.execute(query, (list(names), list(roles)))}
