"""Mutants of what functions say, made from their text in the catalog."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.mutants.conditions import parts
from tests.mutants.mutant import Mutant
from tests.policies import catalog
from tests.policies.world import ALICE

Sql = psycopg.Connection[Any]
_VICTIM = f"'{ALICE.id}'::uuid"
# Who asks, by what else: nobody asks whether their session has ended, and everybody is Alice.
_ASKING = (
    ("safycore.caller()", "safycore.uid()"),
    ("safycore.caller()", _VICTIM),
    ("safycore.uid()", _VICTIM),
    ("safycore.auth_session_id()", "(select s.id from auth.sessions s limit 1)"),
    ("safycore.session_is_live()", "true"),
)
_SETTING = re.compile(r"current_setting\('[\w.]+'(?:::text)?, true\)")


def of_bodies(connection: Sql) -> Iterator[Mutant]:
    for routine in catalog.routines(connection):
        yield from _numbered(routine, (*_conditions(routine), *_askings(routine), *_settings(routine)))


def _body(routine: catalog.Routine) -> int:
    """Where the text of the definition begins to be the function's own."""
    found = re.search(r"^(AS \$|RETURN |BEGIN ATOMIC)", routine.definition, re.MULTILINE)
    assert found is not None, routine.signature
    return found.end()


Edit = tuple[str, int, int, str]


def _conditions(routine: catalog.Routine) -> Iterator[Edit]:
    begin = _body(routine)
    for part in parts(routine.definition[begin:]):
        yield "condition", begin + part.start, begin + part.end, part.instead


def _askings(routine: catalog.Routine) -> Iterator[Edit]:
    begin = _body(routine)
    for asked, instead in _ASKING:
        for found in re.finditer(re.escape(asked), routine.definition[begin:]):
            yield "who asks", begin + found.start(), begin + found.end(), instead


def _settings(routine: catalog.Routine) -> Iterator[Edit]:
    """Claims that are not read."""
    for found in _SETTING.finditer(routine.definition):
        yield "who asks", found.start(), found.end(), "''::text"


def _numbered(routine: catalog.Routine, edits: tuple[Edit, ...]) -> Iterator[Mutant]:
    """The same edit in several places of a function is told apart by its number."""
    seen: dict[str, int] = {}
    for kind, start, end, instead in edits:
        before = " ".join(routine.definition[start:end].split())
        name = f"{routine.name}: {before} → {instead}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name} ({seen[name]})"
        yield Mutant(kind, name, routine.definition[:start] + instead + routine.definition[end:])
