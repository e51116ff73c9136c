"""A server that is set up wrongly does not start, and says in one sentence what to set."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

from safycore_backend.postgres import refuse_dangerous_role
from tests.api.accounts import Owner
from tests.processes import CHECKOUT, Server

REQUIRED = {
    "DJANGO_SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_KEY": "sb_publishable_for_tests",
    "GROQ_API_KEY": "for-tests",
}
PASSWORD = "only-for-this-test"


async def start(environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit code and the last words of `import safycore_backend.asgi` with exactly this environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import safycore_backend.asgi"),
        cwd=CHECKOUT,
        # Set to nothing: a developer's own .env must not fill in what the test leaves out.
        env={**dict.fromkeys(REQUIRED, ""), "PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, words.decode()


def sentences(words: str) -> list[str]:
    first, *rest = words.strip().splitlines()
    assert first == "SafyCore cannot start:", words
    assert all(line.endswith((".", "'")) for line in rest), rest
    return rest


async def test_with_what_is_required_it_starts() -> None:
    code, words = await start(REQUIRED)
    assert code == 0, words


async def test_with_nothing_at_all_each_missing_setting_is_named_once() -> None:
    code, words = await start({})
    assert code != 0
    for name in REQUIRED:
        assert sum(name in line for line in sentences(words)) == 1
    assert len(sentences(words)) == len(REQUIRED)


MALFORMED = [
    *((name, "") for name in REQUIRED),
    ("DJANGO_SECRET_KEY", "too short"),
    ("SUPABASE_URL", "abcdefgh.supabase.co"),
    ("SUPABASE_URL", "postgres://abcdefgh"),
    ("SUPABASE_JWT_SECRET", "cut off"),
    ("SUPABASE_DB_URL", "https://db.example.com"),
    ("SUPABASE_DB_URL", "db.example.com:5432"),
    ("SUPABASE_DB_POOL_SIZE", "0"),
    ("SUPABASE_TIMEOUT", "soon"),
    ("SUPABASE_DB_TIMEOUT", "-1"),
    ("DATABASE_URL", "mysql://root@localhost/safycore"),
    ("CACHE_URL", "memcached://localhost"),
    ("WEB_CONCURRENCY", "0"),
    ("INSTANCES", "three"),
    ("LINGER_SECONDS", "-1"),
    ("SITE_URL", "chat.example.com"),
    ("CORS_ALLOWED_ORIGINS", "*"),
    ("CORS_ALLOWED_ORIGINS", "https://chat.example.com/"),
    ("CORS_ALLOWED_ORIGINS", "https://*.example.com"),
    ("DEBUG", "perhaps"),
    ("BEHIND_PROXY", "2"),
    ("TRUSTED_PROXIES", "-1"),
    ("TRUSTED_PROXIES", "one"),
    ("MAX_BODY_BYTES", "1.5"),
    ("GROQ_BASE_URL", "api.groq.com"),
    ("GROQ_BASE_URL", "https://user:password@model.example.com/v1"),
    ("GROQ_CONNECT_TIMEOUT", "0"),
    ("GROQ_IDLE_TIMEOUT", "nan"),
    ("GROQ_REPLY_TIMEOUT", "inf"),
    ("LIMIT_LOGIN_PER_ADDRESS", "10"),
    ("LIMIT_LOGIN_PER_ACCOUNT", "10/0"),
    ("LIMIT_SIGNUP_PER_ADDRESS", "ten/60"),
    ("LIMIT_MESSAGES_PER_PERSON", "-1/60"),
]


def rounds() -> list[dict[str, str]]:
    """The malformed settings, each name once a round: a process for each would cost most of a second."""
    made: list[dict[str, str]] = []
    for name, value in MALFORMED:
        free = next((each for each in made if name not in each), None)
        if free is None:
            made.append({name: value})
        else:
            free[name] = value
    return made


@pytest.mark.parametrize("malformed", rounds(), ids=len)
async def test_each_malformed_setting_is_refused_by_name_in_a_sentence_of_its_own(malformed: dict[str, str]) -> None:
    code, words = await start({**REQUIRED, **malformed})
    assert code != 0
    told = sentences(words)
    for name in malformed:
        assert len([line for line in told if re.search(rf"\b{name}\b", line)]) == 1, (name, told)
    assert len(told) == len(malformed), told


async def test_several_problems_are_told_at_once() -> None:
    _, words = await start({**REQUIRED, "SUPABASE_KEY": "", "DEBUG": "perhaps", "CACHE_URL": "rubbish"})
    assert [line.split()[1 if line.startswith("Set") else 0] for line in sentences(words)] == [
        "DEBUG",
        "CACHE_URL",
        "SUPABASE_KEY",
    ]


REDIS = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize("several", [{"WEB_CONCURRENCY": "2"}, {"INSTANCES": "3"}], ids=str)
async def test_several_processes_without_a_cache_in_common_are_refused(several: dict[str, str]) -> None:
    code, words = await start({**REQUIRED, **several})
    assert code != 0
    (told,) = sentences(words)
    assert told.startswith(f"{next(iter(several.values()))} server processes")
    assert "set CACHE_URL" in told
    assert (await start({**REQUIRED, **several, "CACHE_URL": REDIS}))[0] == 0


async def gunicorn(environment: Mapping[str, str], *options: str) -> tuple[int, str]:
    """The exit code and the last words of gunicorn, which must end by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket", *options),
        cwd=CHECKOUT,
        env={**dict.fromkeys(REQUIRED, ""), "PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, words.decode()


PLAIN_GUNICORN = ("-k", "safycore_backend.gunicorn_worker.DrainingWorker", "safycore_backend.asgi")
AS_DEPLOYED = ("--config", "deploy/gunicorn.conf.py")


@pytest.mark.parametrize("options", [PLAIN_GUNICORN, AS_DEPLOYED], ids=["plain", "as deployed"])
async def test_gunicorn_refuses_several_workers_without_a_cache_however_their_number_is_given(
    options: tuple[str, ...],
) -> None:
    code, words = await gunicorn(REQUIRED, "--workers", "2", *options)
    assert code != 0
    assert "2 server processes need a Redis in common" in words
    assert "Traceback" not in words


@pytest.mark.parametrize("options", [PLAIN_GUNICORN, AS_DEPLOYED], ids=["plain", "as deployed"])
async def test_under_gunicorn_a_missing_setting_is_told_in_the_same_sentence(options: tuple[str, ...]) -> None:
    code, words = await gunicorn({**REQUIRED, "SUPABASE_KEY": ""}, *options)
    assert code != 0
    assert "Set SUPABASE_KEY to" in words
    assert "Traceback" not in words


async def test_a_secret_is_never_repeated() -> None:
    for name in ("DJANGO_SECRET_KEY", "SUPABASE_JWT_SECRET"):
        _, words = await start({**REQUIRED, name: "hush-hush"})
        assert "hush-hush" not in words


# Who the server logs in as

ROLES = {
    "a_superuser": "create role {} login superuser password {}",
    "a_role_past_row_level_security": "create role {} login noinherit bypassrls password {} in role safycore_user",
    "a_replicator": "create role {} login noinherit replication password {} in role safycore_user",
    "an_owner_of_functions": "create role {} login noinherit password {} in role safycore_user",
    "an_owner_of_a_schema": "create role {} login noinherit password {} in role safycore_user",
    "a_maker_of_roles": "create role {} login noinherit createrole password {} in role safycore_user",
    "an_owner_of_tables": "create role {} login noinherit password {} in role safycore_user",
    "a_member_of_more": "create role {} login noinherit password {} in role safycore_user, authenticated",
    "a_member_of_service_role": "create role {} login noinherit password {} in role safycore_user, service_role",
    "a_stranger": "create role {} login noinherit password {}",
}


@pytest.fixture(scope="module")
async def roles(owner_sql: Owner) -> AsyncIterator[None]:
    """One role for each thing that a login role must not be."""
    for name, command in ROLES.items():
        await owner_sql.execute(sql.SQL(command).format(sql.Identifier(name), sql.Literal(PASSWORD)))
        await owner_sql.execute(sql.SQL("grant connect on database safycore to {}").format(sql.Identifier(name)))
    await owner_sql.execute("create table public.owned_by_another ()")
    await owner_sql.execute("alter table public.owned_by_another owner to an_owner_of_tables")
    await owner_sql.execute("create function safycore.owned_by_another() returns int language sql return 1")
    await owner_sql.execute("alter function safycore.owned_by_another() owner to an_owner_of_functions")
    await owner_sql.execute("create schema owned_by_another authorization an_owner_of_a_schema")
    yield
    await owner_sql.execute("drop table public.owned_by_another")
    for name in ROLES:
        await owner_sql.execute(sql.SQL("drop owned by {0}").format(sql.Identifier(name)))
        await owner_sql.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def as_role(environment: Mapping[str, str], name: str) -> str:
    address = urlsplit(environment["SUPABASE_DB_URL"])
    return address._replace(netloc=f"{name}:{PASSWORD}@{address.hostname}:{address.port}").geturl()


async def last_words(environment: Mapping[str, str], log: Path) -> str:
    """What the server says when it ends by itself, which it must do with an error."""
    server = Server(environment, log)
    with pytest.raises(AssertionError) as refused:
        await server.start()
    assert await server.exit_code() != 0
    return str(refused.value)


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("name", ROLES)
async def test_a_login_role_that_could_do_more_is_refused(name: str, environment: Mapping[str, str]) -> None:
    async with await psycopg.AsyncConnection.connect(as_role(environment, name)) as connection:
        with pytest.raises(ImproperlyConfigured, match=f"SUPABASE_DB_URL logs in as '{name}'.*safycore_app"):
            await refuse_dangerous_role(connection)


async def test_our_own_login_role_is_taken(environment: Mapping[str, str]) -> None:
    async with await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_URL"]) as connection:
        await refuse_dangerous_role(connection)


@pytest.mark.usefixtures("roles")
async def test_the_server_ends_with_that_sentence(environment: Mapping[str, str], tmp_path: Path) -> None:
    url = as_role(environment, "a_member_of_more")
    words = await last_words({**environment, "SUPABASE_DB_URL": url}, tmp_path / "server.log")
    assert "SUPABASE_DB_URL logs in as 'a_member_of_more'" in words
    assert PASSWORD not in words
    assert "Traceback" not in words


async def test_the_owner_of_the_database_is_refused(environment: Mapping[str, str], tmp_path: Path) -> None:
    as_owner = {**environment, "SUPABASE_DB_URL": environment["SUPABASE_DB_ADMIN_URL"]}
    words = await last_words(as_owner, tmp_path / "server.log")
    assert "which can pass row level security" in words
