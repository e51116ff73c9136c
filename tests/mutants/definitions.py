"""Mutants of policies, tables, grants, roles, triggers, indexes and of what a function is declared to be."""

from collections.abc import Iterator
from typing import Any

import psycopg

from tests.mutants.mutant import Mutant
from tests.policies import catalog
from tests.policies.world import DOORS

Sql = psycopg.Connection[Any]
# Two of these are a door's; none of the others may get anything.
GRANTEES = ("public", "anon", "authenticated", "safycore_user", "safycore_app")


def of_policies(connection: Sql) -> Iterator[Mutant]:
    for policy in catalog.policies(connection):
        where = f'"{policy.name}" on public."{policy.table}"'
        yield Mutant("policy", f"drop policy {policy.name}", f"drop policy {where}")
        for clause, expression in (("using", policy.using), ("with check", policy.check)):
            if expression is not None:
                weakened = f"alter policy {where} {clause} (true)"
                yield Mutant("policy", f"{policy.name}: {clause} (true)", weakened)
        yield Mutant("policy", f"{policy.name}: to public", f"alter policy {where} to public")
    for table in catalog.tables(connection):
        for role in GRANTEES:
            added = f'create policy mutant on public."{table}" for all to {role} using (true) with check (true)'
            yield Mutant("policy", f"one more policy of {table} for {role}", added)


def of_tables(connection: Sql) -> Iterator[Mutant]:
    for table in catalog.tables(connection):
        for change in ("disable row level security", "no force row level security", "owner to safycore_user"):
            yield Mutant("table", f"{table}: {change}", f'alter table public."{table}" {change}')
        view = f'create view public.mutant as select * from public."{table}"; grant select on public.mutant to anon'
        yield Mutant("table", f"{table}: shown by a view", view)


def of_grants(connection: Sql) -> Iterator[Mutant]:
    """What nobody has yet, granted; and what somebody has, revoked."""
    yield from _whole_tables(connection)
    yield from _columns(connection)
    yield from _revoked(connection)


def _whole_tables(connection: Sql) -> Iterator[Mutant]:
    held = catalog.table_privileges(connection, GRANTEES[1:])
    for table in catalog.tables(connection):
        for role in GRANTEES:
            for verb in catalog.table_verbs(connection):
                if (table, role, verb) not in held:
                    grant = f"{verb} on public.{table} to {role}"
                    yield Mutant("grant", f"grant {grant}", f"grant {grant}")


def _columns(connection: Sql) -> Iterator[Mutant]:
    held = catalog.column_privileges(connection, GRANTEES[1:])
    for table in catalog.tables(connection):
        for column in catalog.columns(connection, table):
            for role in GRANTEES[1:]:
                for verb in catalog.COLUMN_VERBS:
                    if (table, column, role, verb) not in held:
                        grant = f'{verb} ("{column}") on public.{table} to {role}'
                        yield Mutant("column grant", f"grant {grant}", f"grant {grant}")


# Every entry of every access list that names a role of a door.
_GRANTED = """
with granted (privileges, what, acl) as (
  select '%s', 'table public.' || relname, relacl from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  union all
  select '%s (' || quote_ident(attname) || ')', 'table ' || attrelid::regclass, attacl from pg_attribute
    where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
  union all
  select '%s', 'schema ' || nspname, nspacl from pg_namespace where nspname in ('public', 'safycore')
  union all
  select '%s', case prokind when 'p' then 'procedure ' else 'function ' end || oid::regprocedure, proacl from pg_proc
    where pronamespace in ('public'::regnamespace, 'safycore'::regnamespace)
)
select format(privileges, lower(a.privilege_type)), what, pg_get_userbyid(a.grantee)
from granted, aclexplode(acl) a order by 1, 2, 3
"""


def _revoked(connection: Sql) -> Iterator[Mutant]:
    for privileges, what, role in connection.execute(_GRANTED.encode()).fetchall():
        if role in DOORS:
            revoke = f"revoke {privileges} on {what} from {role}"
            yield Mutant("revoked grant", revoke, revoke)


def of_roles(connection: Sql) -> Iterator[Mutant]:
    for role in ("anon", "authenticated", "safycore_user", "safycore_app"):
        for attribute in ("superuser", "bypassrls", "createrole", "createdb", "replication"):
            yield Mutant("role", f"{role} {attribute}", f"alter role {role} {attribute}")
        for schema in ("public", "safycore"):
            grant = f"create on schema {schema} to {role}"
            yield Mutant("role", f"grant {grant}", f"grant {grant}")
    for role in ("anon", "safycore_app", "public"):
        yield Mutant("role", f"the schema safycore for {role}", f"grant usage on schema safycore to {role}")
    for role in ("anon", "authenticated", "service_role", "authenticator", "postgres"):
        for member in ("safycore_user", "safycore_app"):
            yield Mutant("role", f"grant {role} to {member}", f"grant {role} to {member}")
    inherited = "grant safycore_user to safycore_app with inherit true"
    older = "alter role safycore_app inherit"
    yield Mutant("role", "safycore_app inherits", inherited if connection.info.server_version >= 160000 else older)
    yield Mutant("role", "the server's login without its role", "revoke safycore_user from safycore_app")


def of_triggers_and_indexes(connection: Sql) -> Iterator[Mutant]:
    triggers = (
        "select tgrelid::regclass::text, tgname from pg_trigger t join pg_class c on c.oid = tgrelid "
        "where not tgisinternal and c.relnamespace = 'public'::regnamespace order by 1, 2"
    )
    for table, name in connection.execute(triggers).fetchall():
        yield Mutant("trigger", f"drop trigger {name}", f'drop trigger "{name}" on {table}')
        yield Mutant("trigger", f"disable trigger {name}", f'alter table {table} disable trigger "{name}"')
    indexes = (
        "select indexrelid::regclass::text from pg_index i join pg_class c on c.oid = indrelid "
        "where c.relnamespace = 'public'::regnamespace and indisunique "
        "and not exists (select from pg_constraint where conindid = indexrelid) order by 1"
    )
    for (name,) in connection.execute(indexes).fetchall():
        yield Mutant("index", f"drop index {name}", f"drop index {name}")


def of_constraints(connection: Sql) -> Iterator[Mutant]:
    query = (
        "select conrelid::regclass::text, conname from pg_constraint "
        "where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'p', 'u') order by 1, 2"
    )
    for table, name in connection.execute(query).fetchall():
        yield Mutant("constraint", f"drop {name}", f'alter table {table} drop constraint "{name}" cascade')


def of_routines(connection: Sql) -> Iterator[Mutant]:
    """What a function is declared to be, and who may call it."""
    held = catalog.callers(connection, GRANTEES[1:])
    for routine in catalog.routines(connection):
        called = f"{routine.keyword} {routine.signature}"
        for role in GRANTEES:
            if (routine.name, role) not in held:
                grant = f"execute on {called} to {role}"
                yield Mutant("execute", f"grant {grant}", f"grant {grant}")
        security = "invoker" if routine.definer else "definer"
        declared = f"alter {called} security {security}"
        yield Mutant("definer", f"{routine.signature} security {security}", declared)
        both = f"{declared}; alter {called} reset search_path"
        if not routine.definer:
            yield Mutant("definer", f"{routine.signature} security definer without search_path", both)
        for change in ("reset search_path", "set search_path = public, pg_temp"):
            yield Mutant("search path", f"{routine.signature} {change}", f"alter {called} {change}")
