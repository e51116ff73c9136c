"""Reads of the database's catalog what catalog.py judges. Any role may read it, the server's login role as well.

Everything is read with an empty search_path, so that every name comes with its schema.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row, scalar_row

PEOPLE = ("anon", "authenticated", "safycore_user")
"""The roles that people's requests run as."""


@dataclass(frozen=True, slots=True)
class Table:
    """`kind`: r table, p partitioned, v view, m materialised view, f foreign table."""

    schema: str
    name: str
    kind: str
    enabled: bool
    forced: bool
    options: list[str]

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Policy:
    """`command`: r select, a insert, w update, d delete, * all."""

    table: str
    name: str
    permissive: bool
    command: str
    roles: list[str]
    using: str | None
    check: str | None


@dataclass(frozen=True, slots=True)
class Index:
    table: str
    leading: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """`on` is a table, column, sequence or schema; `grantee` is PUBLIC or a role."""

    on: str
    kind: str
    grantee: str
    privilege: str


@dataclass(frozen=True, slots=True)
class Function:
    """`arguments` are [name, type] of what the caller gives; `executors` the roles that may call it."""

    schema: str
    signature: str
    name: str
    arguments: list[list[str]]
    definer: bool
    volatile: bool
    config: list[str]
    executors: list[str]
    source: str


@dataclass(frozen=True, slots=True)
class Role:
    """`becomes` are all roles within reach, `inherits` those whose rights it has without becoming them."""

    name: str
    superuser: bool
    bypasses: bool
    inherit: bool
    privileged: bool
    becomes: list[str]
    inherits: list[str]
    administers: list[str]
    owns: list[str]


@dataclass(frozen=True, slots=True)
class Catalog:
    """`exposed` are the schemas that the Data API shows; `login` is the role in SUPABASE_DB_URL."""

    version: int
    exposed: list[str]
    login: str
    django_schema: str | None
    tables: list[Table]
    policies: list[Policy]
    indexes: list[Index]
    grants: list[Grant]
    functions: list[Function]
    roles: list[Role]

    @property
    def schemas(self) -> list[str]:
        return _schemas(self.exposed, self.django_schema)


def _schemas(exposed: Sequence[str], django_schema: str | None) -> list[str]:
    return [*exposed, "safycore", *([django_schema] if django_schema else [])]


# A hosted project keeps the setting with the role; PostgREST's own default is public. graphql_public is Supabase's own:
# one function, which obeys the grants and policies of the tables.
_EXPOSED = """
select coalesce(
  (select regexp_replace(setting, '^pgrst.db_schemas=', '')
   from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) setting
   where setting like 'pgrst.db_schemas=%' limit 1), 'public')
"""
_TABLES = """
select n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relrowsecurity as enabled,
  c.relforcerowsecurity as forced, coalesce(c.reloptions, '{}') as options
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any (%(schemas)s)
  and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
order by 1, 2
"""
_POLICIES = """
select n.nspname || '.' || c.relname as table, p.polname as name, p.polpermissive as permissive,
  p.polcmd::text as command,
  array(select coalesce(r.rolname::text, 'PUBLIC')
    from unnest(p.polroles) o left join pg_catalog.pg_roles r on r.oid = o) as roles,
  pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using,
  pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check
from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s) order by 1, 2
"""
_INDEXES = """
select n.nspname || '.' || c.relname as table, a.attname as leading, i.indpred is null and i.indisvalid as whole
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where n.nspname = any (%(schemas)s)
"""
_GRANTS = """
with acl (on_what, kind, entry) as (
  select n.nspname || '.' || c.relname, case c.relkind when 'S' then 'sequence' else 'table' end,
    pg_catalog.aclexplode(c.relacl)
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any (%(schemas)s)
  union all
  select n.nspname || '.' || c.relname || '.' || a.attname, 'column', pg_catalog.aclexplode(a.attacl)
  from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any (%(schemas)s)
  union all
  select n.nspname, 'schema', pg_catalog.aclexplode(n.nspacl)
  from pg_catalog.pg_namespace n where n.nspname = any (%(schemas)s)
)
select on_what as on, kind, coalesce(r.rolname::text, 'PUBLIC') as grantee, (entry).privilege_type as privilege
from acl left join pg_catalog.pg_roles r on r.oid = (entry).grantee order by 1, 2, 3, 4
"""
_FUNCTIONS = """
select n.nspname as schema, p.oid::pg_catalog.regprocedure::text as signature, p.proname as name,
  coalesce((
    select pg_catalog.jsonb_agg(array[coalesce(p.proargnames[i], ''), pg_catalog.format_type(t, null)] order by i)
    from unnest(p.proargtypes::pg_catalog.oid[]) with ordinality as given (t, i)), '[]') as arguments,
  p.prosecdef as definer, p.provolatile = 'v' as volatile, coalesce(p.proconfig, '{}') as config,
  array(select coalesce(r.rolname::text, 'PUBLIC')
    from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee where a.privilege_type = 'EXECUTE') as executors,
  coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as source
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (%(schemas)s) and p.prokind in ('f', 'p')
  and p.prorettype <> 'pg_catalog.event_trigger'::pg_catalog.regtype
  and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
order by 2
"""
# `owns` holds one of each kind and no more: an owner of much is told by one example.
_ROLES = """
select r.rolname as name, r.rolsuper as superuser, r.rolbypassrls as bypasses, r.rolinherit as inherit,
  r.rolcreaterole or r.rolcreatedb or r.rolreplication as privileged,
  array(select o.rolname::text from pg_catalog.pg_roles o
    where o.oid <> r.oid and pg_catalog.pg_has_role(r.oid, o.oid, 'member') order by 1) as becomes,
  array(select o.rolname::text from pg_catalog.pg_roles o
    where o.oid <> r.oid and pg_catalog.pg_has_role(r.oid, o.oid, 'usage') order by 1) as inherits,
  array(select o.rolname::text from pg_catalog.pg_roles o where o.oid <> r.oid
    and pg_catalog.pg_has_role(r.oid, o.oid, 'member with admin option') order by 1) as administers,
  array(
    (select 'table ' || c.oid::pg_catalog.regclass::text from pg_catalog.pg_class c where c.relowner = r.oid limit 1)
    union all (select 'schema ' || n.nspname from pg_catalog.pg_namespace n where n.nspowner = r.oid limit 1)
    union all (select 'function ' || p.oid::pg_catalog.regprocedure::text
      from pg_catalog.pg_proc p where p.proowner = r.oid limit 1)
    union all (select 'database ' || d.datname from pg_catalog.pg_database d where d.datdba = r.oid limit 1)) as owns
from pg_catalog.pg_roles r where r.rolname = any (%(roles)s) order by 1
"""


def exposed_schemas(setting: str) -> list[str]:
    names = [name.strip().strip('"') for name in setting.split(",")]
    return [name for name in names if name and name != "graphql_public"]


async def read_catalog(url: str, *, login: str, django_schema: str | None) -> Catalog:
    """All facts in one read-only transaction. Raises psycopg.Error."""
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=10) as connection:
        await connection.execute("set transaction isolation level repeatable read, read only")
        await connection.execute("set local search_path = ''")
        setting = await (await connection.cursor(row_factory=scalar_row).execute(_EXPOSED)).fetchone()
        exposed = exposed_schemas(str(setting))
        about = {"schemas": _schemas(exposed, django_schema), "roles": [login, *PEOPLE]}
        return Catalog(
            version=connection.info.server_version,
            exposed=exposed,
            login=login,
            django_schema=django_schema,
            tables=await _read(connection, Table, _TABLES, about),
            policies=await _read(connection, Policy, _POLICIES, about),
            indexes=await _read(connection, Index, _INDEXES, about),
            grants=await _read(connection, Grant, _GRANTS, about),
            functions=await _read(connection, Function, _FUNCTIONS, about),
            roles=await _read(connection, Role, _ROLES, about),
        )


async def _read(
    connection: psycopg.AsyncConnection[Any], row: type[Any], query: str, about: dict[str, Any]
) -> list[Any]:
    cursor = connection.cursor(row_factory=class_row(row))
    return await (await cursor.execute(query.encode(), about)).fetchall()
