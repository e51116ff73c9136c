"""What no attempt can show: rules about the definitions themselves, read from the catalog."""

from collections.abc import Iterator
from typing import Any

import psycopg

from tests.policies import catalog
from tests.policies.expectations import ROUTINES, TABLES, TRIGGERS, UNIQUE
from tests.policies.world import DOORS, World, undone

_OURS = "('public', 'safycore')"


def _rows(world: World, query: str) -> list[Any]:
    return world.sql.execute(query.encode()).fetchall()


def the_grants_are_these_and_no_others(world: World) -> Iterator[str]:
    """By whatever grant: to the role, to everybody, or to a role it inherits from."""
    found = {(table, "", role, verb) for table, role, verb in catalog.table_privileges(world.sql)}
    found |= {each for each in catalog.column_privileges(world.sql) if (each[0], "", *each[2:]) not in found}
    wanted = _wanted_grants()
    yield from (f"granted, not expected: {each}" for each in sorted(found - wanted))
    yield from (f"expected, not granted: {each}" for each in sorted(wanted - found))


def _wanted_grants() -> set[tuple[str, str, str, str]]:
    wanted = set()
    for name, table in TABLES.items():
        for role in DOORS:
            wanted |= {(name, "", role, verb) for verb in ("select", "delete")}
            wanted |= {(name, column, role, "insert") for column in table.given}
            wanted |= {(name, column, role, "update") for column in table.changed}
    return wanted


def only_these_roles_may_call(world: World) -> Iterator[str]:
    """By whatever grant: to the role, to everybody, or to a role it inherits from."""
    found = catalog.callers(world.sql)
    wanted = {(name, role) for name, routine in ROUTINES.items() for role in routine.callers}
    yield from (f"{role} may call {name}" for name, role in sorted(found - wanted))
    yield from (f"{role} may not call {name}" for name, role in sorted(wanted - found))


def row_level_security_is_on_and_forced(world: World) -> Iterator[str]:
    query = (
        "select relname from pg_class where relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity) "
        f"and relnamespace::regnamespace::text in {_OURS}"
    )
    yield from (f"{name}: row level security is off or not forced" for (name,) in _rows(world, query))


def each_table_has_one_policy_per_door(world: World) -> Iterator[str]:
    found = sorted((policy.table, *policy.roles) for policy in catalog.policies(world.sql))
    wanted = sorted((table, role) for table in TABLES for role in DOORS)
    if found != wanted:
        yield f"policies for {found}, not for {wanted}"


def each_policy_checks_what_is_written(world: World) -> Iterator[str]:
    for policy in catalog.policies(world.sql):
        if policy.using != policy.check:
            yield f"{policy.name}: USING and WITH CHECK differ"
        # Bare, the function would be asked once per row.
        if "SELECT" not in (policy.using or ""):
            yield f"{policy.name}: the user is asked for once per row"


def no_view_looks_past_the_policies(world: World) -> Iterator[str]:
    query = (
        f"select relname from pg_class where relkind in ('v', 'm') and relnamespace::regnamespace::text in {_OURS} "
        "and not coalesce('security_invoker=true' = any (reloptions), false)"
    )
    yield from (f"the view {name} acts as its owner" for (name,) in _rows(world, query))


def every_routine_has_an_empty_search_path(world: World) -> Iterator[str]:
    for routine in catalog.routines(world.sql):
        if 'search_path=""' not in routine.config:
            yield f"{routine.signature} looks things up where its caller says"


def only_these_routines_act_as_their_owner(world: World) -> Iterator[str]:
    for routine in catalog.routines(world.sql):
        if routine.name in ROUTINES and routine.definer != ROUTINES[routine.name].definer:
            yield f"{routine.signature}: security definer is {routine.definer}"


def no_definer_takes_a_person(world: World) -> Iterator[str]:
    for routine in catalog.routines(world.sql):
        if routine.definer and "uuid" in routine.types:
            yield f"{routine.signature} acts as its owner for whoever it is told"


def triggers_are_in_place(world: World) -> Iterator[str]:
    query = (
        "select tgrelid::regclass::text, tgname from pg_trigger t join pg_class c on c.oid = tgrelid "
        f"where not tgisinternal and tgenabled = 'O' and c.relnamespace::regnamespace::text in {_OURS}"
    )
    found = set(_rows(world, query))
    yield from (f"the trigger {each} is not expected" for each in sorted(found - TRIGGERS))
    yield from (f"the trigger {each} is missing or off" for each in sorted(TRIGGERS - found))


def the_unique_indexes_are_these(world: World) -> Iterator[str]:
    query = (
        "select indexrelid::regclass::text from pg_index i join pg_class c on c.oid = indrelid "
        f"where indisunique and indisvalid and c.relnamespace::regnamespace::text in {_OURS}"
    )
    found = {name for (name,) in _rows(world, query)}
    if found != UNIQUE:
        yield f"unique indexes: {sorted(found ^ UNIQUE)} too many or too few"


def each_policy_has_an_index_behind_it(world: World) -> Iterator[str]:
    query = (
        "select c.relname from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace "
        "and not exists (select from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] "
        "where i.indrelid = c.oid and i.indisvalid and i.indpred is null and a.attname = 'user_id')"
    )
    yield from (f"no index of {name} begins with user_id" for (name,) in _rows(world, query))


def the_roles_have_no_privileges_of_their_own(world: World) -> Iterator[str]:
    query = (
        "select rolname from pg_roles where rolname in ('anon', 'authenticated', 'safycore_user', 'safycore_app') "
        "and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication "
        "or rolcanlogin <> (rolname = 'safycore_app'))"
    )
    yield from (f"{name} can do more than it is granted" for (name,) in _rows(world, query))


def each_role_can_become_only_what_it_needs(world: World) -> Iterator[str]:
    """However many steps away."""
    query = (
        "select m.rolname::text, r.rolname::text from pg_roles m, pg_roles r "
        "where m.rolname in ('anon', 'authenticated', 'safycore_user', 'safycore_app') and m.oid <> r.oid "
        "and pg_has_role(m.oid, r.oid, 'member')"
    )
    found = _rows(world, query)
    if found != [("safycore_app", "safycore_user")]:
        yield f"memberships: {found}"


def the_servers_login_can_take_on_its_role(world: World) -> Iterator[str]:
    with undone(world.sql):
        world.sql.execute("set local session authorization safycore_app")
        try:
            with undone(world.sql):
                world.sql.execute("set local role safycore_user")
        except psycopg.errors.InsufficientPrivilege:
            yield "safycore_app cannot become safycore_user"


def only_the_owner_can_add_to_the_schemas(world: World) -> Iterator[str]:
    query = (
        "select r, s from unnest(array['anon', 'authenticated', 'safycore_user', 'safycore_app']) r, "
        "unnest(array['public', 'safycore', 'auth']) s where has_schema_privilege(r, s, 'create')"
    )
    yield from (f"{role} can create in {schema}" for role, schema in _rows(world, query))


def the_doors_do_not_depend_on_what_everybody_may(world: World) -> Iterator[str]:
    """Hosted projects differ in what PUBLIC may do with the schema public."""
    with undone(world.sql):
        world.sql.execute("revoke usage on schema public from public")
        for role in DOORS:
            if not world.one("select has_schema_privilege(%s, 'public', 'usage')", role):
                yield f"{role} reaches the schema public by what everybody may"


def only_the_doors_reach_our_schema(world: World) -> Iterator[str]:
    query = (
        "select r from unnest(array['anon', 'authenticated', 'safycore_user', 'safycore_app']) r "
        "where has_schema_privilege(r, 'safycore', 'usage')"
    )
    found = {role for (role,) in _rows(world, query)}
    if found != set(DOORS):
        yield f"the schema safycore is open to {sorted(found)}"
