"""Many requests at once: the same key, the same session, and everybody's replies on few connections."""

import asyncio
import time
from typing import Any

import httpx
import psycopg

from local_stack.groq_stand_in import Script, StandIn
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.faults.rows import Owner, Row, assert_turns, query, rows
from tests.faults.talking import Heard, clients, hear, script
from tests.processes import Server

SESSIONS = 100
SENDS = 20
CONNECTIONS = 200
PEOPLE = 4
SAME = 50


async def _send(http: httpx.AsyncClient, session_id: str, message: str, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"message": message, "session_id": session_id}
    return await http.post("/api/chat/?format=markdown", json=body, headers=headers)


async def test_the_same_key_fifty_times_at_once_is_one_turn_and_one_call_to_the_model(
    postgres_server: Server, model: StandIn, alice: Actor, bob: Actor, owner_sql: Owner, chat_id: str
) -> None:
    asked = model.total
    async with clients(alice, postgres_server.url) as http, clients(bob, postgres_server.url) as other:
        message = script(tokens=30, after=10, hold=chat_id)
        requests = [asyncio.create_task(_send(http, chat_id, message, "the key")) for _ in range(SAME)]
        async with asyncio.timeout(20):
            await model.reached(chat_id)
        theirs = asyncio.create_task(_send(other, chat_id, message, "the key"))
        async with asyncio.timeout(20):
            await model.reached(chat_id, 2)
        model.release(chat_id)
        answers = [response.json() for response in await asyncio.gather(*requests)]
        their_answer = (await theirs).json()
    assert len({answer["message_id"] for answer in answers}) == 1
    assert {answer["status"] for answer in answers} == {"complete"}
    assert len({answer["response"] for answer in answers}) == 1
    assert their_answer["message_id"] != answers[0]["message_id"]
    assert model.total == asked + 2
    for person in (alice, bob):
        found = await rows(owner_sql, person.id, chat_id)
        assert_turns(found)
        assert len(found) == 2


async def test_the_same_key_at_two_servers_at_once_is_one_turn_too(
    postgres_server: Server, new_server: NewServer, model: StandIn, alice: Actor, owner_sql: Owner, chat_id: str
) -> None:
    second = await new_server()
    asked = model.total
    async with clients(alice, postgres_server.url) as here, clients(alice, second.url) as there:
        answers = await asyncio.gather(
            *(_send((here, there)[at % 2], chat_id, "Hello", f"the key of {chat_id}") for at in range(SAME))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    assert len({answer.json()["response"] for answer in answers}) == 1
    assert model.total == asked + 1
    assert len(await rows(owner_sql, alice.id, chat_id)) == 2


async def test_twenty_sends_at_once_to_each_of_a_hundred_sessions_keep_every_session_in_order(
    new_server: NewServer, paced_model: StandIn, newcomer: NewActor, owner_sql: Owner
) -> None:
    # Two hundred sends at a time take longer on a busy machine than anybody waits for a connection as a rule.
    server = await new_server(GROQ_BASE_URL=paced_model.url, MAX_REPLIES_PER_PERSON="1000", SUPABASE_DB_TIMEOUT="20")
    people = [await newcomer(f"sender-{number}") for number in range(PEOPLE)]
    sessions = [(people[number % PEOPLE], f"many-{number}") for number in range(SESSIONS)]
    taken = await _all_sends(server, sessions)
    assert paced_model.total == sum(map(len, taken.values()))
    histories = {name: await rows(owner_sql, person.id, name) for person, name in sessions}
    for name, found in histories.items():
        assert_turns(found)
        said = [row["content"] for row in found if row["role"] == "user"]
        assert sorted(said) == sorted(taken[name])
        assert said
        assert {row["status"] for row in found if row["role"] == "assistant"} == {"complete"}
    _assert_prompts_are_prefixes(paced_model, histories)
    print(f"{SESSIONS * SENDS} sends, {paced_model.total} of them taken")  # noqa: T201


async def _all_sends(server: Server, sessions: list[tuple[Actor, str]]) -> dict[str, list[str]]:
    """Every send, so many at once; the messages that were taken, by session. All others are 409."""
    free = asyncio.Semaphore(CONNECTIONS)
    taken: dict[str, list[str]] = {name: [] for _, name in sessions}
    https = {person.id: clients(person, server.url) for person, _ in sessions}

    async def one(person: Actor, name: str, number: int) -> None:
        message = f"{name} message {number}"
        async with free:
            response = await _send(https[person.id], name, message)
        if response.status_code == 200:
            taken[name].append(message)
        else:
            assert (response.status_code, response.json()["code"]) == (409, "reply_in_progress"), response.text

    async with asyncio.TaskGroup() as group:
        for person, name in sessions:
            for number in range(SENDS):
                group.create_task(one(person, name, number))
    for http in https.values():
        await http.aclose()
    return taken


def _assert_prompts_are_prefixes(model: StandIn, histories: dict[str, list[Row]]) -> None:
    """What the model was given is, for each message, exactly what its session held before it."""
    prompts = [body["messages"] for body in model.requests]  # type: ignore[index]  # the bodies are JSON objects
    assert len(prompts) == model.total, "too many for the stand-in to remember"
    for prompt in prompts:
        said = prompt[-1]["content"]
        history = histories[said.split()[0]]
        at = next(index for index, row in enumerate(history) if row["content"] == said)
        before = [{"role": row["role"], "content": row["content"]} for row in history[:at]]
        assert prompt[1:-1] == before
        assert prompt[0]["role"] == "system"


async def test_two_hundred_streams_on_five_connections_leave_reads_quick(
    new_server: NewServer, model: StandIn, newcomer: NewActor, owner_sql: Owner
) -> None:
    server = await new_server(SUPABASE_DB_POOL_SIZE="5", MAX_REPLIES_PER_PERSON="1000")
    actor = await newcomer("carol")
    message, hold = script(tokens=40, after=20, hold="pool"), "pool"
    async with clients(actor, server.url) as http:
        await hear(http, "read", "Something to read.")
        streams: list[asyncio.Task[Heard]] = []
        # Forty at a time: whoever waits for a connection for two seconds is told that the database does not answer.
        for many in range(40, 201, 40):
            streams += [asyncio.create_task(hear(http, f"pool-{at}", message)) for at in range(many - 40, many)]
            async with asyncio.timeout(60):
                await model.reached(hold, many)
        seconds, busy = await _reads(http, owner_sql)
        model.release(hold)
        async with asyncio.timeout(60):
            heard = await asyncio.gather(*streams)
    assert [each.finish for each in heard] == 200 * ["complete"]
    assert all(each.done for each in heard)
    seconds.sort()
    print(f"history beside 200 streams: median {seconds[50]:.3f} s, slowest {seconds[-1]:.3f} s; busy {busy}")  # noqa: T201
    assert seconds[50] < 0.5
    assert seconds[-1] < 2
    assert busy["idle in transaction"] <= 1, "a connection is held for one round trip and no longer"


async def _reads(http: httpx.AsyncClient, owner: psycopg.AsyncConnection[Any]) -> tuple[list[float], dict[str, int]]:
    """A hundred reads of a history: how long each took; and the most connections of ours that were seen in a state."""
    seconds, busy = [], {"active": 0, "idle in transaction": 0}
    for _ in range(100):
        begun = time.monotonic()
        response = await http.get("/api/chat/conversation/read/")
        seconds.append(time.monotonic() - begun)
        assert len(response.json()["messages"]) == 2
        found = await query(
            owner,
            "select state, count(*) as many from pg_stat_activity where application_name = 'safycore'"
            " and state_change < clock_timestamp() - interval '0.2 seconds' group by state",
        )
        for each in found:
            busy[each["state"]] = max(busy.get(each["state"], 0), each["many"])
    return seconds, busy


async def test_a_scripted_model_is_not_asked_for_a_message_that_was_refused(
    postgres_server: Server, model: StandIn, alice: Actor, chat_id: str
) -> None:
    model.queue(Script(tokens=30, after=10, hold=chat_id))
    async with clients(alice, postgres_server.url) as http:
        running = asyncio.create_task(_send(http, chat_id, "Hello"))
        async with asyncio.timeout(20):
            await model.reached(chat_id)
        asked = model.total
        refused = await asyncio.gather(*(_send(http, chat_id, f"Hello {at}") for at in range(20)))
        assert [response.status_code for response in refused] == 20 * [409]
        assert model.total == asked
        model.release(chat_id)
        assert (await running).json()["status"] == "complete"
