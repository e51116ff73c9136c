"""What of the database the Data API may show: the tables and functions of our migrations, and those of the catalog."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from safycore_backend.isolation.catalog_rows import Catalog
from safycore_backend.supabase_migrations import migration_files

_TABLE = re.compile(r"create table (?:if not exists )?(\w+\.\w+)", re.IGNORECASE)
_FUNCTION = re.compile(
    r"create (?:or replace )?function public\.(\w+)\s*\(([^)]*)\)\s*returns\s.*?\blanguage \w+\s+(\w+)",
    re.IGNORECASE | re.DOTALL,
)
_ID = re.compile(r"(^|_)(id|owner|key)$", re.IGNORECASE)
_VALUES: dict[str, Any] = {
    "integer": 1_000_000,
    "bigint": 1_000_000,
    "boolean": False,
    "json": {},
    "jsonb": {},
}


@dataclass(frozen=True, slots=True)
class Function:
    """Of the schema public. `arguments` are (name, type)."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    volatile: bool

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(name for name, kind in self.arguments if kind == "uuid" or _ID.search(name))

    def call(self, value: str) -> dict[str, Any]:
        """Arguments with `value` for every id, and something harmless for the rest."""
        return {name: value if name in self.ids else _value(name, kind) for name, kind in self.arguments}


@dataclass(frozen=True, slots=True)
class Exposed:
    tables: tuple[str, ...]
    functions: tuple[Function, ...]


def our_tables() -> set[str]:
    """The tables that our migrations make, with their schema."""
    return {name for text in _migrations() for name in _TABLE.findall(text)}


def exposed(catalog: Catalog | None) -> Exposed:
    """Without a catalog: what this version's migrations have made in public."""
    functions = {found.name: found for text in _migrations() for found in _functions(text)}
    tables = {name.partition(".")[2] for name in our_tables()}
    if catalog is not None:
        tables |= {table.name for table in catalog.tables if table.schema == "public"}
        functions |= {each.name: each for each in _of_the_catalog(catalog)}
    return Exposed(tuple(sorted(tables)), tuple(functions[name] for name in sorted(functions)))


def _migrations() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in migration_files()]


def _functions(text: str) -> Iterable[Function]:
    for name, arguments, volatility in _FUNCTION.findall(text):
        pairs = (tuple(argument.split(maxsplit=1)) for argument in arguments.split(",") if argument.strip())
        yield Function(name, tuple((pair[0], pair[1].strip()) for pair in pairs), volatility.lower() == "volatile")


def _of_the_catalog(catalog: Catalog) -> Iterable[Function]:
    for each in catalog.functions:
        if each.schema == "public":
            yield Function(each.name, tuple((name, kind) for name, kind in each.arguments), each.volatile)


def _value(name: str, kind: str) -> Any:
    if kind.endswith("[]"):
        return []
    # What a status may be is checked before anything is written; this one may be.
    return _VALUES.get(kind, "stopped" if name.endswith("status") else "1")
