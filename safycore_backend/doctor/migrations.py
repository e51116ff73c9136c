"""Whether the database has what this code's migrations make, and what is recorded of them."""

import re
from dataclasses import dataclass

import psycopg

from safycore_backend.isolation.catalog_rows import Catalog
from safycore_backend.isolation.exposed import our_tables
from safycore_backend.supabase_migrations import migration_files, version_of

_MADE = re.compile(
    r"(?P<verb>create (?:or replace )?|drop )function (?:if exists )?public\.(?P<name>\w+)\s*\((?P<arguments>[^)]*)\)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Record:
    """`missing` are files that are not recorded, `unknown` recorded versions without a file."""

    applied: int
    missing: list[str]
    unknown: list[str]


async def recorded(url: str) -> Record | None:
    """What is recorded of the migrations; None where that cannot be read. Raises psycopg.OperationalError."""
    if not url:
        return None
    query = "select version, coalesce(name, '') from supabase_migrations.schema_migrations order by version"
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        try:
            rows: dict[str, str] = dict(await (await connection.execute(query)).fetchall())
        except psycopg.errors.InsufficientPrivilege:
            return None
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            rows = {}
    files = {version_of(path): path.name for path in migration_files()}
    missing = [name for version, name in files.items() if version not in rows]
    unknown = [f"{version} {name}".strip() for version, name in rows.items() if version not in files]
    return Record(len(files.keys() & rows.keys()), missing, unknown)


def missing_objects(catalog: Catalog) -> list[str]:
    """The tables and functions that ought to be there and are not, by name."""
    tables = {table.full_name for table in catalog.tables}
    there = {(each.name, tuple(name for name, _ in each.arguments)) for each in catalog.functions}
    functions = [f"public.{name}()" for name, arguments in expected_functions() if (name, arguments) not in there]
    return sorted(our_tables() - tables) + sorted(functions)


def expected_functions() -> list[tuple[str, tuple[str, ...]]]:
    """The functions of public that all migrations together leave, with the names of their arguments."""
    left: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
    for path in migration_files():
        for found in _MADE.finditer(path.read_text(encoding="utf-8")):
            arguments = [each.split() for each in found["arguments"].split(",") if each.strip()]
            if found["verb"].lower().startswith("create"):
                types = tuple(each[1].lower() for each in arguments)
                left[found["name"], types] = tuple(each[0] for each in arguments)
            else:
                left.pop((found["name"], tuple(each[-1].lower() for each in arguments)), None)
    return [(name, arguments) for (name, _), arguments in left.items()]
