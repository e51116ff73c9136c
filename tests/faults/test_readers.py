"""Readers who leave, all at once, and readers who never read."""

import asyncio
import json
import socket
from pathlib import Path

from local_stack.groq_stand_in import StandIn
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.faults.proxies import true_within
from tests.faults.rows import Owner, none_streaming, query, rows
from tests.faults.talking import clients, hear, script

REPLIES = 300
LARGE = 90_000
"""Tokens: some 580 kB."""
MOST_GROWTH = 30_000_000


async def test_three_hundred_replies_on_one_worker_are_finished_after_all_clients_left(
    new_server: NewServer, model: StandIn, newcomer: NewActor, owner_sql: Owner
) -> None:
    server = await new_server(MAX_REPLIES_PER_PERSON="1000")
    people = [await newcomer(f"leaver-{number}") for number in range(3)]
    message = script(tokens=60, after=20, hold="left")
    for person in people:
        async with clients(person, server.url) as http:
            streams = [
                asyncio.create_task(hear(http, f"left-{number}", message)) for number in range(REPLIES // len(people))
            ]
            async with asyncio.timeout(60):
                await model.reached("left", REPLIES // len(people) * (people.index(person) + 1))
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
    assert model.active == REPLIES
    model.release("left")
    await none_streaming(owner_sql, [person.id for person in people], 60)
    found = await query(
        owner_sql,
        "select status, content from messages where role = 'assistant' and user_id = any(%s::uuid[])",
        [person.id for person in people],
    )
    assert len(found) == REPLIES
    assert {row["status"] for row in found} == {"complete"}
    assert len({row["content"] for row in found}) == 1
    assert len(found[0]["content"].split()) == 60


async def test_readers_that_never_read_cost_bounded_memory_and_their_replies_are_saved(
    new_server: NewServer, model: StandIn, newcomer: NewActor, owner_sql: Owner
) -> None:
    server = await new_server(GROQ_MAX_COMPLETION_TOKENS="1000000")
    actor = await newcomer("carol")
    message = script(tokens=LARGE, chunk=20)
    async with clients(actor, server.url) as http:
        for number in range(2):
            heard = await hear(http, f"warm-{number}", message)
            assert len(heard.text) > 500_000
    before, asked = _resident_bytes(server.pid), model.total
    sockets = [await _silent_reader(server.port, actor, f"silent-{number}", message) for number in range(5)]
    await true_within(60, lambda: model.total == asked + len(sockets), "the model is asked for all of them")
    await none_streaming(owner_sql, [actor.id], 60)
    growth = _resident_bytes(server.pid) - before
    for number in range(5):
        _, reply = await rows(owner_sql, actor.id, f"silent-{number}")
        assert (reply["status"], reply["content"]) == ("complete", heard.text)
    print(f"five readers that never read {len(heard.text)} bytes each: {growth / 1e6:.1f} MB more")  # noqa: T201
    assert growth < MOST_GROWTH
    for connection in sockets:
        connection.close()


def _resident_bytes(pid: int) -> int:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


async def _silent_reader(port: int, actor: Actor, session_id: str, message: str) -> socket.socket:
    """Sends a message, and never reads a byte of what comes back."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.setblocking(False)
    body = json.dumps({"message": message, "session_id": session_id})
    head = (
        f"POST /api/chat/stream/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {actor.token}\r\n"
        f"Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    await loop.sock_sendall(connection, f"{head}{body}".encode())
    return connection
