"""The attempts in SQL, as the role that the server uses: each in a transaction that is rolled back."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from psycopg.types.json import Jsonb

from safycore_backend.database import Claims
from safycore_backend.environment import DJANGO_SCHEMA
from safycore_backend.isolation.accounts import Person
from safycore_backend.isolation.exposed import Exposed, Function
from safycore_backend.isolation.planted import NOBODYS, Planted
from safycore_backend.isolation.report import CannotVerify, Check
from safycore_backend.postgres import BECOME, claims_json

SECTION = "SQL"
_TIMEOUT_MS = "10000"
_IDS = {"id": ("message", "reply", "training text"), "session_id": ("session",), "user_id": ("person",)}
# Roles that the login role must not be able to become; those that do not exist here are refused as well.
_OTHERS = ("authenticated", "anon", "service_role", "postgres", "authenticator", "supabase_admin")
_COLUMNS = """
select a.attname::text, pg_catalog.format_type(a.atttypid, null),
  pg_catalog.has_column_privilege('safycore_user', a.attrelid, a.attnum, 'update'),
  pg_catalog.has_column_privilege('safycore_user', a.attrelid, a.attnum, 'insert')
from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped
"""

Sql = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Table:
    schema: str
    name: str
    columns: dict[str, str]
    changeable: tuple[str, ...]
    givable: tuple[str, ...]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(slots=True)
class Tally:
    """How many statements were tried, and what they brought to light."""

    tried: int = 0
    problems: list[str] = field(default_factory=list)

    def check(self, name: str) -> Check:
        return Check(SECTION, name, self.tried, tuple(self.problems), leaks=len(self.problems))


async def try_sql(exposed: Exposed, intruder: Person, planted: Planted) -> list[Check]:
    """As safycore_user with the intruder's claims, and with none; as the login role itself."""
    async with _connected("SUPABASE_DB_URL") as connection:
        return await _tried(connection, exposed, intruder, planted)


async def try_django_sql(intruder: Person, planted: Planted) -> Check:
    """The same on Django's tables, where DATABASE_URL leads; what the intruder has there is not looked at."""
    tally = Tally()
    async with _connected("DATABASE_URL") as connection:
        for name in ("user_profiles", "conversation_sessions"):
            table = await _table(connection, DJANGO_SCHEMA, name)
            await _try_table(connection, table, intruder.claims, planted, tally)
            await _try_table(connection, table, None, planted, tally)
            await _refused(connection, _select(table), tally)
    return tally.check("Django's tables give the server's role nothing of somebody else's, and without claims nothing")


@asynccontextmanager
async def _connected(variable: str) -> AsyncIterator[Sql]:
    try:
        async with await psycopg.AsyncConnection.connect(
            getattr(settings, variable), autocommit=True, prepare_threshold=None, connect_timeout=10
        ) as connection:
            yield connection
    except psycopg.OperationalError as exc:
        raise CannotVerify(f"{variable} cannot be used: {exc}") from exc


async def _tried(connection: Sql, exposed: Exposed, intruder: Person, planted: Planted) -> list[Check]:
    tables = [await _table(connection, "public", name) for name in exposed.tables]
    person, nobody, login = Tally(), Tally(), Tally()
    for table in tables:
        await _try_table(connection, table, intruder.claims, planted, person)
        await _try_table(connection, table, None, planted, nobody)
        await _refused(connection, _select(table), login)
    for function in exposed.functions:
        await _try_function(connection, function, intruder.claims, planted, person)
        await _try_function(connection, function, None, planted, nobody)
    for role in _OTHERS:
        await _refused(connection, sql.SQL("set role {}").format(sql.Identifier(role)), login)
    return [
        person.check("the server's role with somebody's claims reaches no row of somebody else's"),
        nobody.check("the server's role without claims reaches nothing"),
        login.check("the login role itself reaches nothing, and becomes nobody else"),
    ]


@asynccontextmanager
async def _acting(connection: Sql, claims: Claims | None) -> AsyncIterator[None]:
    """As the server does it for one call; all of it is undone."""
    about = (claims_json(claims), claims.user_id) if claims else ("", "")
    async with connection.transaction(force_rollback=True):
        await connection.execute(BECOME, (*about, _TIMEOUT_MS))
        yield


async def _table(connection: Sql, schema: str, name: str) -> Table:
    rows = await (await connection.execute(_COLUMNS, (schema, name))).fetchall()
    return Table(
        schema,
        name,
        {column: kind for column, kind, *_ in rows},
        tuple(column for column, _, changeable, _ in rows if changeable),
        tuple(column for column, *_, givable in rows if givable),
    )


async def _try_table(connection: Sql, table: Table, claims: Claims | None, planted: Planted, tally: Tally) -> None:
    for statement, what in _statements(table, planted, everything=claims is None):
        rows = await _rows(connection, statement, claims, tally)
        if rows:
            tally.problems.append(f"{what} {table.name} as safycore_user: {rows} rows of somebody else's")
    if "user_id" in table.givable:
        await _try_insert(connection, table, claims, planted, tally)


def _statements(table: Table, planted: Planted, *, everything: bool) -> Iterable[tuple[sql.Composed, str]]:
    """Reads, changes and deletions of the owner's rows; with `everything`, of any row at all."""
    wheres: list[sql.Composable] = [
        sql.SQL(" where {} = {}").format(sql.Identifier(column), sql.Literal(planted.ids[kind]))
        for column, kinds in _IDS.items()
        for kind in kinds
        # Django's own ids are numbers, which nobody is ever told.
        if table.columns.get(column) not in {None, "bigint"}
    ]
    if "user_id" in table.columns:
        others = sql.SQL(" and user_id = {}").format(sql.Literal(planted.owner.id))
        wheres = [where + others for where in wheres]
    wheres += [sql.SQL("")] if everything else []
    for where in wheres:
        yield _select(table) + where, "select from"
        yield sql.SQL("delete from {}").format(table.identifier) + where, "delete from"
        for column in map(sql.Identifier, table.changeable[:1]):
            yield (
                sql.SQL("update {} set {} = {}").format(table.identifier, column, column) + where,
                "update",
            )


def _select(table: Table) -> sql.Composed:
    return sql.SQL("select 1 from {}").format(table.identifier)


async def _rows(connection: Sql, statement: sql.Composed, claims: Claims | None, tally: Tally) -> int:
    """How many rows a statement reaches; 0 when the database refuses it."""
    tally.tried += 1
    try:
        async with _acting(connection, claims):
            return (await connection.execute(statement)).rowcount
    except InsufficientPrivilege:
        return 0


async def _try_insert(connection: Sql, table: Table, claims: Claims | None, planted: Planted, tally: Tally) -> None:
    """Policies come before every other check of a new row: any answer but theirs says that they let it pass."""
    given = {"user_id": planted.owner.id, "session_id": planted.session, "content": "tried", "role": "assistant"}
    row = {name: value for name, value in given.items() if name in table.givable}
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        table.identifier,
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Literal, row.values())),
    )
    tally.tried += 1
    try:
        async with _acting(connection, claims):
            await connection.execute(statement)
    except InsufficientPrivilege:
        return
    except psycopg.Error as exc:
        tally.problems.append(
            f"insert into {table.name} in the owner's name: the policies let it pass ({exc.sqlstate})"
        )
        return
    tally.problems.append(f"insert into {table.name} in the owner's name: stored")


async def _try_function(
    connection: Sql, function: Function, claims: Claims | None, planted: Planted, tally: Tally
) -> None:
    for kind, value in (planted.kinds() if function.ids else {NOBODYS: ""}).items():
        tally.tried += 1
        answer = await _called(connection, function, value, claims)
        if planted.given_away_by(answer):
            tally.problems.append(f"{function.name} with the owner's {kind}: the answer has what is the owner's")


async def _called(connection: Sql, function: Function, value: str, claims: Claims | None) -> str:
    """What the function answers, as text; nothing when the database refuses."""
    arguments = {
        name: Jsonb(given) if isinstance(given, dict) else given for name, given in function.call(value).items()
    }
    names = [sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in arguments]
    call = sql.SQL("select public.{}({})::text").format(sql.Identifier(function.name), sql.SQL(", ").join(names))
    try:
        async with _acting(connection, claims):
            row = await (await connection.execute(call, arguments)).fetchone()
    except psycopg.OperationalError:
        raise
    except psycopg.Error:
        return ""
    return str(row[0]) if row else ""


async def _refused(connection: Sql, statement: sql.Composed, tally: Tally) -> None:
    tally.tried += 1
    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(statement)
    except (InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
        return
    tally.problems.append(f"{statement.as_string()}: the login role may do that")
