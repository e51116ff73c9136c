"""Every function, by who may call it and whose ids they give, with the policies and without them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import psycopg

from tests.policies import catalog
from tests.policies.calls import ENDED, Call, Ids, arguments, call, foreign_ids, observed, own_ids
from tests.policies.expectations import ROUTINES
from tests.policies.world import (
    ALICE,
    DOORS,
    LOST,
    MALLORY,
    SHARED,
    Person,
    Row,
    World,
    acting,
    become,
    rows,
    undone,
    without_policies,
)

Property = Callable[[Call], bool]


def every_routine_and_parameter_is_expected(world: World) -> Iterator[str]:
    found = catalog.routines(world.sql)
    names = [routine.name for routine in found]
    yield from (f"no expectation for {name}" for name in sorted(set(names) - set(ROUTINES)))
    yield from (f"there is no {name}" for name in sorted(set(ROUTINES) - set(names)))
    yield from (f"{name} is there more than once" for name in sorted(set(names)) if names.count(name) > 1)
    for routine in found:
        try:
            arguments(routine, next(own_ids(world, MALLORY)))
        except KeyError as missing:
            yield f"{routine.signature}: nobody has said what to try for {missing}"


def roles_without_a_door_are_refused_each_call(world: World) -> Iterator[str]:
    for role in ("anon", "safycore_app"):
        with acting(world.sql, role, ALICE.claims()):
            for routine in _callable(world):
                if (refusal := _refusal(world, routine, ALICE)) != "42501":
                    yield f"{role} is not refused {routine.name}: {refusal}"


def who_is_not_signed_in_is_turned_away(world: World) -> Iterator[str]:
    """Without claims, and with those of a session that has ended."""
    gone = ALICE.claims(session_id="00000000-0000-4000-8000-000000000000")
    for role in DOORS:
        for claims in (None, gone):
            with acting(world.sql, role, claims):
                for routine in _callable(world):
                    if role in ROUTINES[routine.name].callers and ROUTINES[routine.name].asks_for_live_session:
                        refusal = _refusal(world, routine, ALICE)
                        if refusal != "PT401":
                            yield f"{routine.name} as {role} with {claims}: {refusal}, not PT401"


def who_is_banned_is_turned_away(world: World) -> Iterator[str]:
    """Though their session has just begun, which is what removing an account asks for."""
    world.sql.execute("update auth.users set banned_until = now() + interval '1 hour' where id = %s", (ALICE.id,))
    for role in DOORS:
        with acting(world.sql, role, ALICE.claims()):
            for routine in _callable(world):
                expected = ROUTINES[routine.name]
                asks = routine.is_public and role in expected.callers and expected.asks_for_live_session
                if asks and (refusal := _refusal(world, routine, ALICE)) != "PT401":
                    yield f"{routine.name} as {role}: {refusal}, not PT401"


def _callable(world: World) -> Iterator[catalog.Routine]:
    """What can be called at all; a trigger's function cannot, and a procedure is not for people."""
    for routine in catalog.routines(world.sql):
        if routine.name in ROUTINES and routine.kind == "f" and not routine.is_trigger:
            yield routine


def _refusal(world: World, routine: catalog.Routine, person: Person) -> str | None:
    with undone(world.sql):
        try:
            call(world, routine, arguments(routine, next(own_ids(world, person))))
        except psycopg.Error as error:
            return error.sqlstate
    return None


def nobody_reaches_somebody_else_by_any_call(world: World) -> Iterator[str]:
    """With Alice's ids in every parameter, in the helpers as well: the policies stand behind all of them."""
    for role in DOORS:
        for routine in _of_people(world):
            yield from _complaints(world, role, routine, MALLORY, strangers=True)


def our_functions_hold_without_the_policies(world: World) -> Iterator[str]:
    """The functions that people call ask for the owner themselves: one forgotten policy gives nothing away."""
    with without_policies(world.sql):
        for routine in _of_people(world):
            if routine.is_public:
                yield from _complaints(world, "safycore_user", routine, MALLORY, strangers=True)
                yield from _complaints(world, "safycore_user", routine, ALICE, strangers=False)


def somebody_elses_ids_look_like_ids_of_nothing(world: World) -> Iterator[str]:
    """The answer does not tell that there is such a row, nor what has become of it."""
    nothing = "00000000-0000-4000-8000-000000000000"
    with without_policies(world.sql), acting(world.sql, "safycore_user", MALLORY.claims()):
        for routine in _of_people(world):
            if routine.is_public and {"p_message_id", "p_id"} & set(routine.names):
                absent = _answer(world, routine, Ids(ALICE, "chat", nothing, nothing))
                for ids in foreign_ids(world):
                    if (found := _answer(world, routine, ids)) != absent:
                        yield f"{routine.name} with {ids}: {found}, not {absent}"


def _answer(world: World, routine: catalog.Routine, ids: Ids) -> Any:
    with undone(world.sql):
        return call(world, routine, arguments(routine, ids))


def _of_people(world: World) -> Iterator[catalog.Routine]:
    return (routine for routine in _callable(world) if not ROUTINES[routine.name].across)


def _complaints(world: World, role: str, routine: catalog.Routine, caller: Person, *, strangers: bool) -> Iterator[str]:
    if role not in ROUTINES[routine.name].callers:
        return
    before, tried = rows(world), set()
    for ids in (*own_ids(world, caller), *(foreign_ids(world) if strangers else ())):
        key = msgspec.json.encode(arguments(routine, ids))
        if key not in tried:
            tried.add(key)
            made = observed(world, role, routine, caller, ids, before)
            yield from (f"{prop.__name__}: {made}" for prop in PROPERTIES if not prop(made))


# What holds for every call


def touches_only_rows_of_the_caller(made: Call) -> bool:
    return all(row["user_id"] == made.caller.id for row in made.changed())


def touches_only_what_was_named(made: Call) -> bool:
    return all(_is_named(made, row) for row in made.changed())


def _is_named(made: Call, row: Row) -> bool:
    given = made.arguments
    if "p_session_id" in given:
        return bool(row["session_id"] == given["p_session_id"])
    if "p_message_id" in given:
        return bool(row["session_id"] == made.before[made.ids.message]["session_id"] and "role" in row)
    return "p_id" not in given or bool(row["id"] == given["p_id"])


def tells_only_what_is_the_callers(made: Call) -> bool:
    """Neither words nor ids of the other's, except those that were given."""
    told = msgspec.json.encode(made.answer).decode()
    other = MALLORY if made.caller is ALICE else ALICE
    secrets = {f"of {other.name}", other.id, other.own_session}
    secrets |= {row_id for row_id, row in made.before.items() if row["user_id"] == other.id}
    given = msgspec.json.encode(made.arguments).decode()
    return not any(secret in told and secret not in given for secret in secrets)


def tells_only_of_what_was_named(made: Call) -> bool:
    told = msgspec.json.encode(made.answer).decode()
    own = (*SHARED, made.caller.own_session)
    named = made.arguments.get("p_session_id")
    # A key names its message, in whichever session.
    if named is None or made.ids.key is not None:
        return True
    return not any(f"in {session}" in told for session in own if session != named)


def ended_rows_keep_their_words(made: Call) -> bool:
    kept = ((row, made.after.get(row_id, row)) for row_id, row in made.before.items() if row.get("status") in ENDED)
    return all((row["status"], row["content"]) == (now["status"], now["content"]) for row, now in kept)


def only_dead_replies_are_interrupted(made: Call) -> bool:
    for row_id, row in made.before.items():
        now = made.after.get(row_id, row)
        interrupted = now.get("status") == "interrupted" != row.get("status")
        if interrupted and row["owner"] not in {LOST, made.arguments.get("p_dead_owner")}:
            return False
    return True


PROPERTIES: tuple[Property, ...] = (
    touches_only_rows_of_the_caller,
    touches_only_what_was_named,
    tells_only_what_is_the_callers,
    tells_only_of_what_was_named,
    ended_rows_keep_their_words,
    only_dead_replies_are_interrupted,
)


# Who is asking


def claims_are_read_in_both_forms(world: World) -> Iterator[str]:
    """Some gateways set the one and some the other."""
    for names, values in (
        (("request.jwt.claims", "request.jwt.claim.sub"), (f'{{"sub": "{ALICE.id}"}}', "")),
        (("request.jwt.claims", "request.jwt.claim.sub"), ("", ALICE.id)),
    ):
        with acting(world.sql, "safycore_user", None):
            for name, value in zip(names, values, strict=True):
                world.sql.execute("select set_config(%s, %s, true)", (name, value))
            if world.one("select safycore.uid()::text") != ALICE.id:
                yield f"the user is not read from {names} = {values}"


# What ends a session, as the owner of the schema auth does it.
_ENDS = {
    "signed out": "delete from auth.sessions where id = '{session}'",
    "timed out": "update auth.sessions set not_after = now() - interval '1 second' where id = '{session}'",
    "banned": "update auth.users set banned_until = now() + interval '1 hour' where id = '{user}'",
    "deleted": "update auth.users set deleted_at = now() where id = '{user}'",
}
_DOES_NOT_END = {
    "nothing": "select 1",
    "times out later": "update auth.sessions set not_after = now() + interval '1 hour' where id = '{session}'",
    "was banned once": "update auth.users set banned_until = now() - interval '1 second' where id = '{user}'",
}


def a_session_is_live_until_it_ends(world: World) -> Iterator[str]:
    for expected, causes in ((True, _DOES_NOT_END), (False, _ENDS)):
        for cause, statement in causes.items():
            with undone(world.sql):
                world.sql.execute(statement.format(session=MALLORY.auth_session, user=MALLORY.id).encode())
                if _is_live(world, MALLORY.claims()) != expected:
                    yield f"live should be {expected}: {cause}"


def claims_that_do_not_fit_together_are_no_session(world: World) -> Iterator[str]:
    for what, claims in {
        "somebody else's session": MALLORY.claims(session_id=ALICE.auth_session),
        "a session of nobody": MALLORY.claims(session_id="00000000-0000-4000-8000-000000000000"),
        "no session": MALLORY.claims(session_id=None),
        "no claims": None,
    }.items():
        if _is_live(world, claims):
            yield f"live with {what}"


def _is_live(world: World, claims: Row | None) -> bool:
    """As the function says, by either name, which must say the same."""
    with acting(world.sql, "safycore_user", claims):
        says = world.one("select safycore.session_is_live()")
        assert says == world.one("select public.session_is_live()")
    return bool(says)


def an_account_is_removed_only_by_who_has_just_signed_in(world: World) -> Iterator[str]:
    stale = "update auth.sessions set created_at = now() - interval '2 minutes' where id = '{session}'"
    for what, before, claims, left in (
        ("just signed in", "select 1", MALLORY.claims(), [ALICE.id]),
        ("signed in long ago", stale, MALLORY.claims(), [ALICE.id, MALLORY.id]),
        ("somebody else's session", "select 1", MALLORY.claims(session_id=ALICE.auth_session), [ALICE.id, MALLORY.id]),
        ("no session", "select 1", MALLORY.claims(session_id=None), [ALICE.id, MALLORY.id]),
    ):
        with undone(world.sql):
            world.sql.execute(before.format(session=MALLORY.auth_session).encode())
            if (found := _left_after_removal(world, claims)) != left:
                yield f"{what}: the accounts {found} are left, not {left}"


def _left_after_removal(world: World, claims: Row) -> list[str]:
    with undone(world.sql):
        become(world.sql, "safycore_user", claims)
        with suppress(psycopg.Error), world.sql.transaction():
            world.sql.execute("select safycore.remove_caller()")
        world.sql.execute("reset role")
        query = "select id::text from auth.users where id = any (%s::uuid[]) order by email"
        return [found for (found,) in world.sql.execute(query, ([ALICE.id, MALLORY.id],))]


# What opening must leave alone, by each of its conditions.
_NOT_FOR_PEOPLE = """
create function safycore.server_may_not() returns void language sql set search_path = '' as '';
create procedure safycore.no_function() language sql set search_path = '' as '';
create schema elsewhere;
create function elsewhere.not_ours() returns void language sql set search_path = '' as '';
revoke all on function safycore.server_may_not(), elsewhere.not_ours() from public, authenticated;
revoke all on procedure safycore.no_function() from public, authenticated;
grant execute on procedure safycore.no_function() to safycore_user;
grant execute on function elsewhere.not_ours() to safycore_user;
"""


def closing_the_data_api_takes_all_and_opening_gives_it_back(world: World) -> Iterator[str]:
    """Nothing is left to `authenticated` while it is closed, and our server keeps all it has."""
    opened = _everything_granted(world)
    with undone(world.sql):
        world.sql.execute(_NOT_FOR_PEOPLE)
        world.sql.execute("call safycore.set_data_api(false)")
        closed = _everything_granted(world)
        yield from (f"left after closing: {each}" for each in sorted(closed) if "authenticated" in each)
        lost = (each for each in opened - closed if "authenticated" not in each)
        yield from (f"lost by closing: {each}" for each in sorted(lost))
        world.sql.execute("call safycore.set_data_api(true)")
        for name in ("safycore.server_may_not()", "safycore.no_function()", "elsewhere.not_ours()"):
            if world.one("select has_function_privilege('authenticated', %s, 'execute')", name):
                yield f"opening gives away {name}"
        world.sql.execute("drop function safycore.server_may_not(); drop procedure safycore.no_function()")
        yield from (f"not the same after opening: {each}" for each in sorted(opened ^ _everything_granted(world)))


def _everything_granted(world: World) -> set[tuple[str, ...]]:
    return catalog.table_privileges(world.sql) | catalog.column_privileges(world.sql) | catalog.callers(world.sql)
