"""Django's own tables in Postgres (`DATABASE_URL`): who reaches them, and which logins the server takes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from psycopg import sql

from tests.api.accounts import DjangoRows, Owner
from tests.api.test_startup import last_words
from tests.cast import Actor
from tests.conftest import NewActor
from tests.policies.world import ALICE, MALLORY, Person, acting, undone
from tests.processes import Server, manage

Sql = psycopg.Connection[Any]
Outcome = Literal["reached", "nothing", "refused"]
SCHEMA = "safycore_django"
TABLES = ("user_profiles", "conversation_sessions")
VERBS = {
    "select": "select 1 from {table} where user_id = {alice}",
    "insert": "insert into {table} {row}",
    "update": "update {table} set updated_at = updated_at where user_id = {alice}",
    "delete": "delete from {table} where user_id = {alice}",
}
ROWS = {
    "user_profiles": "(user_id, created_at, updated_at) values ({alice}, now(), now())",
    "conversation_sessions": "(user_id, session_id, title, created_at, updated_at) "
    "values ({alice}, 'new', 'New', now(), now())",
}
ROLES = ("anon", "authenticated", "service_role", "safycore_app")
OWN: dict[str, Outcome] = dict.fromkeys(VERBS, "reached")
OTHERS: dict[str, Outcome] = {"select": "nothing", "insert": "refused", "update": "nothing", "delete": "nothing"}
NONE: dict[str, Outcome] = dict.fromkeys(VERBS, "refused")


@pytest.fixture
def owner(in_postgres_environment: Mapping[str, str]) -> Iterator[Sql]:
    """As the owner, with rows of Alice's and Mallory's; all of it is rolled back."""
    with psycopg.connect(in_postgres_environment["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        connection.execute("set lock_timeout = '10s'")
        with connection.transaction(force_rollback=True):
            for person in (ALICE, MALLORY):
                _furnish(connection, person)
            # What waits for the end of the transaction would forbid to alter the tables.
            connection.execute("set constraints all immediate; set constraints all deferred")
            yield connection


def _furnish(connection: Sql, person: Person) -> None:
    connection.execute(
        f"insert into {SCHEMA}.user_profiles (user_id, email, created_at, updated_at) values (%s, %s, now(), now())",
        (person.id, f"{person.name}@example.com"),
    )
    connection.execute(
        f"insert into {SCHEMA}.conversation_sessions (user_id, session_id, title, created_at, updated_at) "
        "values (%s, 'chat', 'Chat', now(), now())",
        (person.id,),
    )


def _statement(table: str, verb: str) -> sql.Composed:
    parts = {"table": sql.Identifier(SCHEMA, table), "alice": sql.Literal(ALICE.id)}
    return sql.SQL(VERBS[verb]).format(**parts, row=sql.SQL(ROWS[table]).format(**parts))


def outcome(connection: Sql, role: str, claims: dict[str, Any] | None, statement: sql.Composed) -> Outcome:
    try:
        with acting(connection, role, claims):
            return "reached" if connection.execute(statement).rowcount else "nothing"
    except psycopg.errors.InsufficientPrivilege:
        return "refused"


def outcomes(connection: Sql, role: str, claims: dict[str, Any] | None) -> dict[tuple[str, str], Outcome]:
    return {
        (table, verb): outcome(connection, role, claims, _statement(table, verb)) for table in TABLES for verb in VERBS
    }


def expected(of: Mapping[str, Outcome]) -> dict[tuple[str, str], Outcome]:
    """A profile is made by keep_profile() alone."""
    return {(table, verb): of[verb] for table in TABLES for verb in VERBS} | {("user_profiles", "insert"): "refused"}


def test_people_reach_their_own_rows_and_nobody_elses(owner: Sql) -> None:
    assert outcomes(owner, "safycore_user", ALICE.claims()) == expected(OWN)
    assert outcomes(owner, "safycore_user", MALLORY.claims()) == expected(OTHERS)
    assert outcomes(owner, "safycore_user", None) == expected(OTHERS)


@pytest.mark.parametrize("role", ROLES)
def test_other_roles_reach_nothing_whoever_they_claim_to_be(owner: Sql, role: str) -> None:
    assert outcomes(owner, role, ALICE.claims()) == expected(NONE)
    assert outcomes(owner, role, None) == expected(NONE)


def test_the_only_tables_are_these_and_row_level_security_is_forced_on_each(owner: Sql) -> None:
    query = (
        "select relname, relrowsecurity and relforcerowsecurity from pg_class "
        "where relnamespace = %s::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
    )
    assert dict(owner.execute(query, (SCHEMA,)).fetchall()) == dict.fromkeys([*TABLES, "django_migrations"], True)


def test_what_may_be_given_and_changed_is_this_and_no_more(owner: Sql) -> None:
    query = (
        "select c.relname, a.attname, v from pg_attribute a join pg_class c on c.oid = a.attrelid, "
        "unnest(array['insert', 'update', 'references']) v where c.relnamespace = %s::regnamespace "
        "and c.relkind = 'r' and a.attnum > 0 and has_column_privilege('safycore_user', c.oid, a.attnum, v)"
    )
    assert set(owner.execute(query, (SCHEMA,)).fetchall()) == {
        ("user_profiles", "default_session_id", "update"),
        ("user_profiles", "updated_at", "update"),
        *(("conversation_sessions", name, "update") for name in ("title", "updated_at")),
        *(
            ("conversation_sessions", name, "insert")
            for name in ("user_id", "session_id", "title", "created_at", "updated_at")
        ),
    }
    whole = (
        "select c.relname, v from pg_class c, unnest(array['truncate', 'references', 'trigger']) v "
        "where c.relnamespace = %s::regnamespace and c.relkind = 'r' and has_table_privilege('safycore_user', c.oid, v)"
    )
    assert owner.execute(whole, (SCHEMA,)).fetchall() == []
    bookkeeping = f"select has_table_privilege('safycore_user', '{SCHEMA}.django_migrations', 'select')"
    assert owner.execute(bookkeeping).fetchone() == (False,)


WEAKENED = {
    "row level security off": "alter table {}.{} disable row level security",
    "a policy for everything": "alter policy {1}_owner on {0}.{1} using (true) with check (true)",
    "using everything": "alter policy {1}_owner on {0}.{1} using (true)",
    "checking nothing": "alter policy {1}_owner on {0}.{1} with check (true)",
    "no policy": "drop policy {1}_owner on {0}.{1}",
    "anybody's right": "grant usage on schema {0} to anon; grant select on {0}.{1} to anon; "
    "create policy more on {0}.{1} to anon using (true)",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", WEAKENED)
def test_each_weakening_is_noticed_by_the_attempts(owner: Sql, how: str, table: str) -> None:
    owner.execute(f"grant insert (user_id, created_at, updated_at) on {SCHEMA}.user_profiles to safycore_user")
    everybody = [("safycore_user", ALICE.claims()), ("safycore_user", MALLORY.claims()), ("anon", ALICE.claims())]
    before = [outcomes_of(owner, role, claims, table) for role, claims in everybody]
    with undone(owner):
        owner.execute(WEAKENED[how].format(SCHEMA, table).encode())
        assert [outcomes_of(owner, role, claims, table) for role, claims in everybody] != before


def outcomes_of(connection: Sql, role: str, claims: dict[str, Any], table: str) -> dict[str, str]:
    """Also tells an insert that the policies let pass from one that they stop; what stops it afterwards is a key."""
    found: dict[str, str] = {}
    for verb in VERBS:
        try:
            found[verb] = outcome(connection, role, claims, _statement(table, verb))
        except psycopg.errors.UniqueViolation:
            found[verb] = "let pass"
    return found


# The profile, which the database makes from the claims


def test_an_address_goes_to_whom_the_claims_give_it_and_leaves_whoever_had_it(owner: Sql) -> None:
    with acting(owner, "safycore_user", MALLORY.claims(email="alice@example.com")):
        owner.execute(f"select {SCHEMA}.keep_profile()")
        seen = owner.execute(f"select user_id::text, email from {SCHEMA}.user_profiles").fetchall()
        assert seen == [(MALLORY.id, "alice@example.com")]
        owner.execute("reset role")
        query = f"select email from {SCHEMA}.user_profiles where user_id = %s"
        assert owner.execute(query, (ALICE.id,)).fetchone() == (None,)


def test_without_claims_no_profile_is_made(owner: Sql) -> None:
    with pytest.raises(psycopg.Error) as refusal, acting(owner, "safycore_user", None):
        owner.execute(f"select {SCHEMA}.keep_profile()")
    assert refusal.value.sqlstate == "PT401"


@pytest.mark.parametrize("role", ROLES)
def test_nobody_else_makes_profiles(owner: Sql, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(owner, role, ALICE.claims()):
        owner.execute(f"select {SCHEMA}.keep_profile()")


async def test_an_address_that_is_somebody_elses_now_moves_to_them(
    either_database: Server, newcomer: NewActor, owner_sql: Owner
) -> None:
    """As after both have changed their address at Supabase: the token tells the new one, the other row the old one."""
    carol, dave = [(await newcomer(name)).on(either_database.url) for name in ("carol", "dave")]
    rows = DjangoRows(either_database.environment)
    await carol.call("GET", "/api/auth/profile/")
    rows.change("update user_profiles set email = ? where email = ?", dave.email, carol.email)
    profile = (await dave.call("GET", "/api/auth/profile/")).json()["user"]
    assert profile["email"] == dave.email
    assert len(rows.all("select 1 from user_profiles where email = ?", dave.email)) == 1
    assert rows.of(dave)["user_profiles"] == rows.of(carol)["user_profiles"] == 1


# Who the server logs in as, and what it finds


async def test_the_owner_of_the_tables_is_no_login_for_the_server(
    in_postgres_environment: Mapping[str, str], tmp_path: Path
) -> None:
    as_owner = {**in_postgres_environment, "DATABASE_URL": in_postgres_environment["DATABASE_ADMIN_URL"]}
    words = await last_words(as_owner, tmp_path / "server.log")
    assert "DATABASE_URL logs in as 'postgres', which can pass row level security" in words
    assert "Traceback" not in words


async def test_a_database_that_nobody_listens_at_is_told(
    in_postgres_environment: Mapping[str, str], tmp_path: Path
) -> None:
    nowhere = {**in_postgres_environment, "DATABASE_URL": "postgres://safycore_app:x@127.0.0.1:1/safycore"}
    words = await last_words(nowhere, tmp_path / "server.log")
    assert "No connection to DATABASE_URL could be made" in words


async def test_a_role_that_row_level_security_binds_cannot_migrate(in_postgres_environment: Mapping[str, str]) -> None:
    bound = {**in_postgres_environment, "DATABASE_ADMIN_URL": in_postgres_environment["DATABASE_URL"]}
    said = await manage(bound, "migrate", fails=True)
    assert "DATABASE_ADMIN_URL logs in as a role that row level security binds" in said
    assert "Traceback" not in said


async def test_migrating_again_changes_nothing(in_postgres_environment: Mapping[str, str], alice: Actor) -> None:
    assert "No migrations to apply" in await manage(in_postgres_environment, "migrate")
