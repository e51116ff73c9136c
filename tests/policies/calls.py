"""Calls of our functions with everybody's ids, and what each of them may touch and tell."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from tests.policies import catalog
from tests.policies.expectations import constant_argument
from tests.policies.world import ALICE, ALIVE, LOST, MALLORY, SHARED, Person, Row, World, become, rows, undone

ENDED = {"sent", "complete", "stopped", "interrupted", "error"}


@dataclass(frozen=True)
class Ids:
    """What a caller names; the other parameters do not say whose or what."""

    person: Person
    session: str
    message: str
    training: str
    key: str | None = None
    process: str = "machine:3:nobody"


@dataclass(frozen=True)
class Call:
    """One call by somebody; `before` and `after` are all rows of both people, by id."""

    routine: catalog.Routine
    caller: Person
    ids: Ids
    arguments: Row
    answer: Any
    refusal: str | None
    before: dict[str, Row]
    after: dict[str, Row]

    def __str__(self) -> str:
        return f"{self.routine.name} by {self.caller.name} with {self.arguments}"

    def changed(self) -> Iterator[Row]:
        """Rows that were added, changed or deleted, as they were, or as they are where they are new."""
        for row_id in self.before.keys() | self.after.keys():
            if self.before.get(row_id) != self.after.get(row_id):
                yield self.before.get(row_id) or self.after[row_id]


def arguments(routine: catalog.Routine, ids: Ids) -> Row:
    """A value for each parameter. KeyError where nobody has decided what it is given."""
    given = zip(routine.names, routine.types, strict=False)
    return {name: _argument(name, kind, ids) for name, kind in given}


def _argument(name: str, kind: str, ids: Ids) -> Any:
    if kind == "uuid" and name in {"owner", "p_owner", "p_me"}:
        return ids.person.id
    named: Row = {
        "session_id": ids.session,
        "p_session_id": ids.session,
        "p_message_id": ids.message,
        "p_reply_to": ids.message,
        "p_id": ids.training,
        "p_key": ids.key or "key-chat",
        "p_client_message_id": ids.key,
        "p_owner": "machine:4:mine",
        "p_dead_owner": ids.process,
        "p_dead_owners": [ids.process],
        # A row of somebody's own making.
        "m": None,
    }
    return named[name] if name in named else constant_argument(name)


def call(world: World, routine: catalog.Routine, given: Row) -> Any:
    """The answer. Raises psycopg.Error, with the call undone."""
    typed = dict(zip(routine.names, routine.types, strict=False))
    placed = [
        sql.SQL("{} => {}::{}").format(sql.Identifier(name), sql.Literal(value), sql.SQL(typed[name]))
        for name, value in given.items()
    ]
    query = sql.SQL("select to_jsonb({}({}))::text").format(
        sql.Identifier(*routine.name.split(".")), sql.SQL(", ").join(placed)
    )
    with world.sql.transaction():
        found = world.sql.execute(query).fetchall()[0][0]
    return None if found is None else msgspec.json.decode(found)


def named(world: World, name: str, **changes: Any) -> Any:
    """The answer of `public.<name>`, with usual arguments where none are given."""
    routine = next(each for each in catalog.routines(world.sql) if each.name == f"public.{name}")
    usual = Ids(MALLORY, "new", world.reply(MALLORY, "chat"), world.fact(MALLORY, "chat"))
    return call(world, routine, {**arguments(routine, usual), **changes})


def observed(
    world: World, role: str, routine: catalog.Routine, caller: Person, ids: Ids, before: dict[str, Row]
) -> Call:
    """Call it, look at every row afterwards, and undo it."""
    given, answer, refusal = arguments(routine, ids), None, None
    with undone(world.sql):
        become(world.sql, role, caller.claims())
        try:
            answer = call(world, routine, given)
        except psycopg.Error as error:
            refusal = error.sqlstate
        world.sql.execute("reset role")
        after = rows(world)
    return Call(routine, caller, ids, given, answer, refusal, before, after)


def foreign_ids(world: World) -> Iterator[Ids]:
    """What Mallory may know of Alice: all her ids, the same ids of sessions, her keys and her processes."""
    for session in (*SHARED, ALICE.own_session):
        yield Ids(ALICE, session, world.reply(ALICE, session), world.fact(ALICE, session), process=ALIVE)
        yield Ids(
            ALICE, session, world.sent(ALICE, session), world.fact(ALICE, session), key=f"key-{ALICE.own_session}"
        )


def own_ids(world: World, person: Person) -> Iterator[Ids]:
    for session in (*SHARED, person.own_session):
        mine = Ids(person, session, world.reply(person, session), world.fact(person, session))
        yield mine
        yield replace(mine, message=world.sent(person, session), key=f"key-{session}", process=LOST)
    yield replace(mine, session="new", key="key-new")
