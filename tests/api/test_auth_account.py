"""DELETE /api/auth/account/: everything a person has, gone."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from tests.api.accounts import (
    DjangoRows,
    Owner,
    assert_bad_fields,
    assert_not_authenticated,
    get_profile,
    log_in,
    post,
    rows_of,
)
from tests.api.conftest import SignIn
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server, free_port

ACCOUNT = "/api/auth/account/"


class Cache:
    """A shared cache, past Django: every key and what it holds."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def named(self, needles: set[str]) -> set[str]:
        """The keys that have one of these in their name or their value."""
        held = {key: key + _text(await self._redis.get(key)) for key in await self._keys()}
        return {key for key, text in held.items() if any(needle in text for needle in needles)}

    async def longest_life(self) -> int:
        """In seconds, of any key; fails where one has no end."""
        lives = [await self._redis.ttl(key) for key in await self._keys()]
        assert -1 not in lives
        return max(lives)

    async def _keys(self) -> list[str]:
        return [_text(key) for key in await self._redis.keys("*")]


def _text(held: bytes | str | None) -> str:
    """Of a pickle as well: the texts in it stand there as they are."""
    return held.decode(errors="replace") if isinstance(held, bytes) else held or ""


@pytest.fixture
async def cached_server(
    new_server: NewServer, tmp_path: Path, either_environment: dict[str, str]
) -> AsyncIterator[tuple[Server, Cache]]:
    """A server whose cache is a Redis, which others could share."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs Debian's redis-server")
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(program, *options, stdout=asyncio.subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    redis = Redis.from_url(url, retry=Retry(ConstantBackoff(0.05), 100))
    await redis.ping()
    yield await new_server(**{**either_environment, "CACHE_URL": url}), Cache(redis)
    await redis.aclose()
    process.terminate()
    await process.wait()


async def delete(person: Actor, password: Any = PASSWORD) -> Any:
    return await person.call("DELETE", ACCOUNT, {"password": password})


async def furnish(person: Actor) -> None:
    """Two conversations, two texts."""
    for session_id in ("chat", "work"):
        await person.say("Hello", session_id, training_data=f"What {session_id} is about.")
    await person.say("Again", "chat")


async def everything(owner: Owner, django: DjangoRows, person: Actor) -> dict[str, int]:
    return await rows_of(owner, person) | django.of(person)


async def test_the_receipt_counts_what_was_there_and_nothing_is_left(
    any_server: Server, newcomer: NewActor, owner_sql: Owner
) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    django_rows = DjangoRows(any_server.environment)
    await furnish(carol)
    there = await everything(owner_sql, django_rows, carol)
    assert there == {
        "messages": 6,
        "training_data": 2,
        "users": 1,
        "user_profiles": 1,
        "conversation_sessions": 2,
    }
    response = await delete(carol)
    assert response.status_code == 200, response.text
    assert response.json()["deleted"] == there
    assert await everything(owner_sql, django_rows, carol) == dict.fromkeys(there, 0)


async def test_no_table_of_any_schema_and_no_key_of_the_cache_names_whoever_is_gone(
    cached_server: tuple[Server, Cache], newcomer: NewActor, owner_sql: Owner
) -> None:
    """Everything is looked through, whatever it is called: what a later migration adds is looked through, too."""
    server, cache = cached_server
    django_rows = DjangoRows(server.environment)
    carol = (await newcomer("carol")).on(server.url)
    canary = f"canary-{uuid.uuid4().hex}"
    await leave_traces(carol, canary)
    needles = {carol.id, carol.email, canary}
    there = await named_in_database(owner_sql, needles)
    assert there >= {"auth.users", "auth.sessions", "auth.audit_log_entries", "public.messages", "public.training_data"}
    assert named_in_django(django_rows, needles) == {"user_profiles", "conversation_sessions"}
    assert await cache.named(needles) > set()
    before = await everything(owner_sql, django_rows, carol)
    receipt = (await delete(carol)).json()["deleted"]
    assert receipt == before
    assert await named_in_database(owner_sql, needles) == set()
    assert named_in_django(django_rows, needles) == set()
    # Until no token can be good any more: that they are refused, on every instance, and nothing is made anew.
    assert await cache.named(needles) == {f"safycore:1:gone:{carol.id}", f"safycore:1:epoch:{carol.id}"}
    assert await cache.longest_life() <= 3_600


async def leave_traces(person: Actor, canary: str) -> None:
    """Rows wherever a person can have some: words, names of sessions, titles, keys, a mail on its way."""
    session_id = f"chat {canary}"
    await person.say(f"A question, {canary}.", session_id, training_data=canary, client_message_id=canary)
    await person.call("POST", f"/api/chat/conversation/{session_id}/regenerate/", {})
    await person.call("PATCH", f"/api/chat/sessions/{session_id}/", {"title": canary})
    await person.call("PATCH", "/api/auth/profile/", {"default_session_id": session_id})
    await person.call("POST", "/api/chat/training-data/", {"session_id": f"{canary} 2", "content": canary})
    await post(person.base_url, "password-reset", {"email": person.email})
    await log_in(person.base_url, person.email)
    await person.call("GET", "/api/auth/profile/")


async def named_in_database(owner: Owner, needles: set[str]) -> set[str]:
    """The tables, of every schema, with a row that has one of these anywhere, whatever the type of its column."""
    query = (
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
    )
    tables = await (await owner.execute(query)).fetchall()
    assert len(tables) >= 8
    return {f"{schema}.{table}" for schema, table in tables if await _names(owner, schema, table, needles)}


async def _names(owner: Owner, schema: str, table: str, needles: set[str]) -> bool:
    query = sql.SQL("select exists (select from {} t where t::text ilike any (%s))").format(
        sql.Identifier(schema, table)
    )
    row = await (await owner.execute(query, ([f"%{needle}%" for needle in needles],))).fetchone()
    return bool(row and row[0])


def named_in_django(django: DjangoRows, needles: set[str]) -> set[str]:
    """The tables of Django's database with a row that has one of these; the ORM keeps a UUID without its dashes."""
    wanted = needles | {needle.replace("-", "") for needle in needles}
    found = {table: str(django.all(f'select * from "{table}"')) for table in django.tables()}
    return {table for table, rows in found.items() if any(needle in rows for needle in wanted)}


async def test_the_tokens_are_refused_on_every_server(
    newcomer: NewActor, sign_in: SignIn, postgres_server: Server, data_api_server: Server, chat_id: str
) -> None:
    carol = await newcomer("carol")
    other = await sign_in(carol.email)
    for session in (carol, other):
        assert (await get_profile(data_api_server.url, session.token)).status_code == 200
    assert (await delete(carol)).status_code == 200
    for session in (carol, other):
        for server in (postgres_server, data_api_server):
            there = session.on(server.url)
            assert_not_authenticated(await there.call("GET", "/api/auth/profile/"))
            assert_not_authenticated(await there.call("POST", "/api/chat/", {"message": "x", "session_id": chat_id}))
            assert_not_authenticated(await there.call("GET", f"/api/chat/conversation/{chat_id}/"))
            assert_not_authenticated(await delete(there))
        assert_not_authenticated(await post(carol.base_url, "refresh", {"refresh_token": session.refresh_token}))
    assert (await log_in(carol.base_url, carol.email)).status_code == 401


async def test_no_profile_comes_back_for_somebody_who_is_gone(
    newcomer: NewActor, data_api_server: Server, django_rows: DjangoRows
) -> None:
    carol = await newcomer("carol")
    assert (await get_profile(data_api_server.url, carol.token)).status_code == 200
    await delete(carol)
    await get_profile(data_api_server.url, carol.token)
    await get_profile(carol.base_url, carol.token)
    assert django_rows.of(carol) == {"user_profiles": 0, "conversation_sessions": 0}


async def test_the_address_can_sign_up_again_and_starts_with_nothing(
    either_database: Server, newcomer: NewActor
) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    django_rows = DjangoRows(either_database.environment)
    await furnish(carol)
    await delete(carol)
    again = await post(carol.base_url, "signup", {"email": carol.email, "password": PASSWORD})
    assert again.status_code == 201, again.text
    born_again = Actor(carol.base_url, carol.email, again.json())
    try:
        assert born_again.id != carol.id
        assert await born_again.history("chat") == []
        sessions = await born_again.call("GET", "/api/chat/sessions/")
        assert sessions.json()["sessions"] == []
        profile = await born_again.call("GET", "/api/auth/profile/")
        assert profile.json()["user"]["email"] == carol.email
        assert len(django_rows.all("select 1 from user_profiles where email = ?", carol.email)) == 1
        await born_again.say("Hello", "chat")
    finally:
        await born_again.close()


@pytest.mark.parametrize("wrong", ["not the password", f"{PASSWORD} ", "x"])
async def test_a_wrong_password_deletes_nothing(
    mallory: Actor, wrong: str, owner_sql: Owner, django_rows: DjangoRows, chat_id: str
) -> None:
    await mallory.say("Hello", chat_id)
    before = await everything(owner_sql, django_rows, mallory)
    assert_bad_fields(await delete(mallory, wrong), "password")
    assert await everything(owner_sql, django_rows, mallory) == before


@pytest.mark.parametrize("password", ["", None, 7, [], "nul\x00"], ids=repr)
async def test_what_is_no_password_deletes_nothing(mallory: Actor, password: Any) -> None:
    assert_bad_fields(await delete(mallory, password), "password")
    assert (await mallory.call("GET", "/api/auth/profile/")).status_code == 200


async def test_nobody_elses_rows_go(
    either_database: Server, newcomer: NewActor, bob: Actor, owner_sql: Owner, chat_id: str
) -> None:
    carol, bob = (await newcomer("carol")).on(either_database.url), bob.on(either_database.url)
    django_rows = DjangoRows(either_database.environment)
    await bob.say("Hello", chat_id, training_data="Bob's own.")
    await carol.say("Hello", chat_id, training_data="Bob's own.")
    before = await everything(owner_sql, django_rows, bob)
    body = {"password": PASSWORD, "user_id": bob.id, "id": bob.id, "email": bob.email}
    assert (await carol.call("DELETE", f"{ACCOUNT}?user_id={bob.id}", body)).status_code == 200
    assert await everything(owner_sql, django_rows, bob) == before
    assert len(await bob.history(chat_id)) == 2
    assert (await bob.call("GET", "/api/auth/profile/")).status_code == 200


async def test_a_token_is_needed(anon: Actor) -> None:
    assert_not_authenticated(await delete(anon))
