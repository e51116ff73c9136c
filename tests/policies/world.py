"""Two people with rows in every state and the same session ids, and the ways to act as either.

All of it is made in a transaction of the caller's, who rolls it back: nothing of it is ever seen by anybody else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from tests.policies import catalog

Sql = psycopg.Connection[Any]
Row = dict[str, Any]
DOORS = ("authenticated", "safycore_user")
ALIVE, LOST = "machine:1:alive", "machine:2:lost"
SHARED = ("chat", "quiet", "lost")


@dataclass(frozen=True)
class Person:
    """The ids are fixed, so that a mutant can name a victim before there is one."""

    name: str
    id: str
    auth_session: str

    @property
    def own_session(self) -> str:
        """A session id that nobody else uses."""
        return f"own-{self.name}"

    def claims(self, **changes: Any) -> Row:
        return {"sub": self.id, "role": "authenticated", "session_id": self.auth_session, **changes}


ALICE = Person("alice", "a11ce000-0000-4000-8000-000000000001", "a11ce000-0000-4000-8000-000000000002")
MALLORY = Person("mallory", "3a110000-0000-4000-8000-000000000001", "3a110000-0000-4000-8000-000000000002")


@dataclass(frozen=True)
class World:
    """The connection, inside a transaction, and where to find Alice's and Mallory's rows."""

    sql: Sql
    messages: dict[tuple[str, str, str], str] = field(default_factory=dict)
    training: dict[tuple[str, str], str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)

    def reply(self, person: Person, session_id: str) -> str:
        """The id of the newest answer in a session."""
        return self.messages[person.name, session_id, "reply"]

    def sent(self, person: Person, session_id: str) -> str:
        return self.messages[person.name, session_id, "sent"]

    def fact(self, person: Person, session_id: str) -> str:
        return self.training[person.name, session_id]

    def one(self, query: str, *arguments: Any) -> Any:
        """The only value of the only row."""
        row = self.sql.execute(query.encode(), arguments).fetchone()
        return row[0] if row else None


def populated(connection: Sql) -> World:
    """Alice first, so that a query that forgot to ask whose finds hers."""
    world = World(connection, tables=catalog.tables(connection))
    # Nobody else's reply runs in it, whatever other tests left running.
    connection.execute("update public.messages set status = 'stopped' where status = 'streaming'")
    for person in (ALICE, MALLORY):
        connection.execute(
            "insert into auth.users (id, email) values (%s, %s)", (person.id, f"{person.name}@example.com")
        )
        connection.execute("insert into auth.sessions (id, user_id) values (%s, %s)", (person.auth_session, person.id))
        for session_id in (*SHARED, person.own_session):
            _talk(world, person, session_id)
    return world


def _talk(world: World, person: Person, session_id: str) -> None:
    """A question and its answer: running in most sessions, complete for the second time in `quiet`, dead in `lost`."""
    words = f"words of {person.name} in {session_id}"
    sent = _message(
        world,
        person,
        session_id,
        role="user",
        status="sent",
        content=words,
        client_message_id=f"key-{session_id}",
        request_hash="hash",
    )
    world.messages[person.name, session_id, "sent"] = sent
    answer = {"role": "assistant", "reply_to": sent, "content": f"answer, {words}"}
    if session_id == "quiet":
        former = _message(world, person, session_id, status="complete", superseded=True, **answer)
        world.messages[person.name, session_id, "former"] = former
        answer["status"] = "complete"
    else:
        answer |= {"status": "streaming", "owner": LOST if session_id == "lost" else ALIVE}
        answer["heartbeat_at"] = "2000-01-01" if session_id == "lost" else "2999-01-01"
    world.messages[person.name, session_id, "reply"] = _message(world, person, session_id, **answer)
    world.training[person.name, session_id] = world.one(
        "insert into public.training_data (user_id, session_id, content) values (%s, %s, %s) returning id::text",
        person.id,
        session_id,
        f"fact, {words}",
    )


def _message(world: World, person: Person, session_id: str, **given: Any) -> str:
    row = {"user_id": person.id, "session_id": session_id, **given}
    query = sql.SQL("insert into public.messages ({}) values ({}) returning id::text").format(
        sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(map(sql.Placeholder, row))
    )
    return str(world.sql.execute(query, row).fetchall()[0][0])


@contextmanager
def undone(connection: Sql) -> Iterator[None]:
    """What is done inside is rolled back."""
    with connection.transaction(force_rollback=True):
        yield


@contextmanager
def acting(connection: Sql, role: str, claims: Row | None) -> Iterator[None]:
    """The connection as that role with those claims, set as both doors set them; all of it is undone."""
    with undone(connection):
        become(connection, role, claims)
        yield


def become(connection: Sql, role: str, claims: Row | None) -> None:
    connection.execute(
        "select set_config('request.jwt.claims', %s, true), set_config('request.jwt.claim.sub', %s, true), "
        "set_config('role', %s, true)",
        (msgspec.json.encode(claims).decode() if claims else "", (claims or {}).get("sub", ""), role),
    )


@contextmanager
def without_policies(connection: Sql) -> Iterator[None]:
    """Row level security off everywhere: what is still refused inside is refused by grants or by the functions."""
    with undone(connection):
        for table in catalog.tables(connection):
            statement = sql.SQL("alter table public.{} no force row level security, disable row level security")
            connection.execute(statement.format(sql.Identifier(table)))
        yield


def rows(world: World) -> dict[str, Row]:
    """Every row of both people by its id, read by the owner of the database, past every policy."""
    select = sql.SQL("select t.id::text, to_jsonb(t) from public.{} t where user_id in ({}, {})")
    people = (sql.Literal(ALICE.id), sql.Literal(MALLORY.id))
    each = (select.format(sql.Identifier(table), *people) for table in world.tables)
    return dict(world.sql.execute(sql.SQL(" union all ").join(each)).fetchall())
