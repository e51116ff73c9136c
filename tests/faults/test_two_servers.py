"""A reply that one server makes, joined, stopped and cleared at another."""

import asyncio
import time

from local_stack.groq_stand_in import StandIn
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.faults.rows import Owner, row, rows
from tests.faults.talking import clients, hear, joined, listening_to, script
from tests.processes import Server

STOPPED_WITHIN = 3.0
"""Two seconds, and what a busy machine takes."""


async def test_joining_elsewhere_gives_the_reply_from_its_start_to_its_end(
    postgres_server: Server, new_server: NewServer, model: StandIn, alice: Actor, owner_sql: Owner, chat_id: str
) -> None:
    elsewhere = await new_server()
    message = script(tokens=60, after=20, hold=chat_id)
    async with (
        clients(alice, postgres_server.url) as here,
        clients(alice, elsewhere.url) as there,
        listening_to(here, chat_id, message) as first,
    ):
        async with asyncio.timeout(20):
            await model.reached(chat_id)
        await first.has(20)
        others = [asyncio.create_task(joined(there, chat_id)) for _ in range(3)]
        # Released only when they are at it: the first of them asked the database before.
        await asyncio.wait(others, timeout=1.5)
        model.release(chat_id)
        heard = await first.end()
        async with asyncio.timeout(20):
            elsewhere_heard = await asyncio.gather(*others)
    assert (heard.finish, heard.done) == ("complete", True)
    for other in elsewhere_heard:
        assert (other.message_id, other.text, other.finish, other.done) == (
            *(heard.message_id, heard.text),
            *("complete", True),
        )
        assert len(other.pieces) > 1, "it began before the end"
    assert (await row(owner_sql, heard.message_id))["content"] == heard.text


async def test_joining_where_nothing_runs_is_an_empty_answer(
    postgres_server: Server, new_server: NewServer, alice: Actor, chat_id: str
) -> None:
    elsewhere = await new_server()
    await alice.say("Hello", chat_id)
    async with clients(alice, elsewhere.url) as there:
        assert (await joined(there, chat_id)).status == 204


async def test_stopping_elsewhere_ends_the_reply_with_exactly_what_was_sent(
    postgres_server: Server,
    new_server: NewServer,
    paced_model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    chat_id: str,
) -> None:
    here, there = await new_server(GROQ_BASE_URL=paced_model.url), await new_server(GROQ_BASE_URL=paced_model.url)
    actor = await newcomer("carol")
    async with clients(actor, here.url) as at_home, clients(actor, there.url) as away:
        for number in range(5):
            async with listening_to(at_home, f"{chat_id}-{number}", script(tokens=8000)) as listener:
                await listener.has(50)
                begun = time.monotonic()
                stops = [away.post(f"/api/chat/conversation/{chat_id}-{number}/stop/") for _ in range(2)]
                assert [response.status_code for response in await asyncio.gather(*stops)] == [200, 200]
                async with asyncio.timeout(20):
                    await paced_model.left(number + 1)
                heard = await listener.end()
                assert time.monotonic() - begun < STOPPED_WITHIN
            assert (heard.finish, heard.done, "abort" in heard.parts) == ("stopped", True, True)
            stored = await row(owner_sql, heard.message_id)
            assert (stored["status"], stored["content"]) == ("stopped", heard.text)
            again = await hear(away, f"{chat_id}-{number}", "And now?")
            assert again.finish == "complete"


async def test_clearing_elsewhere_leaves_nothing_and_nothing_comes_back(
    postgres_server: Server, new_server: NewServer, model: StandIn, newcomer: NewActor, owner_sql: Owner, chat_id: str
) -> None:
    elsewhere = await new_server()
    actor = await newcomer("carol")
    message = script(tokens=400, after=20, hold=chat_id)
    async with clients(actor, postgres_server.url) as here, clients(actor, elsewhere.url) as there:
        async with listening_to(here, chat_id, message) as listener:
            async with asyncio.timeout(20):
                await model.reached(chat_id)
            await listener.has(20)
            left = model.closed_by_client
            cleared = await there.delete(f"/api/chat/conversation/{chat_id}/clear/")
            assert cleared.status_code == 200
            heard = await listener.end()
            async with asyncio.timeout(20):
                await model.left(left + 1)
        model.release(chat_id)
        assert (heard.finish, heard.done) == ("stopped", True)
        assert await rows(owner_sql, actor.id, chat_id) == []
        again = await hear(there, chat_id, "Anew.")
        assert again.finish == "complete"
        assert [each["content"] for each in await rows(owner_sql, actor.id, chat_id)] == ["Anew.", again.text]
        sessions = (await there.get("/api/chat/sessions/")).json()["sessions"]
        assert [each["session_id"] for each in sessions] == [chat_id]
