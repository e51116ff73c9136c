"""What the database really holds, past every policy."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.rows import dict_row

Owner = psycopg.AsyncConnection[Any]
Row = dict[str, Any]
_LOCK = asyncio.Lock()


async def query(owner: Owner, statement: str, *values: Any) -> list[Row]:
    # One connection for the whole run, which talkers ask at the same time.
    async with _LOCK, owner.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


async def rows(owner: Owner, user_id: str, session_id: str) -> list[Row]:
    """The messages of a session by their sequence, whose numbers must be 1, 2, 3, without a gap."""
    found = await query(
        owner,
        "select *, id::text as id, reply_to::text as reply_to from messages"
        " where user_id = %s and session_id = %s order by seq",
        user_id,
        session_id,
    )
    assert [row["seq"] for row in found] == list(range(1, len(found) + 1)), found
    return found


async def row(owner: Owner, message_id: str) -> Row:
    (found,) = await query(owner, "select * from messages where id = %s", message_id)
    return found


async def streaming(owner: Owner, user_ids: Iterable[str]) -> list[Row]:
    """The replies of these people that are still about to come."""
    return await query(
        owner,
        "select id::text, session_id, owner, extract(epoch from clock_timestamp() - heartbeat_at)::float as silent"
        " from messages where status = 'streaming' and user_id = any(%s::uuid[])",
        list(user_ids),
    )


async def none_streaming(owner: Owner, user_ids: Iterable[str], seconds: float) -> float:
    """Wait until nothing of these people's is still about to come; the seconds that it took."""
    begun = time.monotonic()
    people = list(user_ids)
    while left := await streaming(owner, people):
        assert time.monotonic() - begun < seconds, left
        await asyncio.sleep(0.1)
    return time.monotonic() - begun


def assert_turns(found: list[Row]) -> None:
    """Every message has exactly one reply, right behind it, and none is still about to come."""
    for sent, reply in zip(found[::2], found[1::2], strict=True):
        assert (sent["role"], sent["status"]) == ("user", "sent"), sent
        assert (reply["role"], reply["reply_to"]) == ("assistant", sent["id"]), reply
        assert reply["status"] in {"complete", "stopped", "interrupted", "error"}, reply
