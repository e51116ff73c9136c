"""In SQL, with people who have signed up and talked: what each role can do, whatever our own code does.

Every cell of the matrix, and the rules about the definitions themselves, are in tests/policies.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tests.cast import Actor

Sql = psycopg.AsyncConnection[Any]
TABLES = ("messages", "training_data")
DOORS = ("authenticated", "safycore_user")
CHANGEABLE = {"messages": "content", "training_data": "content"}


class Rows(NamedTuple):
    """A row of Alice's in each table, by table."""

    messages: str
    training_data: str


@asynccontextmanager
async def acting(connection: Sql, role: str, claims: dict[str, str] | None) -> AsyncIterator[Sql]:
    """The connection as that role with those claims, set as both doors set them; all of it is undone."""
    async with connection.transaction(force_rollback=True):
        await connection.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('request.jwt.claim.sub', %s, true)",
            (msgspec.json.encode(claims).decode() if claims else "", claims["sub"] if claims else ""),
        )
        await connection.execute("select set_config('role', %s, true)", (role,))
        yield connection


def claims_of(actor: Actor) -> dict[str, str]:
    return {"sub": actor.id, "role": "authenticated", "session_id": str(actor.claims["session_id"])}


@pytest.fixture
async def admin(environment: Mapping[str, str]) -> AsyncIterator[Sql]:
    """A connection of the test's own that may become any role."""
    connection = await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_ADMIN_URL"], autocommit=True)
    yield connection
    await connection.close()


@pytest.fixture
async def row_id(table: str, rows: Rows) -> str:
    """The row of Alice's in the table that the test is about."""
    return str(getattr(rows, table))


@pytest.fixture
async def rows(alice: Actor, chat_id: str, admin: Sql) -> Rows:
    await alice.say("secret", chat_id, training_data="secret fact")
    found = []
    for table in TABLES:
        query = sql.SQL("select id from {} where user_id = %s and session_id = %s").format(sql.Identifier(table))
        row = await (await admin.execute(query, (alice.id, chat_id))).fetchone()
        assert row is not None
        found.append(str(row[0]))
    return Rows(*found)


def insert(table: str, **given: Any) -> tuple[sql.Composed, dict[str, Any]]:
    values = {"session_id": "in SQL", "content": "text", **({"role": "user"} if table == "messages" else {}), **given}
    query = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    return query, values


def update(table: str, column: str, row_id: str | None = None) -> sql.Composed:
    """Set a column to what it is: whether that is allowed does not depend on the value."""
    where = sql.SQL(" where id = {}").format(sql.Literal(row_id)) if row_id else sql.SQL("")
    return sql.SQL("update {} set {} = {}{}").format(
        sql.Identifier(table), sql.Identifier(column), sql.Identifier(column), where
    )


async def counted(connection: Sql, statement: str, table: str) -> int:
    return (await connection.execute(sql.SQL(statement).format(sql.Identifier(table)))).rowcount


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", DOORS)
async def test_the_owner_sees_adds_changes_and_deletes_rows_of_their_own(
    admin: Sql, alice: Actor, row_id: str, table: str, role: str
) -> None:
    async with acting(admin, role, claims_of(alice)):
        seen = await (await admin.execute(sql.SQL("select user_id from {}").format(sql.Identifier(table)))).fetchall()
        assert {str(user_id) for (user_id,) in seen} == {alice.id}
        assert (await admin.execute(*insert(table, user_id=alice.id))).rowcount == 1
        assert (await admin.execute(*insert(table, content="by default mine"))).rowcount == 1
        assert (await admin.execute(update(table, CHANGEABLE[table], row_id))).rowcount == 1
        delete = sql.SQL("delete from {} where id = %s").format(sql.Identifier(table))
        assert (await admin.execute(delete, (row_id,))).rowcount == 1


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", DOORS)
async def test_somebody_else_sees_changes_and_deletes_nothing_and_adds_nothing_in_alices_name(
    *, admin: Sql, alice: Actor, mallory: Actor, row_id: str, table: str, role: str
) -> None:
    async with acting(admin, role, claims_of(mallory)):
        select = sql.SQL("select 1 from {} where user_id = {} or id = {}").format(
            sql.Identifier(table), sql.Literal(alice.id), sql.Literal(row_id)
        )
        assert (await admin.execute(select)).rowcount == 0
        assert (await admin.execute(update(table, CHANGEABLE[table], row_id))).rowcount == 0
        delete = sql.SQL("delete from {} where user_id = %s or id = %s").format(sql.Identifier(table))
        assert (await admin.execute(delete, (alice.id, row_id))).rowcount == 0
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            async with admin.transaction():
                await admin.execute(*insert(table, user_id=alice.id))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", DOORS)
@pytest.mark.parametrize("how", ["no claims", "claims of nobody"])
async def test_a_role_without_a_person_sees_nothing_and_adds_nothing(
    *, admin: Sql, alice: Actor, rows: Rows, table: str, role: str, how: str
) -> None:
    nobody = {"sub": "00000000-0000-4000-8000-000000000000", "role": "authenticated"}
    async with acting(admin, role, None if how == "no claims" else nobody):
        assert await counted(admin, "select 1 from {}", table) == 0
        assert (await admin.execute(update(table, CHANGEABLE[table]))).rowcount == 0
        assert await counted(admin, "delete from {}", table) == 0
        for given in ({"user_id": alice.id}, {}):
            with pytest.raises((InsufficientPrivilege, psycopg.errors.IntegrityError)):
                async with admin.transaction():
                    await admin.execute(*insert(table, **given))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["select", "insert", "update", "delete"])
async def test_anon_may_do_nothing_even_with_the_owners_claims(
    admin: Sql, alice: Actor, rows: Rows, table: str, verb: str
) -> None:
    statements: dict[str, tuple[sql.Composed, dict[str, Any]]] = {
        "select": (sql.SQL("select 1 from {}").format(sql.Identifier(table)), {}),
        "insert": insert(table, user_id=alice.id),
        "update": (update(table, CHANGEABLE[table]), {}),
        "delete": (sql.SQL("delete from {}").format(sql.Identifier(table)), {}),
    }
    for claims in (None, claims_of(alice)):
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            async with acting(admin, "anon", claims):
                await admin.execute(*statements[verb])


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["anon", *DOORS])
async def test_no_role_of_a_door_can_truncate_or_attach_anything(
    admin: Sql, alice: Actor, table: str, role: str
) -> None:
    for statement in (
        "truncate {}",
        "create trigger t before insert on {} for each row execute function safycore.number_message()",
        "alter table {} disable row level security",
        "create policy everybody on {} using (true)",
        "create table public.spy (of uuid references {} (id))",
    ):
        with pytest.raises(InsufficientPrivilege):
            async with acting(admin, role, claims_of(alice)):
                await admin.execute(sql.SQL(statement).format(sql.Identifier(table)))


async def test_a_reply_cannot_hang_on_somebody_elses_message_and_tell_that_it_exists(
    admin: Sql, alice: Actor, mallory: Actor, rows: Rows
) -> None:
    """The foreign key looks past row level security: it must not be a way to ask which ids exist."""
    outcomes = []
    for reply_to in (rows.messages, "00000000-0000-4000-8000-000000000000"):
        try:
            async with acting(admin, "authenticated", claims_of(mallory)):
                await admin.execute(*insert("messages", reply_to=reply_to))
                await admin.execute("set constraints all immediate")
            outcomes.append("stored")
        except psycopg.Error as error:
            outcomes.append(str(error.sqlstate))
    assert outcomes[0] == outcomes[1]


async def test_the_servers_role_is_nobody_until_it_becomes_somebody(environment: Mapping[str, str]) -> None:
    connection = await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_URL"], autocommit=True)
    try:
        for table in TABLES:
            with pytest.raises(InsufficientPrivilege):
                await connection.execute(sql.SQL("select 1 from {}").format(sql.Identifier(table)))
        for role in ("authenticated", "anon", "service_role", "postgres", "authenticator"):
            with pytest.raises(InsufficientPrivilege):
                await connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with pytest.raises(InsufficientPrivilege):
            await connection.execute("select 1 from auth.users")
        await connection.execute("set role safycore_user")
        for table in TABLES:
            assert await counted(connection, "select 1 from {}", table) == 0
        with pytest.raises(InsufficientPrivilege):
            await connection.execute("select 1 from auth.users")
    finally:
        await connection.close()


async def test_a_connection_that_went_back_knows_nobody(environment: Mapping[str, str], alice: Actor) -> None:
    connection = await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_URL"], autocommit=True)
    try:
        async with acting(connection, "safycore_user", claims_of(alice)):
            pass
        row = await (
            await connection.execute(
                "select current_user, current_setting('request.jwt.claims', true), "
                "current_setting('request.jwt.claim.sub', true)"
            )
        ).fetchone()
        assert row is not None
        assert (row[0], row[1] or "", row[2] or "") == ("safycore_app", "", "")
    finally:
        await connection.close()
