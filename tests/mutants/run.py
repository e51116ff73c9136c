"""Applies each mutant in a transaction of its own, asks the checks, and rolls back."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import psycopg

from tests.mutants import bodies, definitions
from tests.mutants.mutant import Mutant
from tests.policies.checks import CHECKS, Check, complaints
from tests.policies.world import World, populated

Sql = psycopg.Connection[Any]
Verdict = Literal["killed", "survived", "equivalent", "not applied", "killed, but listed as equivalent"]
FINE = {"killed", "equivalent"}
# Which checks are asked first, by kind: those that notice it soonest. A rule about the catalog comes first only for
# what no attempt can show, and for grants, of which there are hundreds; elsewhere a rule notices what no attempt did.
_ATTEMPTS, _CALLS = ("tables", "turns", "routines", "rules"), ("turns", "routines", "tables", "rules")
_RULES = ("rules", "tables", "turns", "routines")
_ORDER = {"condition": _CALLS, "who asks": _CALLS} | dict.fromkeys(
    ("grant", "column grant", "execute", "definer", "search path", "role"), _RULES
)


@dataclass(frozen=True)
class Result:
    """What became of a mutant, and by which check, or why it could not be applied."""

    mutant: Mutant
    verdict: Verdict
    by: str = ""


def mutants(connection: Sql) -> list[Mutant]:
    """All of them, made from the catalog as it is, kind by kind."""
    makers = (
        definitions.of_policies,
        definitions.of_tables,
        definitions.of_grants,
        definitions.of_roles,
        definitions.of_triggers_and_indexes,
        definitions.of_constraints,
        definitions.of_routines,
        bodies.of_bodies,
    )
    made = list(chain.from_iterable(make(connection) for make in makers))
    kinds = list(dict.fromkeys(mutant.kind for mutant in made))
    return sorted(made, key=lambda mutant: kinds.index(mutant.kind))


def results(
    connection: Sql, made: Iterable[Mutant], equivalents: Mapping[str, str], checks: Iterable[Check] = CHECKS
) -> Iterator[Result]:
    """The connection is in autocommit mode and may do everything."""
    checks = tuple(checks)
    for mutant in made:
        with connection.transaction(force_rollback=True):
            yield _result(connection, mutant, mutant.name in equivalents, checks)


def _result(connection: Sql, mutant: Mutant, expected_to_live: bool, checks: tuple[Check, ...]) -> Result:
    world = populated(connection)
    try:
        with connection.transaction():
            connection.execute(mutant.statement.encode())
    except psycopg.Error as error:
        return Result(mutant, "not applied", str(error))
    order = _ORDER.get(mutant.kind, _ATTEMPTS)
    ordered = sorted(checks, key=lambda check: order.index(check.__module__.rpartition(".")[2]))
    killer = next((check.__name__ for check in ordered if notices(world, check)), None)
    if killer is None:
        return Result(mutant, "equivalent" if expected_to_live else "survived")
    return Result(mutant, "killed, but listed as equivalent" if expected_to_live else "killed", killer)


def notices(world: World, check: Check) -> bool:
    """Whether the check has anything to say, or cannot even be made any more. The database must stay in reach."""
    try:
        with closing(complaints(world, check)) as said:
            return next(said, None) is not None
    except (AssertionError, LookupError, TypeError, psycopg.Error):
        assert not world.sql.closed
        return True


def counted(found: Iterable[Result]) -> Counter[tuple[str, str]]:
    """How many, by kind and verdict."""
    return Counter((result.mutant.kind, result.verdict) for result in found)
