"""A backup, brought back into an empty server: people sign in there and see what they said."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from local_stack.credentials import load_or_create
from local_stack.home import take_home
from local_stack.postgres import Postgres, programs
from local_stack.stack import Stack
from safycore_backend.backup import count_rows
from tests.cast import PASSWORD, Actor, sign_up
from tests.conftest import OPEN_DOORS
from tests.processes import CHECKOUT, Server

SECONDS = 120


async def manage(environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """The exit status and all that it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", *arguments,
        cwd=CHECKOUT, env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode()


@contextmanager
def stack_in(home: Path) -> Iterator[dict[str, str]]:
    running = Stack(home, site_url="http://127.0.0.1:8000")
    try:
        yield {**running.start(), **OPEN_DOORS}
    finally:
        running.stop()


@contextmanager
def empty_server(home: Path, password: str) -> Iterator[Postgres]:
    """A PostgreSQL that has been made this moment, and nothing in it."""
    with take_home(home):
        postgres = Postgres(home, password=password)
        child = postgres.start()
        try:
            postgres.wait_ready(child)
            yield postgres
        finally:
            child.stop(seconds=20)


@asynccontextmanager
async def server_with(environment: Mapping[str, str], log: Path) -> AsyncIterator[Server]:
    server = Server(environment, log)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def rows_in(environment: Mapping[str, str]) -> dict[str, int]:
    with psycopg.connect(environment["SUPABASE_DB_ADMIN_URL"]) as connection:
        return count_rows(connection)


async def signed_in(server: Server, email: str) -> Actor:
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        answer = await client.post("/api/auth/login/", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Actor(server.url, email, answer.json())


async def life(server: Server) -> tuple[str, str, list[dict[str, object]]]:
    """Somebody's address, token and history."""
    person = await sign_up(server.url, "keeper")
    await person.say("Keep this: žluťoučký 🐎", "chat", training_data="The sky is green.")
    await person.call("PATCH", "/api/chat/sessions/chat/", {"title": "To be kept"})
    history = await person.history("chat")
    await person.close()
    return person.email, str(person.token), history


async def test_what_was_backed_up_is_back_in_an_empty_server(tmp_path: Path) -> None:
    old, new, folder = tmp_path / "old", tmp_path / "new", tmp_path / "backup"
    with stack_in(old) as environment:
        async with server_with(environment, tmp_path / "old.log") as server:
            email, token, history = await life(server)
            # While people go on.
            code, said = await manage(environment, "backup", str(folder), "--programs", str(programs()))
        assert code == 0, said
        before = rows_in(environment)
    assert before["public.messages"] == 2

    new.mkdir(mode=0o700)
    shutil.copy(old / "secrets.json", new / "secrets.json")
    with empty_server(new, load_or_create(new).postgres_password) as postgres:
        addresses = {
            "SUPABASE_DB_ADMIN_URL": postgres.admin_url(database="safycore"),
            "DATABASE_URL": f"sqlite:///{new / 'db.sqlite3'}",
        }
        code, said = await manage({**environment, **addresses}, "restore", str(folder), "--programs", str(programs()))
        assert code == 0, said
        assert rows_in(addresses) == before
        again, said = await manage({**environment, **addresses}, "restore", str(folder), "--programs", str(programs()))
        assert again == 1
        assert "restore into an empty server" in said

    with stack_in(new) as environment:
        async with server_with(environment, tmp_path / "new.log") as server:
            keeper = await signed_in(server, email)
            assert await keeper.history("chat") == history
            sessions = (await keeper.call("GET", "/api/chat/sessions/")).json()["sessions"]
            assert [session["title"] for session in sessions] == ["To be kept"]
            # With the same secrets, nobody has to sign in again.
            former = Actor(server.url, email, {"access_token": token, "refresh_token": ""})
            assert await former.history("chat") == history
            assert (await keeper.say("And on", "chat"))["status"] == "complete"
            for actor in (keeper, former):
                await actor.close()
            code, said = await manage({**environment, "SITE_URL": server.url}, "doctor")
            assert code == 0, said
        code, said = await manage(environment, "verify_isolation", "--database-only")
        assert code == 0, said


@pytest.fixture
async def backup(environment: Mapping[str, str], tmp_path: Path) -> Path:
    code, said = await manage(environment, "backup", str(tmp_path / "backup"), "--programs", str(programs()))
    assert code == 0, said
    return tmp_path / "backup"


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}


async def test_a_backup_is_for_its_owner_only_and_says_what_is_in_it(
    backup: Path, environment: Mapping[str, str]
) -> None:
    files = ("roles.sql", "database.dump", "django.sqlite3", "manifest.json")
    assert modes(backup) == {"backup": 0o700, **dict.fromkeys(files, 0o600)}
    manifest = json.loads((backup / "manifest.json").read_text())
    assert {"public.messages", "auth.users", "supabase_migrations.schema_migrations"} <= manifest["rows"].keys()
    roles = (backup / "roles.sql").read_text()
    assert "PASSWORD" not in roles
    assert "CREATE ROLE safycore_app" in roles
    code, said = await manage(environment, "backup", str(backup), "--programs", str(programs()))
    assert (code, "name a new folder" in said) == (1, True)


async def test_a_backup_that_was_changed_is_refused(backup: Path, environment: Mapping[str, str]) -> None:
    with (backup / "database.dump").open("ab") as file:
        file.write(b"x")
    code, said = await manage(environment, "restore", str(backup), "--programs", str(programs()))
    assert code == 1
    assert "is not as it was written" in said


async def test_whoever_is_no_superuser_is_told_the_other_way(environment: Mapping[str, str], tmp_path: Path) -> None:
    less = {**environment, "SUPABASE_DB_ADMIN_URL": environment["SUPABASE_DB_URL"]}
    code, said = await manage(less, "backup", str(tmp_path / "backup"), "--programs", str(programs()))
    assert code == 1
    assert "supabase db dump" in said
    assert not (tmp_path / "backup").exists()


async def test_a_second_database_is_not_forgotten_in_silence(environment: Mapping[str, str], tmp_path: Path) -> None:
    two = {**environment, "DATABASE_URL": environment["SUPABASE_DB_ADMIN_URL"].replace("/safycore?", "/another?")}
    code, said = await manage(two, "backup", str(tmp_path / "backup"), "--programs", str(programs()))
    assert code == 1
    assert "name two databases" in said
