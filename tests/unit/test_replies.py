"""chat/replies.py: readers come and go, each at a pace of its own."""

import asyncio

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chat.domain import Message, Outcome
from chat.replies import CLEARED, RemoteReply, Reply

RUNNING = Message(
    id="m1", user_id="u", session_id="s", seq=2, role="assistant", content="", status="streaming", created_at=""
)


async def read(reply: Reply) -> str:
    """All of a reply, as a reader gets it."""
    parts, position = [], 0
    while True:
        text, position = reply.since(position)
        if text:
            parts.append(text)
        elif reply.outcome is not None:
            return "".join(parts)
        else:
            await reply.changed(position)


async def test_every_reader_gets_all_of_it_whenever_they_come() -> None:
    reply = Reply(RUNNING)
    first = asyncio.create_task(read(reply))
    reply.append("one ")
    await asyncio.sleep(0)
    second = asyncio.create_task(read(reply))
    reply.append("two ")
    await asyncio.sleep(0)
    reply.append("three")
    reply.end(Outcome("complete", "stop"))
    assert {await first, await second, await read(reply)} == {"one two three"}


@given(st.text(max_size=20), st.lists(st.tuples(st.text(max_size=9), st.booleans()), max_size=90))
async def test_however_it_grows_a_reader_who_looks_now_and_then_gets_all_of_it(
    stored: str, growth: list[tuple[str, bool]]
) -> None:
    reply = Reply(msgspec.structs.replace(RUNNING, content=stored))
    (read_so_far, position), said = reply.since(0), stored
    for piece, looks in growth:
        reply.append(piece)
        said += piece
        if looks:
            text, position = reply.since(position)
            read_so_far += text
            assert read_so_far == said
    assert read_so_far + reply.since(position)[0] == reply.text == said


async def test_pieces_that_came_together_are_read_together() -> None:
    reply = Reply(RUNNING)
    for piece in "abc":
        reply.append(piece)
    assert reply.since(0) == ("abc", 3)
    assert reply.since(3) == ("", 3)


async def test_a_reader_that_leaves_takes_nothing_from_the_others() -> None:
    reply = Reply(RUNNING)
    leaving, staying = asyncio.create_task(read(reply)), asyncio.create_task(read(reply))
    await asyncio.sleep(0)
    leaving.cancel()
    reply.append("text")
    reply.end(Outcome("complete", "stop"))
    assert await staying == "text"


async def test_waiting_ends_when_its_time_is_over() -> None:
    assert not await Reply(RUNNING).changed(0, timeout=0.01)


async def test_a_stored_reply_is_whole_and_ended() -> None:
    stored = msgspec.structs.replace(RUNNING, content="text", status="stopped", finish_reason=None)
    reply = Reply(stored)
    assert await read(reply) == "text"
    assert await reply.ended() == Outcome("stopped")


async def test_a_reply_that_is_made_elsewhere_is_read_from_the_database() -> None:
    rows = [
        msgspec.structs.replace(RUNNING, content="one "),
        msgspec.structs.replace(RUNNING, content="one two"),
        msgspec.structs.replace(RUNNING, content="one two", status="complete", finish_reason="stop"),
    ]

    async def look() -> Message | None:
        return rows.pop(0)

    reply = RemoteReply(RUNNING, look=look)
    assert await read(reply) == "one two"
    assert reply.outcome == Outcome("complete", "stop")


async def test_a_reply_that_was_cleared_elsewhere_ends() -> None:
    async def look() -> Message | None:
        return None

    assert await RemoteReply(RUNNING, look=look).ended() == CLEARED
