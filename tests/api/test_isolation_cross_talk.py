"""Many people on few connections, leaving whenever they like: nobody ever reads a word of somebody else's."""

import asyncio
import random
from collections import Counter

import httpx

from tests.cast import Actor
from tests.conftest import NewServer

REQUESTS = 300
AT_ONCE = 24


def canary_of(actor: Actor) -> str:
    return f"canary-{actor.id}"


async def ask(actor: Actor, session_id: str, n: int) -> httpx.Response:
    """One of the ways in which a person's rows come to light."""
    match n % 4:
        case 0:
            body = {"message": f"{canary_of(actor)} {n}", "session_id": f"{session_id}-{n}"}
            return await actor.call("POST", "/api/chat/", body)
        case 1:
            return await actor.call("GET", f"/api/chat/conversation/{session_id}/?limit=200")
        case 2:
            return await actor.call("GET", f"/api/chat/training-data/?session_id={session_id}")
        case _:
            return await actor.call("GET", "/api/chat/sessions/?limit=200")


async def test_a_canary_in_every_row_never_reaches_anybody_else(
    new_server: NewServer, alice: Actor, bob: Actor, chat_id: str
) -> None:
    server = await new_server(SUPABASE_DB_POOL_SIZE="2", SUPABASE_DB_TIMEOUT="5")
    people = [actor.on(server.url) for actor in (alice, bob)]
    for actor in people:
        await actor.say(canary_of(actor), chat_id, training_data=canary_of(actor))
    chance = random.Random(20261122)
    turns = asyncio.Semaphore(AT_ONCE)
    seen: Counter[str] = Counter()

    async def one(n: int) -> None:
        actor, other = people if chance.random() < 0.5 else reversed(people)
        leaves_after = chance.uniform(0, 0.04) if chance.random() < 1 / 3 else None
        async with turns:
            try:
                response = await asyncio.wait_for(ask(actor, chat_id, n), leaves_after)
            except TimeoutError:
                seen["left"] += 1
                return
        assert response.status_code == 200, response.text
        assert other.id not in response.text
        assert canary_of(actor) in response.text or n % 4 in {0, 3}
        seen["read"] += 1

    await asyncio.gather(*(one(n) for n in range(REQUESTS)))
    assert seen["read"] >= REQUESTS / 2
    assert seen["left"] >= REQUESTS / 20
    for actor, other in (people, people[::-1]):
        rows = await actor.history(chat_id)
        assert len(rows) == 2
        assert {row["user_id"] for row in rows} == {actor.id}
        assert all(other.id not in row["content"] for row in rows)
