"""`manage.py doctor`: nothing fails on what we deliver, and each thing that is broken is told, with what to do.

Most of it runs in this process, under settings of its own, for a process takes a second to start.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
from django.test import override_settings

from local_stack.postgres import major_version
from safycore_backend.doctor.checkup import all_checks, examined, report_of
from safycore_backend.doctor.examination import Group
from safycore_backend.doctor.report import Finding, as_text, fail
from tests.operations.stand_ins import html, silent, with_clock
from tests.processes import CHECKOUT, free_port
from tests.redis_server import Redis

Sql = psycopg.AsyncConnection[Any]
SECONDS = 60.0
NEVER_SHOWN = ("KEY", "SECRET", "PASSWORD")
# As the server reads them; the rest of the environment is of other forms.
TEXTS = (
    *("SUPABASE_URL", "SUPABASE_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_JWT_SECRET", "SUPABASE_JWT_ISSUER"),
    *("SUPABASE_DB_URL", "SUPABASE_DB_ADMIN_URL", "GROQ_BASE_URL", "GROQ_API_KEY", "GROQ_MODEL"),
)


class Told:
    """The findings of one run, by check."""

    def __init__(self, findings: list[Finding]) -> None:
        self._by_check = {finding.check: finding for finding in findings}

    def names(self, verdict: str) -> set[str]:
        return {name for name, finding in self._by_check.items() if finding.verdict == verdict}

    def what(self, check: str) -> str:
        return self._by_check[check].outcome.what

    def advice(self, check: str) -> str:
        return " ".join(self._by_check[check].outcome.advice)

    def only_fails(self, *checks: str) -> "Told":
        """The same, once it is seen that these failed and no others, each with something to do."""
        assert self.names("fail") == set(checks), {name: self.what(name) for name in self.names("fail")}
        assert all(self.advice(check) for check in checks)
        return self


def without_django() -> list[Group]:
    """Django's connection is this process's own, and not the stack's: the commands below ask about that one."""
    return [group for group in all_checks() if not group[0].name.startswith("django.")]


@pytest.fixture
def settings_of(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: environment[name] for name in TEXTS if name in environment}
    return {**values, "SITE_URL": "http://127.0.0.1:8000", "ALLOWED_HOSTS": ["127.0.0.1"]}


async def doctor(settings_of: Mapping[str, Any], seconds: float = SECONDS, **changes: Any) -> Told:
    with override_settings(**{**settings_of, **changes}):
        return Told(await examined(without_django(), seconds=seconds))


async def command(environment: Mapping[str, str], *options: str) -> tuple[int, str]:
    """Its exit status and standard output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "doctor", *options,
        cwd=CHECKOUT, env={"PATH": os.environ["PATH"], **environment}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode()


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    passwords = [value.split(":")[2].split("@")[0] for value in environment.values() if value.startswith("postgresql:")]
    return passwords + [value for name, value in environment.items() if any(word in name for word in NEVER_SHOWN)]


@asynccontextmanager
async def changed(owner: Sql, how: str, undo: str) -> AsyncIterator[None]:
    try:
        await owner.execute(how.encode())
        yield
    finally:
        await owner.execute(undo.encode())


# The command


async def test_nothing_fails_on_what_we_deliver(environment: Mapping[str, str]) -> None:
    code, out = await command(environment, "--json", "--ask-model")
    report = json.loads(out)
    assert code == 0, out
    assert report["passed"]
    verdicts = {check["check"]: check["verdict"] for check in report["checks"]}
    assert {name for name, verdict in verdicts.items() if verdict == "warn"} == {
        "database.version",
        "database.data_api",
    }
    assert "skipped" not in verdicts.values()
    assert len(verdicts) > 28
    assert not [secret for secret in secrets_of(environment) if len(secret) > 7 and secret in out]


async def test_a_failure_is_told_in_a_line_with_what_to_do_and_by_the_exit_status(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    # All that is broken at once: each must be told, and none of their secrets.
    broken = {
        **environment,
        "SUPABASE_KEY": "sb_publishable_of-another-project",
        "SUPABASE_DB_URL": environment["SUPABASE_DB_URL"].replace("safycore_app:", "safycore_app:not%zzthis"),
        "GROQ_MODEL": "made-up/model",
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
    }
    code, out = await command(broken)
    assert code == 1
    lines = out.splitlines()
    assert lines[-1].startswith("FAILED: ")
    failed = [line[8:36].strip() for line in lines if line.startswith("FAIL  ")]
    assert failed == ["SUPABASE_KEY", "Database", "Models on offer", "Django's database"]
    assert out.count("Do: ") >= len(failed)
    assert "skipped Sign-up                     because “SUPABASE_KEY” failed" in out
    assert not (tmp_path / "empty.sqlite3").exists()
    assert "not%zzthis" not in out
    assert not [secret for secret in secrets_of(broken) if len(secret) > 7 and secret in out]


async def test_settings_that_cannot_be_read_are_a_finding_too(environment: Mapping[str, str]) -> None:
    less = {name: value for name, value in environment.items() if name != "GROQ_API_KEY"}
    code, out = await command({**less, "SUPABASE_TIMEOUT": "soon", "GROQ_API_KEY": ""}, "--json")
    (finding,) = json.loads(out)["checks"]
    assert (code, finding["check"], finding["verdict"]) == (1, "settings", "fail")
    assert {advice.split()[0] for advice in finding["do"]} == {"Set", "SUPABASE_TIMEOUT"}


# Supabase


async def test_a_wrong_key(settings_of: dict[str, Any]) -> None:
    told = (await doctor(settings_of, SUPABASE_KEY="sb_publishable_wrong")).only_fails("supabase.key")
    assert "API Keys" in told.advice("supabase.key")
    assert told.names("skipped") == {"supabase.jwt_secret", "supabase.sign_up", "model.reply"}


async def test_a_secret_key_where_the_public_one_belongs(settings_of: dict[str, Any]) -> None:
    told = await doctor(settings_of, SUPABASE_KEY=settings_of["SUPABASE_SECRET_KEY"])
    told.only_fails("supabase.key_kind")
    assert "which passes row level security" in told.what("supabase.key_kind")
    assert "supabase.key" in told.names("skipped")


async def test_a_legacy_service_role_key_where_the_public_one_belongs(settings_of: dict[str, Any]) -> None:
    key = jwt.encode({"role": "service_role", "iss": "supabase"}, settings_of["SUPABASE_JWT_SECRET"])
    told = (await doctor(settings_of, SUPABASE_KEY=key)).only_fails("supabase.key_kind")
    assert "legacy service_role" in told.what("supabase.key_kind")


async def test_a_public_key_where_the_secret_one_belongs(settings_of: dict[str, Any]) -> None:
    told = await doctor(settings_of, SUPABASE_SECRET_KEY=settings_of["SUPABASE_KEY"])
    told.only_fails("supabase.secret_key")


async def test_a_dead_address(settings_of: dict[str, Any]) -> None:
    told = await doctor(settings_of, SUPABASE_URL=f"http://127.0.0.1:{free_port()}")
    told.only_fails("supabase.reachable")
    assert "ConnectError" in told.what("supabase.reachable")
    assert {"supabase.key", "supabase.key_set", "supabase.jwt_secret", "supabase.clock"} < told.names("skipped")


async def test_a_page_instead_of_supabase_and_of_the_model(settings_of: dict[str, Any]) -> None:
    with html() as url:
        told = await doctor(settings_of, SUPABASE_URL=url, GROQ_BASE_URL=url)
    told.only_fails("supabase.reachable", "model.reachable")
    assert "not as Supabase Auth" in told.what("supabase.reachable")
    assert "GROQ_BASE_URL" in told.advice("model.reachable")


async def test_services_that_never_answer_take_no_longer_than_the_deadline(settings_of: dict[str, Any]) -> None:
    begun = time.monotonic()
    with silent() as port:
        told = await doctor(
            settings_of,
            seconds=2,
            SUPABASE_URL=f"http://127.0.0.1:{port}",
            SUPABASE_DB_URL=f"postgresql://safycore_app:x@127.0.0.1:{port}/safycore",
            GROQ_BASE_URL=f"http://127.0.0.1:{port}",
            CACHE_URL=f"redis://127.0.0.1:{port}/0",
        )
    told.only_fails("supabase.reachable", "database.reachable", "model.reachable", "cache.shared")
    # Four at a time, two seconds each, and what cancelling takes; one after the other it would be the sum.
    assert time.monotonic() - begun < 7.5


async def test_a_wrong_jwt_secret(settings_of: dict[str, Any]) -> None:
    told = (await doctor(settings_of, SUPABASE_JWT_SECRET="x" * 40)).only_fails("supabase.jwt_secret")
    assert "legacy JWT secret" in told.advice("supabase.jwt_secret")


async def test_a_legacy_key_that_another_secret_has_signed(settings_of: dict[str, Any]) -> None:
    key = jwt.encode({"role": "service_role", "iss": "supabase"}, "of another project, forty characters long")
    told = await doctor(settings_of, SUPABASE_SECRET_KEY=key)
    assert "supabase.jwt_secret" in told.names("fail")
    assert "not signed with" in told.what("supabase.jwt_secret")


async def test_a_shared_secret_that_is_not_given(settings_of: dict[str, Any]) -> None:
    told = (await doctor(settings_of, SUPABASE_JWT_SECRET="")).only_fails()
    assert "supabase.key_set" in told.names("warn")
    assert "SUPABASE_JWT_SECRET" in told.advice("supabase.key_set")


@pytest.mark.parametrize(("ahead", "side"), [(30, "behind"), (-30, "ahead of")])
async def test_a_clock_that_is_off(settings_of: dict[str, Any], ahead: float, side: str) -> None:
    with with_clock(ahead, settings_of["SUPABASE_URL"]) as url:
        told = (await doctor(settings_of, SUPABASE_URL=url)).only_fails("supabase.clock")
    assert f"{side} Supabase" in told.what("supabase.clock")
    assert "NTP" in told.advice("supabase.clock")
    assert "database.clock" in told.names("ok")


async def test_a_clock_that_is_a_little_off(settings_of: dict[str, Any]) -> None:
    with with_clock(2, settings_of["SUPABASE_URL"]) as url:
        (await doctor(settings_of, SUPABASE_URL=url)).only_fails()


# The database


async def test_the_server_is_of_the_release_that_pg_bin_names(owner_sql: Sql) -> None:
    """Else a matrix over releases would try one of them several times."""
    assert owner_sql.info.server_version // 10_000 == major_version()


async def test_a_migration_that_is_not_recorded(settings_of: dict[str, Any], owner_sql: Sql) -> None:
    version = "20261122140000"
    history = "supabase_migrations.schema_migrations"
    aside = f"update {history} set version = 'x{version}' where version = '{version}'"
    async with changed(owner_sql, aside, f"update {history} set version = '{version}' where version = 'x{version}'"):
        told = (await doctor(settings_of)).only_fails("database.migrations")
    assert f"{version}_export.sql" in told.what("database.migrations")
    assert "apply_migrations" in told.advice("database.migrations")
    assert told.names("skipped") == {"database.isolation", "database.data_api", "model.reply"}


async def test_a_function_that_is_missing_is_seen_without_the_record(
    settings_of: dict[str, Any], owner_sql: Sql
) -> None:
    name = "public.export_training_data"
    arguments = "(text, integer, integer)"
    aside, back = f"alter function {name}{arguments} rename to aside", f"alter function public.aside{arguments}"
    async with changed(owner_sql, aside, f"{back} rename to export_training_data"):
        told = await doctor(settings_of, SUPABASE_DB_ADMIN_URL=settings_of["SUPABASE_DB_URL"])
    told.only_fails("database.migrations")
    assert f"{name}()" in told.what("database.migrations")


async def test_a_migration_that_this_code_does_not_know(settings_of: dict[str, Any], owner_sql: Sql) -> None:
    history = "supabase_migrations.schema_migrations"
    newer = f"insert into {history} (version, name) values ('29990101000000', 'from_the_future')"
    async with changed(owner_sql, newer, f"delete from {history} where version = '29990101000000'"):
        told = (await doctor(settings_of)).only_fails()
    assert "database.migrations" in told.names("warn")
    assert "from_the_future" in told.what("database.migrations")


async def test_a_superuser_as_the_servers_login(settings_of: dict[str, Any]) -> None:
    told = await doctor(settings_of, SUPABASE_DB_URL=settings_of["SUPABASE_DB_ADMIN_URL"])
    told.only_fails("database.role")
    assert "postgres is a superuser" in told.what("database.role")
    assert "safycore_app" in told.advice("database.role")


async def test_a_login_role_that_may_become_more(settings_of: dict[str, Any], owner_sql: Sql) -> None:
    async with changed(owner_sql, "grant anon to safycore_app", "revoke anon from safycore_app"):
        told = (await doctor(settings_of)).only_fails("database.role")
    assert "may become anon, safycore_user" in told.what("database.role")


async def test_row_level_security_that_is_off(settings_of: dict[str, Any], owner_sql: Sql) -> None:
    off, on = (f"alter table public.messages {verb} row level security" for verb in ("disable", "enable"))
    async with changed(owner_sql, off, on):
        told = (await doctor(settings_of)).only_fails("database.isolation")
    assert "public.messages: row level security is off" in told.what("database.isolation")


async def test_a_wrong_password(settings_of: dict[str, Any]) -> None:
    wrong = settings_of["SUPABASE_DB_URL"].replace("safycore_app:", "safycore_app:wrong")
    told = (await doctor(settings_of, SUPABASE_DB_URL=wrong)).only_fails("database.reachable")
    assert "password authentication failed" in told.what("database.reachable")
    assert "alter role safycore_app password" in told.advice("database.reachable")
    assert "database.role" in told.names("skipped")


async def test_a_database_that_is_not_there(settings_of: dict[str, Any]) -> None:
    dead = f"postgresql://safycore_app:x@127.0.0.1:{free_port()}/safycore"
    told = (await doctor(settings_of, SUPABASE_DB_URL=dead)).only_fails("database.reachable")
    assert "host and port" in told.advice("database.reachable")


async def test_without_a_database_address_the_data_api_is_asked(settings_of: dict[str, Any], owner_sql: Sql) -> None:
    told = (await doctor(settings_of, SUPABASE_DB_URL="", SUPABASE_DB_ADMIN_URL="")).only_fails()
    assert {"database.address"} == told.names("warn")
    assert "supabase.functions" in told.names("ok")


async def test_a_closed_data_api(settings_of: dict[str, Any], owner_sql: Sql) -> None:
    async with changed(owner_sql, "call safycore.set_data_api(false)", "call safycore.set_data_api(true)"):
        told = (await doctor(settings_of)).only_fails()
    assert told.what("database.data_api").startswith("closed")


# Django's tables in Postgres


async def django_checks(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Verdict and finding of each, from a run of the command: Django's connection is of the process."""
    _, out = await command(environment, "--json")
    assert not [secret for secret in secrets_of(environment) if len(secret) > 7 and secret in out]
    checks = json.loads(out)["checks"]
    return {each["check"]: (each["verdict"], each["what"]) for each in checks if each["check"].startswith("django.")}


async def test_nothing_fails_on_djangos_tables_in_postgres(in_postgres_environment: Mapping[str, str]) -> None:
    told = await django_checks(in_postgres_environment)
    assert [(check, verdict) for check, (verdict, _) in told.items()] == [
        ("django.reachable", "ok"),
        ("django.role", "ok"),
        ("django.migrated", "ok"),
    ]
    assert told["django.reachable"][1].startswith("safycore_app at ")


async def test_djangos_tables_as_their_owner(in_postgres_environment: Mapping[str, str]) -> None:
    owner = in_postgres_environment["DATABASE_ADMIN_URL"]
    told = await django_checks({**in_postgres_environment, "DATABASE_URL": owner})
    assert told["django.role"][0] == "fail"
    assert "which can pass row level security" in told["django.role"][1]


async def test_djangos_tables_out_of_reach(in_postgres_environment: Mapping[str, str]) -> None:
    dead = f"postgresql://safycore_app:x@127.0.0.1:{free_port()}/safycore"
    told = await django_checks({**in_postgres_environment, "DATABASE_URL": dead})
    assert [verdict for verdict, _ in told.values()] == ["fail", "skipped", "skipped"]


async def test_what_is_recorded_of_djangos_migrations_is_read_by_their_owner(
    in_postgres_environment: Mapping[str, str],
) -> None:
    server = in_postgres_environment["DATABASE_URL"]
    verdict, what = (await django_checks({**in_postgres_environment, "DATABASE_ADMIN_URL": server}))["django.migrated"]
    assert verdict == "ok"
    assert "DATABASE_ADMIN_URL" in what


async def test_djangos_tables_without_policies_and_without_a_migration(
    in_postgres_environment: Mapping[str, str], owner_sql: Sql
) -> None:
    off, on = (f"alter table safycore_django.user_profiles {verb} row level security" for verb in ("disable", "enable"))
    record = "update safycore_django.django_migrations set name = '{}' where app = 'users' and name = '{}'"
    forget, know = record.format("aside", "0002_policies"), record.format("0002_policies", "aside")
    async with changed(owner_sql, off, on), changed(owner_sql, forget, know):
        told = await django_checks(in_postgres_environment)
    assert told["django.role"] == ("fail", "Row level security is off on Django's tables: python manage.py prepare")
    assert told["django.migrated"] == ("fail", "not migrated: users.0002_policies")


# The model, the cache, the site


async def test_models_that_are_not_on_offer(settings_of: dict[str, Any]) -> None:
    told = await doctor(settings_of, GROQ_MODEL="made/up", GROQ_MODELS=["made/up", "openai/gpt-oss-20b"])
    told.only_fails("model.offer")
    assert told.what("model.offer").endswith("made/up")
    assert "openai/gpt-oss-20b" in told.advice("model.offer")


async def test_a_redis_that_answers_and_one_that_does_not(settings_of: dict[str, Any], tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    await redis.start()
    try:
        told = (await doctor(settings_of, CACHE_URL=redis.url)).only_fails()
        assert told.what("cache.shared").startswith("Redis answers in ")
    finally:
        await redis.stop()
    told = (await doctor(settings_of, CACHE_URL=redis.url)).only_fails("cache.shared")
    assert "CACHE_URL" in told.advice("cache.shared")


SITES: dict[str, tuple[dict[str, Any], str]] = {
    "an address in the open": ({"SITE_URL": "http://chat.example.com"}, "site.url"),
    "an address with a path": ({"SITE_URL": "http://127.0.0.1:8000/chat"}, "site.url"),
    "hosts without the site's": ({"ALLOWED_HOSTS": ["other.example.com"]}, "site.hosts"),
    "any host": ({"ALLOWED_HOSTS": ["*"]}, "site.hosts"),
}


@pytest.mark.parametrize("what", SITES)
async def test_of_the_site(what: str, settings_of: dict[str, Any]) -> None:
    changes, check = SITES[what]
    told = await doctor(settings_of, **{"ALLOWED_HOSTS": ["chat.example.com", "127.0.0.1"], **changes})
    told.only_fails(check)


async def test_a_file_of_secrets_that_others_can_read(settings_of: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DJANGO_SECRET_KEY=\n")
    (tmp_path / ".env").chmod(0o644)
    with override_settings(**settings_of, BASE_DIR=tmp_path):
        site = next(group for group in all_checks() if group[0].name == "settings")
        told = Told(await examined([site])).only_fails("site.env_file")
        assert told.advice("site.env_file") == f"chmod 600 {tmp_path}/.env"
        (tmp_path / ".env").chmod(0o600)
        Told(await examined([site])).only_fails()


async def test_what_a_service_quotes_is_hidden(settings_of: dict[str, Any]) -> None:
    with override_settings(**settings_of):
        said = fail(f"wrong key {settings_of['SUPABASE_SECRET_KEY']}", f"see {settings_of['SUPABASE_JWT_SECRET']}")
        report = report_of(datetime.now(UTC), [Finding("x", "X", said)])
    assert "wrong key [hidden]" in as_text(report)
    assert settings_of["SUPABASE_JWT_SECRET"] not in as_text(report)
