"""How many tokens the models read and write for one person."""

import asyncio
import re
from typing import Any

import httpx

from local_stack.groq_stand_in import Script, StandIn
from tests.answers import refused
from tests.cast import Actor
from tests.conftest import NewActor, NewServer

MOST = 1_000_000
LIMIT = f"{MOST}/8640000"
EVENTS = {"Accept": "text/event-stream"}


def used(response: httpx.Response) -> int:
    """What had been counted when this was asked, as its header says."""
    left = re.search(r'"tokens-per-person";r=(\d+);t=\d+', response.headers["RateLimit"])
    assert left is not None
    return MOST - int(left[1])


async def send(person: Actor, session_id: str, message: str = "Hello", **options: Any) -> httpx.Response:
    return await person.call("POST", "/api/chat/", {"message": message, "session_id": session_id}, **options)


async def test_the_models_own_count_is_what_counts(new_server: NewServer, newcomer: NewActor, chat_id: str) -> None:
    server = await new_server(LIMIT_TOKENS_PER_PERSON=LIMIT)
    carol, dave = [(await newcomer(name)).on(server.url) for name in ("carol", "dave")]
    total = 0
    for number in range(3):
        answer = await send(carol, f"{chat_id}-{number}")
        assert used(answer) == total
        usage = answer.json()["usage"]
        total += usage["prompt_tokens"] + usage["completion_tokens"]
    assert total > 0
    assert used(await send(carol, chat_id)) == total
    assert used(await send(dave, chat_id)) == 0


async def test_nothing_begins_once_they_are_used_up(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(LIMIT_TOKENS_PER_PERSON="5/8640000")
    carol, dave = [(await newcomer(name)).on(server.url) for name in ("carol", "dave")]
    assert (await send(carol, chat_id)).status_code == 200
    asked = model.total
    for path in ("/api/chat/", "/api/chat/stream/", f"/api/chat/conversation/{chat_id}/regenerate/"):
        answer = await carol.call("POST", path, {"message": "More", "session_id": chat_id})
        refused(answer, 429, "token_limit_reached")
        assert int(answer.headers["Retry-After"]) > 60
        assert '"tokens-per-person";q=5;qu="tokens";w=8640000' in answer.headers["RateLimit-Policy"]
        assert '"tokens-per-person";r=0;' in answer.headers["RateLimit"]
    assert model.total == asked
    assert len(await carol.history(chat_id)) == 2
    assert (await send(dave, chat_id)).status_code == 200


async def test_a_reply_is_counted_once_however_many_read_it(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(LIMIT_TOKENS_PER_PERSON=LIMIT)
    carol = (await newcomer("carol")).on(server.url)
    model.queue(Script(text="one two three four", after=2, hold=chat_id))
    key = {"Idempotency-Key": chat_id}
    first = asyncio.create_task(send(carol, chat_id, headers=key))
    async with asyncio.timeout(20):
        await model.reached(chat_id)
    joined = [
        asyncio.create_task(carol.call("GET", f"/api/chat/conversation/{chat_id}/stream/", headers=EVENTS)),
        asyncio.create_task(send(carol, chat_id, headers=key)),
    ]
    await asyncio.wait(joined, timeout=0.5)
    model.release(chat_id)
    usage = (await first).json()["usage"]
    await asyncio.gather(*joined)
    assert (await send(carol, chat_id, headers=key)).json()["usage"] == usage
    answer = await send(carol, f"{chat_id}-next")
    assert used(answer) == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_a_reply_without_a_count_is_estimated_by_its_text(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(LIMIT_TOKENS_PER_PERSON=LIMIT)
    carol = (await newcomer("carol")).on(server.url)
    model.queue(Script(tokens=200, after=100, cut=True))
    broken = await send(carol, chat_id, "x" * 4_000)
    assert broken.json()["status"] == "interrupted"
    assert broken.json()["usage"] is None
    least = (4_000 + len(broken.json()["response"])) // 4
    assert least < used(await send(carol, f"{chat_id}-next")) < least + 500


async def test_a_model_that_refuses_costs_nothing(
    new_server: NewServer, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    server = await new_server(LIMIT_TOKENS_PER_PERSON=LIMIT)
    carol = (await newcomer("carol")).on(server.url)
    model.queue(Script(status=429, retry_after=60))
    assert (await send(carol, chat_id)).status_code == 503
    assert used(await send(carol, chat_id)) == 0
