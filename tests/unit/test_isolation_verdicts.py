"""isolation/catalog.py, probes.py and report.py: verdicts as functions of what was found."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from safycore_backend.database import Claims
from safycore_backend.isolation.accounts import Person
from safycore_backend.isolation.catalog import check_catalog, check_django, unsafe_definers, upserts, version
from safycore_backend.isolation.catalog_rows import Catalog, Function, Grant, Policy, Table, exposed_schemas
from safycore_backend.isolation.operations import Operation, Slot
from safycore_backend.isolation.planted import NOBODYS, Planted
from safycore_backend.isolation.probes import Answer, judged, silent, told_apart
from safycore_backend.isolation.report import Check, Report, as_json, as_text

OURS = {"public.messages"}
EMPTY = Catalog(180007, ["public"], "safycore_app", None, [], [], [], [], [], [])
STOP = (Operation("post", "/stop/{session_id}/", (Slot("path", "session_id"),)), Slot("path", "session_id"))
OWNER = Person("o@example.com", "secret", Claims("00000000-0000-4000-8000-000000000001", "", 0, ""), made=True)
PLANTED = Planted(OWNER, "canary1", "s", {"session": "s"})


def function(**changes: object) -> Function:
    usual = Function("public", "public.f()", "f", [], True, True, ['search_path=""'], ["postgres"], "select 1")
    return replace(usual, **changes)  # type: ignore[arg-type]  # by name


def answer(kind: str, status: int, text: str = "") -> Answer:
    return Answer(0, STOP, kind, status, text)


def report(*checks: Check) -> Report:
    now = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
    return Report("1.0", "https://chat.example.com", now, now, 7, list(checks))


@pytest.mark.parametrize(
    ("number", "verdict"),
    [(180007, "passed"), (180006, "warning"), (170012, "passed"), (170011, "warning"), (160016, "passed"),
     (160015, "warning"), (150020, "passed"), (150019, "warning"), (140022, "failed"), (190000, "passed")],
)  # fmt: skip
def test_the_version_is_compared_within_its_own_series(number: int, verdict: str) -> None:
    assert version(replace(EMPTY, version=number), OURS).verdict == verdict


def test_an_old_version_fails_once_a_function_upserts_into_a_table_of_people() -> None:
    source = "insert into public.messages values (1) on conflict (id)\n do update set content = ''"
    catalog = replace(EMPTY, version=180004, functions=[function(source=source)])
    assert list(upserts(catalog, OURS)) == ["public.f() says ON CONFLICT DO UPDATE"]
    assert version(catalog, OURS).verdict == "failed"


def test_an_old_version_warns_of_peoples_own_upserts_while_the_data_api_is_open() -> None:
    opened = [Grant("public.messages.content", "column", "authenticated", "INSERT")]
    (closed,) = version(replace(EMPTY, version=180004), OURS).warnings
    (open_,) = version(replace(EMPTY, version=180004, grants=opened), OURS).warnings
    assert "18.4 is below 18.7" in closed
    assert "close_data_api" in open_
    assert "close_data_api" not in closed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": []}, "without set search_path"),
        ({"config": ["search_path=public"]}, "without set search_path"),
        ({"arguments": [["p_user_id", "text"]]}, "the caller says whose rows (p_user_id)"),
        ({"arguments": [["", "uuid"]]}, "the caller says whose rows (uuid)"),
        ({"executors": ["authenticated"]}, "over the Data API"),
    ],
)
def test_a_definer_that_could_be_misused_is_named(changes: dict[str, object], words: str) -> None:
    (problem,) = unsafe_definers(replace(EMPTY, functions=[function(**changes)]))
    assert problem.startswith("public.f(): SECURITY DEFINER")
    assert words in problem


def test_a_definer_that_takes_no_person_and_is_closed_is_fine() -> None:
    harmless = function(arguments=[["p_dead_owners", "text[]"], ["p_by_lease", "boolean"]], executors=["safycore_user"])
    assert list(unsafe_definers(replace(EMPTY, functions=[harmless]))) == []


@pytest.mark.parametrize(
    "expression",
    ["true", "(user_id IS NOT NULL)", "((( SELECT auth.uid() AS uid) = user_id) OR true)",
     "(auth.uid() = user_id)", "(( SELECT auth.uid() AS uid) IS NOT NULL)"],
)  # fmt: skip
def test_a_policy_of_ours_that_says_more_than_ownership_fails(expression: str) -> None:
    policy = Policy("public.messages", "p", True, "*", ["authenticated"], expression, expression)
    failed = [each for each in check_catalog(replace(EMPTY, policies=[policy]), OURS) if each.verdict == "failed"]
    assert any("policy p on public.messages" in problem for each in failed for problem in each.problems)


def test_djangos_tables_without_policies_fail_and_its_bookkeeping_does_not() -> None:
    tables = [
        Table("d", "user_profiles", "r", False, False, []),
        Table("d", "django_migrations", "r", False, False, []),
    ]
    secured, policies, loose, reach, login = check_django(replace(EMPTY, django_schema="d", tables=tables))
    assert secured.problems == ("d.user_profiles: row level security is off",)
    assert sorted(policies.problems) == ["d.conversation_sessions: has no policy", "d.user_profiles: has no policy"]
    assert (loose.verdict, reach.verdict) == ("passed", "passed")
    assert login.problems == ("there is no role safycore_app",)
    granted = replace(EMPTY, django_schema="d", tables=tables, grants=[Grant("d", "schema", "authenticated", "USAGE")])
    assert check_django(granted)[3].problems == ("authenticated has USAGE on schema d",)


def test_the_schemas_of_the_data_api_are_read_from_its_setting() -> None:
    assert exposed_schemas('public, graphql_public, "Mine"') == ["public", "Mine"]


@pytest.mark.parametrize("text", ["… canary1 …", f'{{"user_id": "{OWNER.id}"}}', f'{{"user":{{"id":"{OWNER.id}"}}}}'])
def test_an_answer_with_something_of_the_owners_is_a_leak(text: str) -> None:
    leaks = judged([answer("session", 200, text), answer(NOBODYS, 200)], PLANTED, [])[1]
    assert leaks.leaks == 1
    assert leaks.problems == (
        "POST /stop/{session_id}/ with the owner's session as session_id: the answer has what is the owner's",
    )


def test_a_status_that_tells_that_an_id_exists_is_a_problem() -> None:
    assert told_apart([answer("session", 403), answer(NOBODYS, 404)]) == [
        "POST /stop/{session_id}/ with the owner's session as session_id: 403 instead of 404"
    ]
    assert told_apart([answer("session", 404), answer(NOBODYS, 404)]) == []


def test_an_address_that_refuses_how_it_is_asked_proves_nothing() -> None:
    assert silent([answer("session", 400), answer(NOBODYS, 415)]) == [
        "POST /stop/{session_id}/: answered [400, 415] only; nobody can tell how to ask it"
    ]
    assert silent([answer("session", 404), answer(NOBODYS, 400)]) == []


def test_an_address_that_cannot_be_tried_fails() -> None:
    assert judged([], PLANTED, ["/x/: not in the OpenAPI document"])[0].verdict == "failed"


@pytest.mark.parametrize(
    ("check", "code", "last"),
    [
        (Check("API", "a", 3), 0, "PASSED: 1 checks, 7 requests, 0 leaked"),
        (Check("API", "a", 3, warnings=("old",)), 0, "PASSED: 1 checks, 7 requests, 0 leaked"),
        (Check("API", "a", 3, ("culprit",), leaks=2), 1, "FAILED: 1 of 1 checks, 7 requests, 2 leaked"),
        (Check("API", "a", 3, unproved=("too soon",)), 2, "NOT PROVED: 1 of 1 checks, 7 requests, 0 leaked"),
        (Check("API", "a", not_tried="no address"), 2, "NOT PROVED: 0 of 0 checks, 7 requests, 0 leaked"),
    ],
)
def test_the_report_ends_with_the_verdict_and_says_why(check: Check, code: int, last: str) -> None:
    text = as_text(report(check))
    assert report(check).exit_code == code
    assert text.splitlines()[-1] == last
    assert all(remark in text for remark in check.remarks)
    assert "2026-11-22T20:00:00+00:00" in text
    assert as_json(report(check))["passed"] == (code == 0)
    assert as_json(report(check))["checks"][0]["verdict"] == check.verdict
