"""`move_django_tables` and `rebuild_sessions`: Django's rows from an SQLite file, and from the messages."""

import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.accounts import DjangoRows
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server, manage

PROFILE = "insert into user_profiles (user_id, email, default_session_id, created_at, updated_at) values (?,?,?,?,?)"
SESSION = "insert into conversation_sessions (user_id, session_id, title, created_at, updated_at) values (?,?,?,?,?)"
MANY = 1_200
BEGAN, LATEST = "2025-03-30 01:59:59.000001", "2025-12-31 23:00:00"


@pytest.fixture
async def file(environment: Mapping[str, str], tmp_path: Path) -> Path:
    """An SQLite file with Django's empty tables."""
    made = tmp_path / "db.sqlite3"
    await manage({**environment, "DATABASE_URL": f"sqlite:///{made}"}, "migrate", "--verbosity", "0")
    return made


def fill(file: Path, statement: str, *rows: tuple[Any, ...]) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(statement, rows)


def somebody(file: Path, sessions: int) -> str:
    """A person with so many sessions, who has an account nowhere; their id as the ORM keeps it."""
    person = uuid.uuid4().hex
    fill(file, PROFILE, (person, f"{person}@example.com", "chat", BEGAN, LATEST))
    fill(file, SESSION, *((person, f"chat {n}", f"Tïtle \\ \t {n}", BEGAN, LATEST) for n in range(sessions)))
    return person


async def move(environment: Mapping[str, str], file: Path, *options: str, fails: bool = False) -> str:
    return await manage(environment, "move_django_tables", "--from", f"sqlite:///{file}", *options, fails=fails)


async def test_what_a_server_kept_in_sqlite_is_found_in_postgres_by_whose_it_is(
    new_server: NewServer, in_postgres_server: Server, file: Path, newcomer: NewActor
) -> None:
    before = await new_server(DATABASE_URL=f"sqlite:///{file}")
    carol = (await newcomer("carol")).on(before.url)
    for session_id in ("one", "two", "three", "one"):
        await carol.say(f"Hello {session_id}", session_id)
    await carol.call("PATCH", "/api/auth/profile/", {"default_session_id": "two"})
    profile, listed = [(await carol.call("GET", path)).json() for path in ("/api/auth/profile/", "/api/chat/sessions/")]
    await before.stop()
    said = await move(in_postgres_server.environment, file)
    assert "user_profiles: 1 of 1 rows moved." in said
    assert "conversation_sessions: 3 of 3 rows moved." in said
    carol = carol.on(in_postgres_server.url)
    assert (await carol.call("GET", "/api/auth/profile/")).json() == profile
    assert (await carol.call("GET", "/api/chat/sessions/")).json() == listed
    await carol.say("And on", "four")
    assert len((await carol.call("GET", "/api/chat/sessions/")).json()["sessions"]) == 4


async def test_a_dry_run_moves_nothing_and_a_second_run_has_nothing_left_to_move(
    in_postgres_environment: Mapping[str, str], file: Path
) -> None:
    person, rows = somebody(file, MANY), DjangoRows(in_postgres_environment)
    tried = await move(in_postgres_environment, file, "--dry-run")
    assert f"conversation_sessions: {MANY} of {MANY} rows moved." in tried
    assert "Nothing was changed" in tried
    assert rows.of(person) == {"user_profiles": 0, "conversation_sessions": 0}
    await move(in_postgres_environment, file)
    assert rows.of(person) == {"user_profiles": 1, "conversation_sessions": MANY}
    again = await move(in_postgres_environment, file)
    assert f"conversation_sessions: 0 of {MANY} rows moved, {MANY} were there already." in again
    later = somebody(file, 1)
    assert f"conversation_sessions: 1 of {MANY + 1} rows moved" in await move(in_postgres_environment, file)
    assert rows.of(later) == {"user_profiles": 1, "conversation_sessions": 1}
    titles = rows.all("select title, session_id from conversation_sessions where user_id = ? order by id", person)
    assert titles == [(f"Tïtle \\ \t {n}", f"chat {n}") for n in range(MANY)]


@pytest.mark.parametrize(
    ("change", "culprit"),
    [
        ("update conversation_sessions set title = 'other' where user_id = ? and session_id = 'chat 1'", "a session"),
        ("update user_profiles set default_session_id = 'other' where user_id = ?", "the profile"),
    ],
    ids=["session", "profile"],
)
async def test_other_content_is_refused_and_nothing_is_moved(
    in_postgres_environment: Mapping[str, str], file: Path, change: str, culprit: str
) -> None:
    person, rows = somebody(file, 2), DjangoRows(in_postgres_environment)
    await move(in_postgres_environment, file)
    rows.change(change, person)
    later = somebody(file, 1)
    said = await move(in_postgres_environment, file, fails=True)
    assert f"{culprit} of {uuid.UUID(person)}" in said
    assert "Nothing was moved" in said
    assert "Traceback" not in said
    assert "Tïtle" not in said
    assert rows.of(later) == {"user_profiles": 0, "conversation_sessions": 0}


async def test_an_address_that_somebody_else_has_is_refused(
    in_postgres_environment: Mapping[str, str], file: Path
) -> None:
    person, rows = somebody(file, 0), DjangoRows(in_postgres_environment)
    other = uuid.uuid4()
    rows.change(PROFILE, str(other), f"{person}@example.com", None, f"{BEGAN}Z", f"{LATEST}Z")
    said = await move(in_postgres_environment, file, fails=True)
    assert f"the address of profile {uuid.UUID(person)}" in said
    assert rows.of(person)["user_profiles"] == 0


async def test_what_is_no_file_of_ours_is_told(
    in_postgres_environment: Mapping[str, str], environment: Mapping[str, str], file: Path, tmp_path: Path
) -> None:
    absent = await move(in_postgres_environment, tmp_path / "nothing.sqlite3", fails=True)
    assert "cannot be read as an SQLite file of this version" in absent
    assert not (tmp_path / "nothing.sqlite3").exists()
    (tmp_path / "empty.sqlite3").touch()
    assert "no such table" in await move(in_postgres_environment, tmp_path / "empty.sqlite3", fails=True)
    assert "Set DATABASE_URL to the Postgres" in await move(environment, file, fails=True)


# The list, from the messages


@pytest.mark.parametrize("titles", ["kept", "replaced"])
async def test_a_list_that_was_lost_is_there_again_from_the_messages(
    either_database: Server, newcomer: NewActor, titles: str
) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    for session_id in ("one", "two", " "):
        await carol.say(f"  Hello   {session_id}", session_id)
    await carol.say(" ", "blank")
    await carol.say("Later", "one")
    await carol.call("PATCH", "/api/chat/sessions/two/", {"title": "Mine"})
    before = await listed(carol)
    rows = DjangoRows(either_database.environment)
    rows.change("delete from conversation_sessions where title = ?", "Hello one")
    rows.change(
        "update conversation_sessions set created_at = ?, updated_at = ? where title = 'Mine'",
        *(["2020-01-01 00:00:00Z"] * 2),
    )
    options = ["--replace-titles"] if titles == "replaced" else []
    await manage(either_database.environment, "rebuild_sessions", "--dry-run")
    assert "one" not in await listed(carol)
    said = await manage(either_database.environment, "rebuild_sessions", *options)
    assert "added to the list" in said
    after = await listed(carol)
    assert list(after) == list(before)
    assert {name: each["title"] for name, each in after.items()} == {
        **{name: each["title"] for name, each in before.items()},
        "two": "Hello two" if titles == "replaced" else "Mine",
    }
    for name in after:
        messages = await carol.history(name)
        assert after[name]["created_at"] == messages[0]["created_at"]
        assert after[name]["updated_at"] == max(each["created_at"] for each in messages)
    assert ": 0 added to the list" in await manage(either_database.environment, "rebuild_sessions")


async def listed(person: Actor) -> dict[str, Any]:
    """The sessions by name, the newest first."""
    found = (await person.call("GET", "/api/chat/sessions/")).json()["sessions"]
    return {each["session_id"]: each for each in found}


async def test_a_profile_that_was_lost_comes_back_with_its_address(either_database: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    await carol.say("Hello", "chat")
    rows = DjangoRows(either_database.environment)
    key = carol.id if "postgres" in either_database.environment["DATABASE_URL"] else carol.id.replace("-", "")
    for table in ("conversation_sessions", "user_profiles"):
        rows.change(f"delete from {table} where user_id = ?", key)
    await manage(either_database.environment, "rebuild_sessions")
    assert rows.of(carol) == {"user_profiles": 1, "conversation_sessions": 1}
    assert len(rows.all("select 1 from user_profiles where email = ?", carol.email)) == 1
    assert list(await listed(carol)) == ["chat"]


async def test_a_role_that_sees_no_messages_rebuilds_nothing(environment: Mapping[str, str]) -> None:
    bound = {**environment, "SUPABASE_DB_ADMIN_URL": environment["SUPABASE_DB_URL"]}
    said = await manage(bound, "rebuild_sessions", fails=True)
    assert "SUPABASE_DB_ADMIN_URL" in said
    assert "Traceback" not in said
