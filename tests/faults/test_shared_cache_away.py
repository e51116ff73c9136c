"""What docs/operations/shared-cache.md promises of a Redis that is up, slow, away, and back."""

import asyncio
from urllib.parse import urlsplit

from safycore_backend.shared_cache import SharedCache
from tests.api.accounts import DjangoRows, Mailbox, Owner, assert_not_authenticated
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.faults.proxies import Link, Proxy, listening
from tests.faults.test_shared_cache import back, delete_account, tries
from tests.redis_server import Redis

# Well below the deadline for an answer, and far above what loopback takes.
SLOW_SECONDS = 0.15
PROFILE = "/api/auth/profile/"


class SlowWay(Proxy):
    """Every answer takes as long as on a bad line."""

    async def to_client(self, reader: asyncio.StreamReader, link: Link) -> None:
        while chunk := await reader.read(65_536):
            await asyncio.sleep(SLOW_SECONDS)
            link.client.write(chunk)


async def default_session(person: Actor) -> str | None:
    answer = await person.call("GET", PROFILE)
    assert answer.status_code == 200, answer.text
    found: str | None = answer.json()["user"]["default_session_id"]
    return found


async def change_default(person: Actor, session_id: str) -> None:
    answer = await person.call("PATCH", PROFILE, {"default_session_id": session_id})
    assert answer.status_code == 200, answer.text


# Up


async def test_a_profile_that_is_changed_here_is_seen_there_at_the_next_request(
    new_server: NewServer, redis: Redis, newcomer: NewActor
) -> None:
    carol = await newcomer("carol")
    here, there = [carol.on((await new_server(CACHE_URL=redis.url)).url) for _ in range(2)]
    assert await default_session(there) is None
    await change_default(here, "work")
    assert await default_session(there) == "work"
    answer = await there.call("POST", "/api/chat/", {"message": "Hello"})
    assert answer.json()["session_id"] == "work"


# Slow


async def test_a_slow_redis_makes_requests_slower_and_changes_nothing_else(
    new_server: NewServer, redis: Redis, newcomer: NewActor, chat_id: str
) -> None:
    address = urlsplit(redis.url)
    assert address.port
    way = SlowWay("127.0.0.1", address.port)
    async with listening(way):
        settings = {"CACHE_URL": f"redis://127.0.0.1:{way.port}/0", "LIMIT_LOGIN_PER_ADDRESS": "7/36000"}
        servers = [await new_server(**settings), await new_server(**settings)]
        carol = await newcomer("carol")
        here, there = (carol.on(server.url) for server in servers)
        await here.say("Hello", chat_id)
        await change_default(here, chat_id)
        assert await default_session(there) == chat_id
        assert await tries(servers, 12) == {401: 7, 429: 5}
        assert (await here.call("POST", "/api/auth/logout/")).status_code == 200
        assert_not_authenticated(await there.call("GET", "/api/chat/sessions/"))
        for server in servers:
            assert "shared_cache_away" not in server.log.read_text()
            await server.stop()


# Away


async def test_a_server_starts_without_its_redis_is_ready_and_answers(
    new_server: NewServer, redis: Redis, newcomer: NewActor, chat_id: str
) -> None:
    await redis.stop()
    server = await new_server(CACHE_URL=redis.url)
    carol = (await newcomer("carol")).on(server.url)
    assert (await carol.call("GET", "/readyz")).json() == {
        "status": "degraded",
        "missing": [],
        "degraded": ["shared_cache"],
    }
    assert (await carol.say("Hello", chat_id))["status"] == "complete"
    assert "shared_cache_away" in server.log.read_text()


async def test_while_redis_is_away_no_token_is_believed_from_memory(
    new_server: NewServer, redis: Redis, newcomer: NewActor, owner_sql: Owner
) -> None:
    """The session ends past SafyCore, so that nothing but the database can tell."""
    carol = await newcomer("carol")
    both = [carol.on((await new_server(CACHE_URL=redis.url)).url) for _ in range(2)]
    for each in both:
        assert (await each.call("GET", "/api/chat/sessions/")).status_code == 200
    await redis.stop()
    for each in both:
        assert (await each.call("GET", "/api/chat/sessions/")).status_code == 200
    await owner_sql.execute("delete from auth.sessions where user_id = %s", (carol.id,))
    for each in both:
        assert_not_authenticated(await each.call("GET", "/api/chat/sessions/"))


async def test_an_account_that_is_deleted_while_redis_is_away_is_gone_everywhere(
    new_server: NewServer, redis: Redis, newcomer: NewActor, mailbox: Mailbox, chat_id: str
) -> None:
    here, there = await new_server(CACHE_URL=redis.url), await new_server(CACHE_URL=redis.url)
    carol = await newcomer("carol")
    for server in (here, there):
        await carol.on(server.url).say("Hello", chat_id)
    await redis.stop()
    assert (await delete_account(carol.on(here.url), mailbox)).status_code == 200
    for server in (there, here):
        assert_not_authenticated(await carol.on(server.url).call("GET", PROFILE))
        body = {"message": "x", "session_id": chat_id}
        assert_not_authenticated(await carol.on(server.url).call("POST", "/api/chat/", body))
    assert DjangoRows(here.environment).of(carol) == {"user_profiles": 0, "conversation_sessions": 0}


async def test_a_profile_that_is_changed_while_redis_is_away_is_seen_at_once_where_it_was_changed(
    new_server: NewServer, redis: Redis, newcomer: NewActor
) -> None:
    here = (await newcomer("carol")).on((await new_server(CACHE_URL=redis.url)).url)
    assert await default_session(here) is None
    await redis.stop()
    for session_id in ("work", "home"):
        await change_default(here, session_id)
        assert await default_session(here) == session_id


# Back


async def test_once_redis_is_back_what_is_counted_is_counted_together_from_what_it_has(redis: Redis) -> None:
    cache = SharedCache(redis.url, {"KEY_PREFIX": "back"})
    try:
        assert await cache.acount("tries", 3, 60) == 3
        await redis.stop()
        assert [await cache.acount("tries", 1, 60) for _ in range(4)] == [1, 2, 3, 4]
        await redis.start()
        await back(cache)
        assert await cache.acount("tries", 1, 60) == 1
        assert await cache.aagreed("tries") == 1
    finally:
        await cache.aclose()
