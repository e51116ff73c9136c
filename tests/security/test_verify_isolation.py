"""`manage.py verify_isolation`: it passes on what we deliver, and names each thing that is then broken on purpose.

A stack of its own, because what is broken here would fail whatever else runs at the time.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from local_stack.processes import free_port
from local_stack.stack import Stack, django_in_postgres
from safycore_backend.isolation.catalog import check_catalog, check_django
from safycore_backend.isolation.catalog_rows import read_catalog
from safycore_backend.isolation.exposed import our_tables
from tests.cast import PASSWORD, sign_up
from tests.conftest import OPEN_DOORS
from tests.integration.test_local_stack import running_up
from tests.processes import CHECKOUT, Server, manage

Sql = psycopg.AsyncConnection[Any]
WITHOUT_POSTGRES = ("SUPABASE_DB_URL", "SUPABASE_DB_ADMIN_URL")
SECONDS = 120


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def problems(self) -> list[str]:
        return [problem for check in self.report["checks"] for problem in check["problems"]]

    def verdicts(self, section: str) -> set[str]:
        return {check["verdict"] for check in self.report["checks"] if check["section"] == section}


async def verify(environment: Mapping[str, str], *options: str) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "verify_isolation", *options,
        cwd=CHECKOUT, env=dict(environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    return Outcome(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    stack = Stack(tmp_path_factory.mktemp("verified"), site_url="http://127.0.0.1:1")
    try:
        # The export is limited as it usually is: the command must pass beside people who export nothing.
        yield {**stack.start(), **OPEN_DOORS, "LIMIT_EXPORT_PER_PERSON": "5/3600"}
    finally:
        stack.stop()


@pytest.fixture(scope="module")
async def server(own: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    running = Server(own, tmp_path_factory.mktemp("logs") / "server.log")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def owner(own: dict[str, str]) -> AsyncIterator[Sql]:
    connection = await psycopg.AsyncConnection.connect(own["SUPABASE_DB_ADMIN_URL"], autocommit=True)
    yield connection
    await connection.close()


@asynccontextmanager
async def broken(owner: Sql, how: str, undo: str) -> AsyncIterator[None]:
    try:
        await owner.execute(how.encode())
        yield
    finally:
        await owner.execute(undo.encode())


async def accounts_left(owner: Sql) -> int:
    query = "select count(*) from auth.users where email like 'verify-isolation-%'"
    row = await (await owner.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("door", ["postgres", "data_api"])
async def test_what_we_deliver_passes(
    door: str, own: dict[str, str], server: Server, owner: Sql, tmp_path: Path
) -> None:
    less = WITHOUT_POSTGRES if door == "data_api" else ()
    environment = {name: value for name, value in server.environment.items() if name not in less}
    other = Server(environment, tmp_path / "server.log")
    await other.start()
    try:
        outcome = await verify(other.environment, "--json", str(tmp_path / "report.json"))
    finally:
        await other.stop()
    assert outcome.code == 0, outcome.out + outcome.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["requests"] > 500
    assert report["leaked"] == 0
    assert outcome.out.splitlines()[-1] == report["summary"]
    assert report["summary"].startswith("PASSED: ")
    assert {check["section"] for check in report["checks"] if check["verdict"] == "not tried"} == (
        {"SQL", "Catalog", "Django's tables"} if less else {"Django's tables"}
    )
    assert await accounts_left(owner) == 0


async def test_an_old_postgres_is_a_plain_warning(own: dict[str, str]) -> None:
    outcome = await verify(own, "--database-only", "--json", "-")
    assert outcome.code == 0
    (warning,) = [text for check in outcome.report["checks"] for text in check["warnings"]]
    assert warning.startswith("PostgreSQL 18.4 is below 18.7.")


MESSAGES = "policy messages_owner on public.messages"
POLICY = "((select auth.uid()) = user_id)"
SABOTAGE = {
    "row level security off": (
        "alter table public.messages disable row level security",
        "alter table public.messages enable row level security",
        "public.messages: row level security is off",
    ),
    "not forced": (
        "alter table public.training_data no force row level security",
        "alter table public.training_data force row level security",
        "public.training_data: row level security is not FORCEd, so its owner passes it",
    ),
    "a new table without any": (
        "create table public.notes (text text)",
        "drop table public.notes",
        "public.notes: row level security is off",
    ),
    "a policy for everything": (
        "alter policy messages_owner on public.messages using (true)",
        f"alter policy messages_owner on public.messages using {POLICY}",
        f"{MESSAGES}: does not ask who the caller is: true",
    ),
    "a policy with a back door": (
        f"alter policy messages_owner on public.messages using ({POLICY} or session_id = 'chat')",
        f"alter policy messages_owner on public.messages using {POLICY}",
        f"{MESSAGES}: ",
    ),
    "a policy asked per row": (
        "alter policy messages_owner on public.messages using (auth.uid() = user_id)",
        f"alter policy messages_owner on public.messages using {POLICY}",
        f"{MESSAGES}: asks for the caller once per row",
    ),
    "a policy for everybody": (
        "alter policy messages_owner on public.messages to public",
        "alter policy messages_owner on public.messages to authenticated",
        f"{MESSAGES}: TO PUBLIC instead of named roles",
    ),
    "a policy without WITH CHECK": (
        f"create policy lax on public.messages for update to authenticated using {POLICY}",
        "drop policy lax on public.messages",
        "policy lax on public.messages: no WITH CHECK",
    ),
    "no index behind the policy": (
        "alter index public.idx_training_data_user_session rename to aside; "
        "update pg_index set indisvalid = false where indrelid = 'public.training_data'::regclass and indkey[0] = 2",
        "alter index public.aside rename to idx_training_data_user_session; "
        "update pg_index set indisvalid = true where indrelid = 'public.training_data'::regclass",
        "public.training_data: no index begins with user_id, which its policies compare",
    ),
    "truncate": (
        "grant truncate on public.messages to authenticated",
        "revoke truncate on public.messages from authenticated",
        "authenticated has TRUNCATE on public.messages, which no policy stops",
    ),
    "a right of anon's": (
        "grant select (content) on public.messages to anon",
        "revoke select (content) on public.messages from anon",
        "anon has SELECT on column public.messages.content",
    ),
    "a right of the login role's": (
        "grant select on public.messages to safycore_app",
        "revoke select on public.messages from safycore_app",
        "safycore_app has SELECT on table public.messages: it needs no right of its own",
    ),
    "a function for everybody": (
        "grant execute on function public.list_training_data(text) to public",
        "revoke execute on function public.list_training_data(text) from public",
        "public.list_training_data(text): PUBLIC may call it",
    ),
    "a definer that takes a person": (
        "create function public.peek(who uuid) returns bigint language sql security definer set search_path = '' "
        "as 'select count(*) from public.messages where user_id = who'; "
        "revoke all on function public.peek(uuid) from public",
        "drop function public.peek(uuid)",
        "public.peek(uuid): SECURITY DEFINER, and the caller says whose rows (who)",
    ),
    "a definer with an open search_path": (
        "alter function public.running_owners() reset search_path",
        "alter function public.running_owners() set search_path = ''",
        "public.running_owners(): SECURITY DEFINER without set search_path = ''",
    ),
    "a view that reads as its owner": (
        "create view public.everything as select * from public.messages",
        "drop view public.everything",
        "view public.everything: without security_invoker it reads as its owner",
    ),
    "a materialised view": (
        "create materialized view public.copy as select * from public.messages",
        "drop materialized view public.copy",
        "materialised view public.copy: policies do not apply to it",
    ),
    "a login role past row level security": (
        "alter role safycore_app bypassrls",
        "alter role safycore_app nobypassrls",
        "safycore_app has BYPASSRLS",
    ),
    "a login role that may become more": (
        "grant authenticated to safycore_app",
        "revoke authenticated from safycore_app",
        "safycore_app may become authenticated, safycore_user, not safycore_user only",
    ),
    "a login role that inherits": (
        "alter role safycore_app inherit",
        "alter role safycore_app noinherit",
        "safycore_app is not NOINHERIT: it has rights without becoming anybody",
    ),
    "a login role that owns something": (
        "create table safycore.owned (id int); alter table safycore.owned owner to safycore_app",
        "drop table safycore.owned",
        "safycore_app owns table safycore.owned",
    ),
    "a table of Django's within reach": (
        "create table public.user_profiles (id int)",
        "drop table public.user_profiles",
        "public.user_profiles: a table of Django's in a schema that the Data API shows",
    ),
}


async def problems_in(own: Mapping[str, str]) -> list[str]:
    """What the command finds in the catalog, without the second that a process takes to start."""
    catalog = await read_catalog(own["SUPABASE_DB_URL"], login="safycore_app", django_schema=None)
    return [problem for check in check_catalog(catalog, our_tables()) for problem in check.problems]


@pytest.mark.parametrize("what", SABOTAGE)
async def test_what_is_broken_in_the_catalog_is_named(what: str, own: dict[str, str], owner: Sql) -> None:
    how, undo, culprit = SABOTAGE[what]
    async with broken(owner, how, undo):
        found = await problems_in(own)
    assert [problem for problem in found if problem.startswith(culprit)], found
    assert await problems_in(own) == []


@pytest.mark.parametrize("what", ["row level security off", "a login role past row level security"])
async def test_what_is_broken_fails_the_command(what: str, own: dict[str, str], owner: Sql) -> None:
    how, undo, culprit = SABOTAGE[what]
    async with broken(owner, how, undo):
        outcome = await verify(own, "--database-only", "--json", "-")
    assert outcome.code == 1, outcome.out
    assert culprit in outcome.problems
    assert outcome.report["summary"].startswith("FAILED: ")


OPEN_POLICIES = " ".join(
    f"alter policy messages_owner{end} on public.messages using (true) with check (true);" for end in ("", "_server")
)
SHUT_POLICIES = f"alter policy messages_owner on public.messages using {POLICY} with check {POLICY}; " + (
    "alter policy messages_owner_server on public.messages using ((select safycore.uid()) = user_id) "
    "with check ((select safycore.uid()) = user_id)"
)


async def test_open_policies_leak_over_the_data_api_and_in_sql(server: Server, owner: Sql) -> None:
    async with broken(owner, OPEN_POLICIES, SHUT_POLICIES):
        outcome = await verify(server.environment, "--json", "-")
    assert outcome.code == 1, outcome.err
    assert outcome.report["leaked"] > 4
    assert "failed" in outcome.verdicts("SQL")
    assert "failed" in outcome.verdicts("Data API")
    assert any("select from messages as safycore_user" in problem for problem in outcome.problems)
    assert any("GET /rest/v1/messages" in problem for problem in outcome.problems)
    assert any("the owner's messages changed" in problem for problem in outcome.problems)
    assert await accounts_left(owner) == 0


# Two functions that forget whose session it is, and pass the policies.
FORGETFUL = """
create or replace function public.conversation_page(
  p_session_id text, p_limit integer, p_before bigint, p_versions boolean)
  returns json language sql security definer set search_path = ''
  as $$ select json_build_object('next', null, 'messages',
    coalesce(jsonb_agg(safycore.message_json(m) order by m.seq), '[]'::jsonb))
    from public.messages m where session_id = p_session_id $$;
create or replace function public.stop_turn(p_session_id text)
  returns jsonb language sql security definer set search_path = ''
  as $$ update public.messages set stop_requested = true, status = 'stopped'
    where session_id = p_session_id and status = 'streaming' returning jsonb_build_object('message_id', id) $$;
"""


async def test_a_function_that_forgets_the_caller_leaks_through_the_api(server: Server, owner: Sql) -> None:
    query = (
        "select pg_get_functiondef(oid) from pg_proc where proname = any (%s) and pronamespace = 'public'::regnamespace"
    )
    rows = await (await owner.execute(query, (["conversation_page", "stop_turn"],))).fetchall()
    async with broken(owner, FORGETFUL, ";".join(definition for (definition,) in rows)):
        outcome = await verify(server.environment, "--json", "-")
    assert outcome.code == 1, outcome.err
    read = "GET /api/chat/conversation/{session_id}/ with the owner's session as session_id"
    assert f"{read}: the answer has what is the owner's" in outcome.problems
    assert "the owner's running reply is stopped now" in outcome.problems
    assert await accounts_left(owner) == 0


async def test_accounts_that_are_given_are_used_and_stay(server: Server) -> None:
    people = [await sign_up(server.url, name) for name in ("owner", "intruder")]
    options = [word for each in people for word in ("--email", each.email, "--password", PASSWORD)]
    try:
        outcome = await verify(server.environment, *options)
        assert outcome.code == 0, outcome.out + outcome.err
        assert "the accounts are left as they were found" in outcome.out
        for each in people:
            assert (await each.call("GET", "/api/chat/sessions/")).json()["sessions"] == []
            profile = (await each.call("GET", "/api/auth/profile/")).json()["user"]
            assert (profile["email"], profile["default_session_id"]) == (each.email, None)
    finally:
        for each in people:
            await each.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_half_way_it_removes_its_accounts(how: signal.Signals, server: Server, owner: Sql) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "verify_isolation",
        cwd=CHECKOUT, env=server.environment, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        while b"Trying" not in (line := await process.stderr.readline()):
            assert line, "it ended before it began to try"
        assert await accounts_left(owner) == 2
        process.send_signal(how)
        _, err = await process.communicate()
    assert process.returncode == 2
    assert b"stopped before its end" in err
    assert b"Traceback" not in err
    assert await accounts_left(owner) == 0


async def test_without_a_running_api_it_says_so(own: dict[str, str], owner: Sql) -> None:
    outcome = await verify(own, "--url", f"http://127.0.0.1:{free_port()}")
    assert outcome.code == 2
    assert "could not be carried out" in outcome.err
    assert "Is it running?" in outcome.err
    assert "Traceback" not in outcome.err


async def test_without_any_address_of_the_database_there_is_nothing_to_read(own: dict[str, str]) -> None:
    environment = {name: value for name, value in own.items() if name not in WITHOUT_POSTGRES}
    outcome = await verify(environment, "--database-only")
    assert outcome.code == 2
    assert "neither SUPABASE_DB_ADMIN_URL nor SUPABASE_DB_URL is set" in outcome.err


async def test_half_a_pair_of_accounts_is_refused(own: dict[str, str]) -> None:
    outcome = await verify(own, "--email", "one@example.com", "--password", "x")
    assert outcome.code == 2
    assert "Give --email and --password twice each" in outcome.err


async def test_where_addresses_are_confirmed_it_says_how_accounts_can_be_given(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", site_url="http://127.0.0.1:1", groq=False, confirm_email=True,
                  settings={"GROQ_API_KEY": "for-tests"})  # fmt: skip
    try:
        environment = stack.start()
        outcome = await verify({**environment, "SUPABASE_SECRET_KEY": ""})
    finally:
        stack.stop()
    assert outcome.code == 2
    assert "asks for confirmation of e-mail addresses" in outcome.err
    assert "--email" in outcome.err
    assert "SUPABASE_SECRET_KEY" in outcome.err


@pytest.fixture(scope="module")
async def with_django(own: dict[str, str]) -> dict[str, str]:
    changed = {**own, **django_in_postgres(own)}
    await manage(changed, "prepare")
    return changed


async def test_djangos_tables_in_postgres_pass(with_django: dict[str, str], owner: Sql, tmp_path: Path) -> None:
    server = Server(with_django, tmp_path / "server.log")
    await server.start()
    try:
        outcome = await verify(server.environment, "--json", "-")
        assert outcome.code == 0, outcome.out + outcome.err
        assert outcome.verdicts("Django's tables") == {"passed"}
        assert "not tried" not in {check["verdict"] for check in outcome.report["checks"]}
        how, undo, _ = DJANGO_SABOTAGE["a policy for everything"]
        async with broken(owner, how, undo):
            leaked = await verify(server.environment, "--json", "-")
    finally:
        await server.stop()
    assert leaked.code == 1
    assert any("select from conversation_sessions as safycore_user" in problem for problem in leaked.problems)


DJANGO = "safycore_django"
OWN_ROW = "((select safycore.uid()) = user_id)"
DJANGO_SABOTAGE = {
    "row level security off": (
        f"alter table {DJANGO}.user_profiles disable row level security",
        f"alter table {DJANGO}.user_profiles enable row level security",
        f"{DJANGO}.user_profiles: row level security is off",
    ),
    "not forced": (
        f"alter table {DJANGO}.conversation_sessions no force row level security",
        f"alter table {DJANGO}.conversation_sessions force row level security",
        f"{DJANGO}.conversation_sessions: row level security is not FORCEd",
    ),
    "a policy dropped": (
        f"drop policy user_profiles_owner on {DJANGO}.user_profiles",
        f"create policy user_profiles_owner on {DJANGO}.user_profiles for all to safycore_user "
        f"using {OWN_ROW} with check {OWN_ROW}",
        f"{DJANGO}.user_profiles: has no policy",
    ),
    "a policy for everything": (
        f"alter policy conversation_sessions_owner on {DJANGO}.conversation_sessions using (true) with check (true)",
        f"alter policy conversation_sessions_owner on {DJANGO}.conversation_sessions "
        f"using {OWN_ROW} with check {OWN_ROW}",
        f"policy conversation_sessions_owner on {DJANGO}.conversation_sessions: true",
    ),
    "a policy for everybody": (
        f"alter policy user_profiles_owner on {DJANGO}.user_profiles to public",
        f"alter policy user_profiles_owner on {DJANGO}.user_profiles to safycore_user",
        f"policy user_profiles_owner on {DJANGO}.user_profiles: TO PUBLIC",
    ),
    **{
        f"a right of {role}'s": (
            f"grant select (email) on {DJANGO}.user_profiles to {role}",
            f"revoke select (email) on {DJANGO}.user_profiles from {role}",
            f"{role.upper() if role == 'public' else role} has SELECT on column {DJANGO}.user_profiles.email",
        )
        for role in ("anon", "authenticated", "service_role", "public")
    },
    "a right of the login role's": (
        f"grant select on {DJANGO}.user_profiles to safycore_app",
        f"revoke select on {DJANGO}.user_profiles from safycore_app",
        f"safycore_app has SELECT on table {DJANGO}.user_profiles: it needs no right of its own",
    ),
    "the schema for the Data API's roles": (
        f"grant usage on schema {DJANGO} to authenticated",
        f"revoke usage on schema {DJANGO} from authenticated",
        f"authenticated has USAGE on schema {DJANGO}",
    ),
    "truncate": (
        f"grant truncate on {DJANGO}.user_profiles to safycore_user",
        f"revoke truncate on {DJANGO}.user_profiles from safycore_user",
        f"safycore_user has TRUNCATE on {DJANGO}.user_profiles, which no policy stops",
    ),
    "a function for everybody": (
        f"grant execute on function {DJANGO}.keep_profile() to public",
        f"revoke execute on function {DJANGO}.keep_profile() from public",
        f"{DJANGO}.keep_profile(): PUBLIC may call it",
    ),
    "a definer with an open search_path": (
        f"alter function {DJANGO}.keep_profile() reset search_path",
        f"alter function {DJANGO}.keep_profile() set search_path = ''",
        f"{DJANGO}.keep_profile(): SECURITY DEFINER without set search_path = ''",
    ),
    "a view of it": (
        f"create view {DJANGO}.everything as select * from {DJANGO}.user_profiles",
        f"drop view {DJANGO}.everything",
        f"view {DJANGO}.everything: without security_invoker",
    ),
    "a login role past row level security": (
        "alter role safycore_app bypassrls",
        "alter role safycore_app nobypassrls",
        "safycore_app has BYPASSRLS",
    ),
}


@pytest.mark.parametrize("what", DJANGO_SABOTAGE)
async def test_what_is_broken_about_djangos_tables_is_named(what: str, with_django: dict[str, str], owner: Sql) -> None:
    async def problems() -> list[str]:
        catalog = await read_catalog(with_django["DATABASE_URL"], login="safycore_app", django_schema=DJANGO)
        return [problem for check in check_django(catalog) for problem in check.problems]

    how, undo, culprit = DJANGO_SABOTAGE[what]
    async with broken(owner, how, undo):
        found = await problems()
    assert [problem for problem in found if problem.startswith(culprit)], found
    assert await problems() == []


async def test_what_is_broken_about_djangos_tables_fails_the_command(with_django: dict[str, str], owner: Sql) -> None:
    how, undo, culprit = DJANGO_SABOTAGE["not forced"]
    async with broken(owner, how, undo):
        outcome = await verify(with_django, "--database-only", "--json", "-")
    assert outcome.code == 1
    assert any(problem.startswith(culprit) for problem in outcome.problems)


async def test_beside_make_up_it_runs_with_the_environment_of_the_server(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {"PATH": "/usr/bin:/bin", "SAFYCORE_HOME": str(home)}
    command = [sys.executable, "-m", "local_stack", "manage", "verify_isolation", "--database-only"]

    async def beside() -> tuple[int | None, str]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=CHECKOUT, env=environment, stdout=pipe, stderr=pipe
        )
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
        return process.returncode, (out + err).decode()

    with running_up(home) as supervisor:
        assert (home / "environment.json").stat().st_mode & 0o777 == 0o600
        code, said = await beside()
        assert code == 0, said
        assert "PASSED: " in said
        supervisor.terminate()
        supervisor.wait(30)
    assert not (home / "environment.json").exists()
    assert await beside() == (1, f"Nothing runs on {home}: start it with `make up` first.\n")
