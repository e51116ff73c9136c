"""Every table, verb, column and role, by who tries; and what rows may not say."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import psycopg
from psycopg import sql

from tests.policies import catalog
from tests.policies.expectations import AT_A_DOOR, TABLES, Outcome
from tests.policies.world import ALICE, DOORS, MALLORY, Person, World, acting, undone

WHO: dict[str, Person | None] = {"owner": ALICE, "somebody else": MALLORY, "nobody": None}
Came = Outcome | Literal["beyond"]
Columns = dict[str, dict[str, bool]]


class Attempt(NamedTuple):
    """One cell of the matrix. `column` is empty where the verb is about whole rows."""

    role: str
    who: str
    table: str
    verb: str
    column: str

    def __str__(self) -> str:
        return f"{self.who} as {self.role}: {self.verb} {self.table} {self.column}".rstrip()


def every_table_and_column_is_expected(world: World) -> Iterator[str]:
    found = set(catalog.tables(world.sql))
    yield from (f"no expectation for the table {table}" for table in sorted(found - set(TABLES)))
    yield from (f"there is no table {table}" for table in sorted(set(TABLES) - found))
    for table in sorted(found & set(TABLES)):
        named = TABLES[table].given | TABLES[table].changed
        missing = named - set(catalog.columns(world.sql, table))
        yield from (f"there is no column {table}.{name}" for name in sorted(missing))


def each_attempt_comes_to_what_is_expected(world: World) -> Iterator[str]:
    """The matrix, tried in earnest."""
    columns = {table: catalog.columns(world.sql, table) for table in catalog.tables(world.sql)}
    owned = _owned(world, columns)
    for role in (*DOORS, "anon", "safycore_app"):
        for who, person in WHO.items():
            with acting(world.sql, role, person.claims() if person else None):
                for attempt in attempts(columns, role, who):
                    came_to = _try(world, attempt, owned, columns)
                    if came_to != expected(attempt):
                        yield f"{attempt}: {came_to}, not {expected(attempt)}"


def attempts(columns: Columns, role: str, who: str) -> Iterator[Attempt]:
    for table in columns:
        for verb in ("delete", "truncate"):
            yield Attempt(role, who, table, verb, "")
        for verb in ("select", "insert", "update"):
            yield from (Attempt(role, who, table, verb, column) for column in columns[table])


def expected(attempt: Attempt) -> Outcome:
    table = TABLES[attempt.table]
    possible = {"insert": table.given, "update": table.changed}.get(attempt.verb, {attempt.column})
    if attempt.role not in DOORS or attempt.column not in possible:
        return "refused"
    return AT_A_DOOR[attempt.who].get(attempt.verb, "refused")


def _owned(world: World, columns: Columns) -> dict[tuple[str, str], int]:
    """How many rows each has in each table."""
    query = sql.SQL("select user_id::text, count(*) from public.{} group by 1")
    counts: dict[tuple[str, str], int] = {}
    for table in columns:
        found = dict(world.sql.execute(query.format(sql.Identifier(table))).fetchall())
        counts |= {(table, who): found[person.id] if person else 0 for who, person in WHO.items()}
    return counts


def _try(world: World, attempt: Attempt, owned: dict[tuple[str, str], int], columns: Columns) -> Came:
    """No condition is sent along: how many rows it reaches tells whose they were."""
    try:
        with undone(world.sql):
            reached = world.sql.execute(_statement(attempt, columns)).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return "refused"
    if attempt.verb in {"insert", "truncate"}:
        return "reached"
    if reached != owned[attempt.table, attempt.who]:
        return "beyond" if reached else "nothing"
    return "reached" if attempt.who == "owner" else "nothing"


def _statement(attempt: Attempt, columns: Columns) -> sql.Composed:
    table, column = sql.Identifier("public", attempt.table), sql.Identifier(attempt.column)
    if attempt.verb == "insert":
        return _insert(attempt)
    if attempt.verb == "update":
        # To what it is: whether that is allowed does not depend on the value.
        value = sql.SQL("default") if columns[attempt.table][attempt.column] else column
        return sql.SQL("update {} set {} = {}").format(table, column, value)
    verbs = {"select": sql.SQL("select {} from").format(column), "delete": sql.SQL("delete from")}
    return sql.SQL("{} {}").format(verbs.get(attempt.verb, sql.SQL("truncate")), table)


def _insert(attempt: Attempt) -> sql.Composed:
    """Alice's name stands in the row, whoever adds it; the column is given, by name, its default."""
    row: dict[str, sql.Composable] = {attempt.column: sql.SQL("default")}
    row |= {name: sql.Literal(value) for name, value in TABLES[attempt.table].row.items()}
    return sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("public", attempt.table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(row.values()),
    )


def what_a_row_may_not_say_is_refused(world: World) -> Iterator[str]:
    """Constraints: in Alice's own rows, as she writes them."""
    with acting(world.sql, "safycore_user", ALICE.claims()):
        for table, column, value in (
            ("messages", "session_id", ""),
            ("messages", "role", "owner"),
            ("messages", "status", "lost"),
            ("training_data", "session_id", ""),
            ("training_data", "content", ""),
        ):
            row = {**TABLES[table].row, column: value}
            if not _refused_as(world, psycopg.errors.CheckViolation, _insert_row(table, row)):
                yield f"{table} takes {value!r} for {column}"


def _insert_row(table: str, row: dict[str, str]) -> sql.Composed:
    return sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("public", table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Literal, row.values())),
    )


def _refused_as(world: World, error: type[psycopg.Error], query: sql.Composed) -> bool:
    try:
        with undone(world.sql):
            world.sql.execute(query)
    except error:
        return True
    return False


def the_same_thing_is_never_there_twice(world: World) -> Iterator[str]:
    """What the unique indexes keep, tried in Alice's rows: past every policy, as no function would try it."""
    chat = {"user_id": ALICE.id, "session_id": "chat"}
    twice = {
        "one running reply per session": _insert_row("messages", {**chat, "role": "assistant", "status": "streaming"}),
        "one message per key and person": _insert_row(
            "messages", {**chat, "role": "user", "client_message_id": "key-quiet"}
        ),
        "the same text once per session": _insert_row(
            "training_data", {**chat, "content": "fact, words of alice in chat"}
        ),
        "one message per place": sql.SQL("update public.messages set seq = 1 where user_id = {}").format(
            sql.Literal(ALICE.id)
        ),
        **{
            f"one id per row of {table}": sql.SQL("update {} set id = {} where user_id = {}").format(
                sql.Identifier("public", table), sql.Literal(world.fact(ALICE, "chat")), sql.Literal(ALICE.id)
            )
            for table in TABLES
        },
    }
    for promise, query in twice.items():
        if not _refused_as(world, psycopg.errors.UniqueViolation, query):
            yield f"not kept: {promise}"


def what_is_unique_for_one_person_is_free_for_another(world: World) -> Iterator[str]:
    """Otherwise a refusal would tell what somebody else has."""
    row = {"user_id": MALLORY.id, "session_id": "new"}
    free = (
        _insert_row("messages", {**row, "role": "user", "client_message_id": f"key-{ALICE.own_session}"}),
        _insert_row("training_data", {**row, "content": "fact, words of alice in chat"}),
    )
    for query in free:
        if _refused_as(world, psycopg.errors.UniqueViolation, query):
            yield f"refused for what somebody else has: {query.as_string(world.sql)}"


def rows_go_with_the_person_they_belong_to(world: World) -> Iterator[str]:
    with undone(world.sql):
        world.sql.execute("delete from auth.users where id = %s", (ALICE.id,))
        for table in catalog.tables(world.sql):
            query = sql.SQL("select count(*) from public.{} where user_id = {}")
            if world.sql.execute(query.format(sql.Identifier(table), sql.Literal(ALICE.id))).fetchall() != [(0,)]:
                yield f"rows of somebody who is gone stay in {table}"


def answers_go_with_their_question(world: World) -> Iterator[str]:
    with undone(world.sql):
        world.sql.execute("delete from public.messages where id = %s", (world.sent(ALICE, "quiet"),))
        if world.one("select count(*) from public.messages where id = %s", world.reply(ALICE, "quiet")):
            yield "an answer stays when its question is gone"
