"""What the catalog must say, as functions of its rows: each gives the problems it finds, with their culprits.

The ideas are those of supabase/splinter's lints; what is asked here is narrower, and every answer is a verdict.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from safycore_backend.isolation.catalog_rows import PEOPLE, Catalog, Function, Policy, Role, Table
from safycore_backend.isolation.report import Check

SECTION = "Catalog"
LOGIN_ROLE = "the login role has no power and may become safycore_user only"
VERSION = "PostgreSQL is a release in which UPDATE ... ON CONFLICT obeys row level security"
_DJANGO = "Django's tables"
_DJANGO_TABLES = {"user_profiles", "conversation_sessions"}
_TABLE_KINDS = ("r", "p")
# The oldest releases in which UPDATE ... ON CONFLICT obeys the policies for what it reads.
_FIXED = {15: 150020, 16: 160016, 17: 170012, 18: 180007}
_NEVER_GRANTED = {"TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"}
_WRAPPED = re.compile(r"\( ?SELECT (?:auth|safycore)\.uid\(\)(?: AS uid)?\)", re.IGNORECASE)
_PER_ROW = re.compile(r"(?:auth|safycore)\.\w+\(|current_setting\(", re.IGNORECASE)
_OWNER = re.compile(
    r"\(\( ?SELECT (?:auth|safycore)\.uid\(\)(?: AS uid)?\) = (\w+)\)"
    r"|\((\w+) = \( ?SELECT (?:auth|safycore)\.uid\(\)(?: AS uid)?\)\)",
    re.IGNORECASE,
)
_UPSERT = re.compile(r"on\s+conflict\b.*?\bdo\s+update", re.IGNORECASE | re.DOTALL)
_PERSON = re.compile(r"(^|_)(user|user_id|uid|sub|person|person_id|account|email)(_|$)", re.IGNORECASE)
_ON = re.compile(r"^security_invoker=(true|on|yes|1)$", re.IGNORECASE)

Finder = Callable[[Catalog], Iterable[str]]
Counter = Callable[[Catalog], int]


def check_catalog(catalog: Catalog, ours: set[str]) -> list[Check]:
    """Every check of the catalog. `ours` are the tables that our migrations make, with their schema."""
    checks = [_check(catalog, name, count, find) for name, count, find in _CHECKS]
    owned = Check(
        SECTION,
        "the policies of our own tables say 'the caller owns the row' and nothing else",
        sum(policy.table in ours for policy in catalog.policies),
        tuple(other_than_ownership(catalog, ours)),
    )
    return [*checks, owned, version(catalog, ours)]


def check_django(catalog: Catalog) -> list[Check]:
    """Of Django's own schema, wherever DATABASE_URL leads, with its login role as the catalog's."""
    own = _of_djangos_schema(catalog)
    tables = people_tables(own)
    problems = tuple(_not_secured(tables)) if tables else (f"{catalog.django_schema}: there are no tables in it",)
    ours = {f"{catalog.django_schema}.{name}" for name in _DJANGO_TABLES}
    loose = (find(own) for find in (dangerous_grants, grants_to_nobody, callable_by_everybody, unsafe_definers,
                                    open_search_paths, unchecked_writes, for_everybody, past_the_policies))  # fmt: skip
    return [
        Check(_DJANGO, "row level security is enabled and forced on them", len(tables), problems),
        Check(
            _DJANGO,
            "their policies say 'the caller owns the row' and nothing else",
            len(own.policies),
            tuple(other_than_ownership(own, ours)),
        ),
        Check(
            _DJANGO,
            "nothing in their schema passes the policies or is open to everybody",
            len(own.grants) + len(own.functions),
            tuple(chain.from_iterable(loose)),
        ),
        Check(_DJANGO, "they are out of the Data API's reach", len(tables), tuple(django_within_reach(catalog))),
        Check(
            _DJANGO,
            "the login role of DATABASE_URL has no power and may become safycore_user only",
            1,
            tuple(powerful_login(catalog)),
        ),
    ]


def _of_djangos_schema(catalog: Catalog) -> Catalog:
    schema = catalog.django_schema or ""
    return replace(
        catalog,
        tables=[table for table in catalog.tables if table.schema == schema],
        policies=[policy for policy in catalog.policies if policy.table.partition(".")[0] == schema],
        grants=[grant for grant in catalog.grants if grant.on.partition(".")[0] == schema],
        functions=[function for function in catalog.functions if function.schema == schema],
    )


def _check(catalog: Catalog, name: str, count: Counter, find: Finder) -> Check:
    return Check(SECTION, name, count(catalog), tuple(find(catalog)))


# Tables and views


def people_tables(catalog: Catalog) -> list[Table]:
    """What holds rows of people: all that the Data API shows, and Django's own but for its bookkeeping."""
    schemas = {*catalog.exposed, "safycore", catalog.django_schema}
    return [
        table
        for table in catalog.tables
        if table.kind in _TABLE_KINDS
        and table.schema in schemas
        and not (table.schema == catalog.django_schema and table.name.startswith("django_"))
    ]


def not_secured(catalog: Catalog) -> Iterator[str]:
    return _not_secured(people_tables(catalog))


def _not_secured(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        if not table.enabled:
            yield f"{table.full_name}: row level security is off"
        elif not table.forced:
            yield f"{table.full_name}: row level security is not FORCEd, so its owner passes it"


def past_the_policies(catalog: Catalog) -> Iterator[str]:
    for table in catalog.tables:
        if table.kind == "v" and not any(_ON.match(option) for option in table.options):
            yield f"view {table.full_name}: without security_invoker it reads as its owner"
        elif table.kind == "m":
            yield f"materialised view {table.full_name}: policies do not apply to it"
        elif table.kind == "f":
            yield f"foreign table {table.full_name}: policies do not apply to it"


# Policies


def unchecked_writes(catalog: Catalog) -> Iterator[str]:
    for policy in catalog.policies:
        if policy.command in "aw*" and policy.check is None:
            yield f"{_named(policy)}: no WITH CHECK"


def for_everybody(catalog: Catalog) -> Iterator[str]:
    for policy in catalog.policies:
        if "PUBLIC" in policy.roles:
            yield f"{_named(policy)}: TO PUBLIC instead of named roles"
        if "anon" in policy.roles:
            yield f"{_named(policy)}: TO anon, who is nobody"


def asked_per_row(catalog: Catalog) -> Iterator[str]:
    for policy in catalog.policies:
        for expression in _expressions(policy):
            if _PER_ROW.search(_WRAPPED.sub("", expression)):
                yield f"{_named(policy)}: asks for the caller once per row, outside of a sub-select: {expression}"


def without_a_person(catalog: Catalog) -> Iterator[str]:
    for policy in catalog.policies:
        for expression in _expressions(policy):
            if policy.permissive and not re.search(r"\.uid\(\)", expression):
                yield f"{_named(policy)}: does not ask who the caller is: {expression}"


def other_than_ownership(catalog: Catalog, ours: set[str]) -> Iterator[str]:
    for policy in catalog.policies:
        if policy.table in ours and policy.permissive:
            for expression in _expressions(policy):
                if not _OWNER.fullmatch(expression):
                    yield f"{_named(policy)}: {expression}"
    for table in ours - {policy.table for policy in catalog.policies}:
        yield f"{table}: has no policy"


def without_index(catalog: Catalog) -> Iterator[str]:
    led = {(index.table, index.leading) for index in catalog.indexes if index.whole}
    wanted = {(policy.table, column) for policy in catalog.policies for column in _columns(policy)}
    for table, column in sorted(wanted - led):
        yield f"{table}: no index begins with {column}, which its policies compare"


def _named(policy: Policy) -> str:
    return f"policy {policy.name} on {policy.table}"


def _expressions(policy: Policy) -> list[str]:
    return [expression for expression in (policy.using, policy.check) if expression is not None]


def _columns(policy: Policy) -> set[str]:
    found = (_OWNER.fullmatch(expression) for expression in _expressions(policy))
    return {match[1] or match[2] for match in found if match}


# Grants


def dangerous_grants(catalog: Catalog) -> Iterator[str]:
    people = {*PEOPLE, catalog.login, "PUBLIC"}
    for grant in catalog.grants:
        if grant.privilege in _NEVER_GRANTED and grant.grantee in people:
            yield f"{grant.grantee} has {grant.privilege} on {grant.on}, which no policy stops"
        elif grant.kind == "schema" and grant.privilege == "CREATE" and grant.grantee in people:
            yield f"{grant.grantee} can create things in schema {grant.on}"


def grants_to_nobody(catalog: Catalog) -> Iterator[str]:
    for grant in catalog.grants:
        # A hosted project lets anon into public; what counts is what it finds there.
        if grant.grantee in {"anon", "PUBLIC"} and not (grant.kind == "schema" and grant.on in catalog.exposed):
            yield f"{grant.grantee} has {grant.privilege} on {grant.kind} {grant.on}"
        elif grant.grantee == catalog.login:
            yield f"{grant.grantee} has {grant.privilege} on {grant.kind} {grant.on}: it needs no right of its own"


# Functions


def callable_by_everybody(catalog: Catalog) -> Iterator[str]:
    for function in catalog.functions:
        for everybody in {"PUBLIC", "anon"} & set(function.executors):
            yield f"{function.signature}: {everybody} may call it"


def unsafe_definers(catalog: Catalog) -> Iterator[str]:
    for function in _definers(catalog):
        if 'search_path=""' not in function.config:
            yield f"{function.signature}: SECURITY DEFINER without set search_path = ''"
        for name, kind in function.arguments:
            if kind.startswith("uuid") or _PERSON.search(name):
                yield f"{function.signature}: SECURITY DEFINER, and the caller says whose rows ({name or kind})"
        if function.schema in catalog.exposed and set(function.executors) & {"authenticated", "anon", "PUBLIC"}:
            yield f"{function.signature}: SECURITY DEFINER, and people may call it over the Data API"


def open_search_paths(catalog: Catalog) -> Iterator[str]:
    for function in catalog.functions:
        if not any(setting.startswith("search_path=") for setting in function.config):
            yield f"{function.signature}: its search_path is the caller's"


def _definers(catalog: Catalog) -> list[Function]:
    return [function for function in catalog.functions if function.definer]


# Roles


def powerful_login(catalog: Catalog) -> Iterator[str]:
    login = _role(catalog, catalog.login)
    if login is None:
        yield f"there is no role {catalog.login}"
        return
    yield from _powers(login)
    if login.inherit or login.inherits:
        yield f"{login.name} is not NOINHERIT: it has rights without becoming anybody"
    if login.becomes != ["safycore_user"]:
        yield f"{login.name} may become {', '.join(login.becomes) or 'nobody'}, not safycore_user only"
    if login.administers:
        yield f"{login.name} may give {', '.join(login.administers)} to others"


def powerful_people(catalog: Catalog) -> Iterator[str]:
    for name in PEOPLE:
        role = _role(catalog, name)
        if role is None:
            yield f"there is no role {name}"
            continue
        yield from _powers(role)
        if role.becomes:
            yield f"{name} may become {', '.join(role.becomes)}"


def _powers(role: Role) -> Iterator[str]:
    if role.superuser:
        yield f"{role.name} is a superuser"
    if role.bypasses:
        yield f"{role.name} has BYPASSRLS"
    if role.privileged:
        yield f"{role.name} may create roles or databases, or replicate"
    for owned in role.owns:
        yield f"{role.name} owns {owned}"


def _role(catalog: Catalog, name: str) -> Role | None:
    return next((role for role in catalog.roles if role.name == name), None)


# Django's tables


def django_within_reach(catalog: Catalog) -> Iterator[str]:
    """Django's schema is not shown, nobody of the Data API's has a right in it, and its tables are in no other."""
    for table in catalog.tables:
        if table.schema in catalog.exposed and table.name in _DJANGO_TABLES:
            yield f"{table.full_name}: a table of Django's in a schema that the Data API shows"
    for grant in catalog.grants:
        within = grant.on.partition(".")[0] == catalog.django_schema
        if within and grant.grantee in {"anon", "authenticated", "service_role", "PUBLIC"}:
            yield f"{grant.grantee} has {grant.privilege} on {grant.kind} {grant.on}"
    if catalog.django_schema in catalog.exposed:
        yield f"the Data API shows {catalog.django_schema}"


# The version


def version(catalog: Catalog, ours: set[str]) -> Check:
    """A failure below the oldest release we know; a warning where the hole is, and nothing of ours goes near it."""
    major = catalog.version // 10_000
    if major > max(_FIXED) or catalog.version >= _FIXED.get(major, 10**9):
        return Check(SECTION, VERSION, 1)
    fixed = f"{major}.{_FIXED[major] % 10_000}" if major in _FIXED else f"{min(_FIXED)}.{_FIXED[min(_FIXED)] % 10_000}"
    below = f"PostgreSQL {major}.{catalog.version % 10_000} is below {fixed}"
    users = list(upserts(catalog, ours))
    if users or major not in _FIXED:
        return Check(SECTION, VERSION, 1, (f"{below}: update it", *users))
    hint = (
        "; people can still send an upsert of their own over the Data API (close_data_api ends that)"
        if any(grant.grantee == "authenticated" and grant.privilege == "INSERT" for grant in catalog.grants)
        else ""
    )
    return Check(
        SECTION, VERSION, 1, warnings=(f"{below}. No function here says ON CONFLICT DO UPDATE{hint}. Update it.",)
    )


def upserts(catalog: Catalog, ours: set[str]) -> Iterator[str]:
    names = {table.partition(".")[2] for table in ours}
    for function in catalog.functions:
        if _UPSERT.search(function.source) and any(re.search(rf"\b{name}\b", function.source) for name in names):
            yield f"{function.signature} says ON CONFLICT DO UPDATE"


_CHECKS: list[tuple[str, Counter, Finder]] = [
    (
        "row level security is enabled and forced on every table with rows of people",
        lambda c: len(people_tables(c)),
        not_secured,
    ),
    ("no view, materialised view or foreign table passes the policies", lambda c: len(c.tables), past_the_policies),
    ("every policy for writes has WITH CHECK", lambda c: len(c.policies), unchecked_writes),
    ("every policy is for named roles, none for PUBLIC or anon", lambda c: len(c.policies), for_everybody),
    ("every policy asks who the caller is", lambda c: len(c.policies), without_a_person),
    ("policies ask for the caller once, in a sub-select", lambda c: len(c.policies), asked_per_row),
    ("an index begins with the column that the policies compare", lambda c: len(c.policies), without_index),
    ("nobody has TRUNCATE, REFERENCES, TRIGGER or MAINTAIN, or can create", lambda c: len(c.grants), dangerous_grants),
    ("nothing is granted to PUBLIC, to anon or to the login role", lambda c: len(c.grants), grants_to_nobody),
    ("no function is open to PUBLIC or anon", lambda c: len(c.functions), callable_by_everybody),
    (
        "SECURITY DEFINER functions have an empty search_path, take no person and are out of people's reach",
        lambda c: len(_definers(c)),
        unsafe_definers,
    ),
    ("every function has a search_path of its own", lambda c: len(c.functions), open_search_paths),
    (LOGIN_ROLE, lambda c: len(c.roles) - len(PEOPLE), powerful_login),
    ("the roles of people's requests have no power", lambda c: len(c.roles) - 1, powerful_people),
    ("Django's tables are out of the Data API's reach", lambda c: len(c.tables), django_within_reach),
]
