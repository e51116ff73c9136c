"""Who may do what in the database, as `tests/policies` says; and that weakening it is noticed (`tests/mutants`)."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from tests.mutants.__main__ import exit_status, report, summary
from tests.mutants.conditions import parts
from tests.mutants.equivalents import EQUIVALENTS
from tests.mutants.mutant import Mutant
from tests.mutants.run import mutants, results
from tests.policies.checks import CHECKS, Check, complaints
from tests.policies.world import populated

Sql = psycopg.Connection[Any]
KINDS = {
    "column grant",
    "condition",
    "constraint",
    "definer",
    "execute",
    "grant",
    "index",
    "policy",
    "revoked grant",
    "role",
    "search path",
    "table",
    "trigger",
    "who asks",
}


@pytest.fixture
def owner(environment: Mapping[str, str]) -> Iterator[Sql]:
    """The database as its owner. Whatever is made or weakened is rolled back before anybody could see it."""
    with psycopg.connect(environment["SUPABASE_DB_ADMIN_URL"], autocommit=True) as connection:
        connection.execute("set lock_timeout = '10s'")
        yield connection


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_the_policies_that(owner: Sql, check: Check) -> None:
    with owner.transaction(force_rollback=True):
        assert list(complaints(populated(owner), check)) == []


def test_a_table_that_nobody_has_thought_of_is_noticed(owner: Sql) -> None:
    _is_noticed(owner, "create table public.notes (id uuid, user_id uuid, session_id text)")


def test_a_column_that_nobody_has_thought_of_is_refused_until_somebody_has(owner: Sql) -> None:
    _is_noticed(
        owner, "alter table public.messages add colour text; grant update (colour) on messages to authenticated"
    )


def test_a_function_that_nobody_has_thought_of_is_noticed(owner: Sql) -> None:
    _is_noticed(
        owner, "create function public.notes(p_session_id text) returns text language sql as 'select p_session_id'"
    )


def _is_noticed(owner: Sql, statement: str) -> None:
    (result,) = results(owner, [Mutant("table", "new", statement)], {})
    assert result.verdict == "killed"


@pytest.fixture
def made(owner: Sql) -> list[Mutant]:
    return mutants(owner)


def test_mutants_of_every_kind_are_made_each_under_a_name_of_its_own(made: list[Mutant]) -> None:
    assert {mutant.kind for mutant in made} == KINDS
    assert len({mutant.name for mutant in made}) == len(made) > 900
    assert {mutant.name for mutant in made} >= set(EQUIVALENTS)


def test_a_mutant_of_each_kind_is_killed(owner: Sql, made: list[Mutant]) -> None:
    sample = {mutant.kind: mutant for mutant in made if mutant.name not in EQUIVALENTS}
    found = list(results(owner, sample.values(), EQUIVALENTS))
    assert [(each.mutant.name, each.verdict) for each in found if each.verdict != "killed"] == []
    assert exit_status(found) == 0
    assert summary(found) == f"mutants: {len(KINDS)} made, {len(KINDS)} killed, 0 equivalent, 0 survived"


def test_a_mutant_that_nobody_notices_fails_the_run_and_its_definition_is_shown(owner: Sql) -> None:
    unnoticed = Mutant("policy", "a remark", "comment on policy messages_owner on public.messages is 'unnoticed'")
    found = list(results(owner, [unnoticed], {}))
    assert exit_status(found) == 1
    assert summary(found) == "mutants: 1 made, 0 killed, 0 equivalent, 1 survived"
    assert unnoticed.statement in report(found)


def test_without_the_check_that_notices_it_a_mutant_survives(owner: Sql, made: list[Mutant]) -> None:
    weakened = next(mutant for mutant in made if mutant.name == "messages_owner: using (true)")
    blind = [check for check in CHECKS if check.__name__ == "triggers_are_in_place"]
    assert [each.verdict for each in results(owner, [weakened], {}, blind)] == ["survived"]
    assert [each.verdict for each in results(owner, [weakened], {})] == ["killed"]


def test_a_mutant_that_cannot_be_applied_proves_nothing(owner: Sql) -> None:
    found = list(results(owner, [Mutant("policy", "wrong", "drop policy nobody on public.messages")], {}))
    assert [each.verdict for each in found] == ["not applied"]
    assert exit_status(found) == 1
    assert summary(found).endswith("1 survived")


def test_an_equivalent_that_is_noticed_after_all_is_told(owner: Sql) -> None:
    drop = Mutant("policy", "drop", "drop policy messages_owner on public.messages")
    found = list(results(owner, [drop], {"drop": "because"}))
    assert [each.verdict for each in found] == ["killed, but listed as equivalent"]
    assert exit_status(found) == 1


def test_conditions_are_left_out_one_by_one() -> None:
    check = "if not found or (select a where b = 'x and y') then"
    text = f"begin {check} select c where d and (e or f) order by g; end if; end"
    assert [(text[part.start : part.end], part.instead) for part in parts(text)] == [
        ("not found or (select a where b = 'x and y')", "false"),
        ("not found", "false"),
        ("(select a where b = 'x and y')", "false"),
        ("b = 'x and y'", "true"),
        ("d", "true"),
        ("(e or f)", "true"),
        ("e", "false"),
        ("f", "false"),
    ]
