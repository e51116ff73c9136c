"""GET /api/auth/export/: everything a person has, as JSON lines."""

import datetime as dt
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.answers import refused
from tests.api.accounts import Owner, assert_not_authenticated
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server

EXPORT = "/api/auth/export/"
# Far more than a server may hold of it at a time.
MANY, CHARS = 20_000, 3_000
GROWTH_BYTES = 30_000_000
Line = dict[str, Any]


async def exported(person: Actor) -> list[Line]:
    response = await person.call("GET", EXPORT)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    return lines_of(response)


def lines_of(response: httpx.Response) -> list[Line]:
    """What is between line feeds: other characters that end a line elsewhere stand in texts as they are."""
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.removesuffix("\n").split("\n")]


@asynccontextmanager
async def being_exported(person: Actor) -> AsyncIterator[AsyncIterator[str]]:
    """The lines while they come; what is not read yet waits at the server."""
    async with person.http.stream("GET", EXPORT, timeout=60) as response:
        assert response.status_code == 200
        yield response.aiter_lines()


async def insert_messages(owner: Owner, person: Actor, sessions: int, each: int, chars: int) -> None:
    """As many messages as that, past the API; the trigger numbers them."""
    for n in range(sessions):
        await owner.execute(
            "insert into messages (user_id, session_id, role, content, status) "
            "select %s, %s, 'user', repeat('x', %s), 'sent' from generate_series(1, %s)",
            (person.id, f"session {n:03}", chars, each),
        )


def peak_bytes(server: Server) -> int:
    """The most memory that the server's process has ever had."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


async def test_everything_is_there_in_order_and_the_last_line_counts_it(any_server: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    for session_id in ("work", "chat"):
        await carol.say(f"A question of {session_id}\u2028é\r\n", session_id, training_data=f"A fact of {session_id}.")
    await carol.call("POST", "/api/chat/conversation/chat/regenerate/", {})
    await carol.call("PATCH", "/api/auth/profile/", {"default_session_id": "work"})
    profile = (await carol.call("GET", "/api/auth/profile/")).json()["user"]
    account, *lines, end = await exported(carol)
    moment = dt.datetime.fromisoformat(account.pop("exported_at"))
    assert abs((dt.datetime.now(dt.UTC) - moment).total_seconds()) < 60
    assert account == {"type": "account", **profile}
    assert end == {"type": "end", "counts": {"sessions": 2, "messages": 5, "training_data": 2}}
    assert [line["type"] for line in lines] == ["session"] * 2 + ["message"] * 5 + ["training_data"] * 2
    assert [line["session_id"] for line in lines] == ["work", "chat", *["chat"] * 3, *["work"] * 2, "chat", "work"]
    assert [line["superseded"] for line in lines[2:7]] == [False, True, False, False, False]


async def test_rows_have_the_fields_that_the_api_shows_and_none_of_ours(any_server: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    await carol.say("Hello", "chat", training_data="A fact.", client_message_id="a key")
    shown = (await carol.call("GET", "/api/chat/conversation/chat/")).json()["messages"]
    texts = (await carol.call("GET", "/api/chat/training-data/?session_id=chat")).json()["training_data"]
    (session,) = (await carol.call("GET", "/api/chat/sessions/")).json()["sessions"]
    _, told, sent, reply, text, _ = await exported(carol)
    assert told == {"type": "session", **{name: value for name, value in session.items() if name != "replying"}}
    usage = [line.pop("usage") for line in (sent, reply)]
    assert usage[0] is None
    assert usage[1]["total_tokens"] > 0
    assert [sent, reply] == [{"type": "message", **each} for each in shown]
    assert [text] == [{"type": "training_data", **each} for each in texts]


async def test_somebody_without_anything_gets_their_account(any_server: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    account, end = await exported(carol)
    assert account["id"] == carol.id
    assert account["email"] == carol.email
    assert end["counts"] == {"sessions": 0, "messages": 0, "training_data": 0}


async def test_it_is_a_file_with_the_date_in_its_name(alice: Actor) -> None:
    response = await alice.call("GET", EXPORT)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    assert response.headers["content-disposition"] == f'attachment; filename="safycore-export-{today}.jsonl"'
    assert "content-length" not in response.headers


@pytest.mark.parametrize("door", ["postgres", "data_api"])
async def test_of_twenty_thousand_messages_none_is_missing_or_doubled_and_memory_stays_bounded(
    door: str, new_server: NewServer, newcomer: NewActor, owner_sql: Owner
) -> None:
    closed = {"SUPABASE_DB_URL": "", "SUPABASE_DB_ADMIN_URL": ""} if door == "data_api" else {}
    server = await new_server(**closed)
    carol = (await newcomer("carol")).on(server.url)
    await insert_messages(owner_sql, carol, 10, MANY // 10, CHARS)
    assert len(await exported(await first_of_all(server, newcomer))) == 2
    before, seen, ids = peak_bytes(server), 0, set()
    places: list[tuple[str, str]] = []
    async with being_exported(carol) as lines:
        async for text in lines:
            seen += len(text)
            line = json.loads(text)
            if line["type"] == "message":
                ids.add(line["id"])
                places.append((line["session_id"], line["created_at"]))
    assert line == {"type": "end", "counts": {"sessions": 0, "messages": MANY, "training_data": 0}}
    assert len(places) == len(ids) == MANY
    assert places == sorted(places)
    assert seen > 2 * GROWTH_BYTES
    assert peak_bytes(server) - before < GROWTH_BYTES


async def first_of_all(server: Server, newcomer: NewActor) -> Actor:
    """Somebody whose export lets the server load whatever it loads for its first one."""
    return (await newcomer("dave")).on(server.url)


async def test_what_is_written_and_deleted_meanwhile_neither_doubles_nor_hides_what_was_there(
    either_server: Server, newcomer: NewActor, owner_sql: Owner
) -> None:
    carol = (await newcomer("carol")).on(either_server.url)
    await insert_messages(owner_sql, carol, 4, 1_000, CHARS)
    rows = await (await owner_sql.execute("select id::text from messages where user_id = %s", (carol.id,))).fetchall()
    there = {row[0] for row in rows}
    found: list[str] = []
    async with being_exported(carol) as lines:
        async for text in lines:
            line = json.loads(text)
            if line["type"] == "account":
                await insert_messages(owner_sql, carol, 4, 10, CHARS)
                gone = "delete from messages where user_id = %s and session_id = 'session 003' and seq > 990"
                await owner_sql.execute(gone, (carol.id,))
            elif line["type"] == "message":
                found.append(line["id"])
    assert line["counts"]["messages"] == len(found) == len(set(found))
    left = await (await owner_sql.execute("select id::text from messages where user_id = %s", (carol.id,))).fetchall()
    assert there & {row[0] for row in left} <= set(found)


async def test_an_export_that_fails_in_the_middle_does_not_end_well(
    either_server: Server, newcomer: NewActor, owner_sql: Owner
) -> None:
    carol = (await newcomer("carol")).on(either_server.url)
    await insert_messages(owner_sql, carol, 4, 4_000, CHARS)
    types: Counter[str] = Counter()
    with pytest.raises(httpx.RemoteProtocolError):
        await count_while_signed_out(carol, owner_sql, types)
    assert types["account"] == 1
    assert types["end"] == 0


async def count_while_signed_out(person: Actor, owner: Owner, types: Counter[str]) -> None:
    """Read an export whose person is signed out after its first line."""
    async with being_exported(person) as lines:
        async for text in lines:
            if not types:
                await owner.execute("delete from auth.sessions where user_id = %s", (person.id,))
            types[json.loads(text)["type"]] += 1


async def test_a_running_reply_is_exported_as_far_as_it_was_saved(
    either_server: Server, newcomer: NewActor, chat_id: str, model: Any
) -> None:
    carol = (await newcomer("carol")).on(either_server.url)
    body = {"message": script(text="one two", after=1, hold=chat_id), "session_id": chat_id}
    async with carol.http.stream("POST", "/api/chat/stream/", json=body):
        await model.reached(chat_id)
        lines = await exported(carol)
        model.release(chat_id)
    assert [line["status"] for line in lines if line["type"] == "message"] == ["sent", "streaming"]


async def test_mallorys_export_has_nothing_of_alices(
    any_server: Server, alice: Actor, mallory: Actor, chat_id: str
) -> None:
    alice, mallory = alice.on(any_server.url), mallory.on(any_server.url)
    canary = f"canary-{uuid.uuid4().hex}"
    await alice.say(f"{canary} question", chat_id, training_data=f"{canary} fact")
    await mallory.say("Hello", chat_id)
    for query in ("", f"?user_id={alice.id}", f"?id={alice.id}&session_id={chat_id}"):
        response = await mallory.call("GET", EXPORT + query)
        assert canary not in response.text
        assert alice.id not in response.text
        lines = lines_of(response)
        assert {line.get("user_id", mallory.id) for line in lines} == {mallory.id}
        assert len([line for line in lines if line["type"] == "message" and line["session_id"] == chat_id]) == 2
    assert canary in (await alice.call("GET", EXPORT)).text


async def test_without_a_good_token_there_is_no_export(anon: Actor, newcomer: NewActor) -> None:
    assert_not_authenticated(await anon.call("GET", EXPORT))
    assert_not_authenticated(await anon.call("GET", EXPORT, headers={"Authorization": "Bearer rubbish"}))
    carol = await newcomer("carol")
    await exported(carol)
    await carol.call("POST", "/api/auth/logout/")
    assert_not_authenticated(await carol.call("GET", EXPORT))


async def test_exports_are_limited_per_person(new_server: NewServer, newcomer: NewActor) -> None:
    server = await new_server(LIMIT_EXPORT_PER_PERSON="2/36000")
    carol = (await newcomer("carol")).on(server.url)
    dave = (await newcomer("dave")).on(server.url)
    assert [(await carol.call("GET", EXPORT)).status_code for _ in range(2)] == [200, 200]
    refused(await carol.call("GET", EXPORT), 429, "too_many_requests")
    assert (await dave.call("GET", EXPORT)).status_code == 200


async def test_a_try_that_fails_before_its_first_line_is_not_counted(
    new_server: NewServer, newcomer: NewActor, data_api_environment: Mapping[str, str]
) -> None:
    doors = {"SUPABASE_DB_URL": "", "SUPABASE_DB_ADMIN_URL": ""}
    server = await new_server(LIMIT_EXPORT_PER_PERSON="2/36000", **doors)
    carol = (await newcomer("carol")).on(server.url)
    claims = {**carol.claims, "exp": int(time.time()) + 50}
    expiring = jwt.encode(claims, data_api_environment["SUPABASE_JWT_SECRET"], "HS256")
    for _ in range(3):
        answer = await carol.call("GET", EXPORT, headers={"Authorization": f"Bearer {expiring}"})
        refused(answer, 401, "token_expiring")
        assert answer.headers["RateLimit"].startswith('"export-per-person";r=2;t=')
    assert [(await carol.call("GET", EXPORT)).status_code for _ in range(3)] == [200, 200, 429]
    # A refusal for the limit itself takes nothing back.
    refused(await carol.call("GET", EXPORT), 429, "too_many_requests")


LONG_TEXTS = 60
# Hexadecimal digits at random: Postgres keeps them apart from their row, and cannot make them shorter.
LONG_TEXT = "(select string_agg(md5(n::text || random()), '') from generate_series(1, 900) n)"
ROWS_OF = {
    "messages": "insert into messages (user_id, session_id, role, content, status) "
    f"select %s, 'long', 'user', {LONG_TEXT} || g, 'sent' from generate_series(1, %s) g",
    "training_data": "insert into training_data (user_id, session_id, content) "
    f"select %s, 'long', {LONG_TEXT} || g from generate_series(1, %s) g",
}


async def blocks_read(owner: Owner, person: Actor, function: str, max_chars: int) -> int:
    """How many blocks of the database one page needs, called as the server does."""
    claims = "select set_config('request.jwt.claims', %s, true), set_config('role', 'safycore_user', true)"
    query = f"explain (analyze, buffers, format json) select public.{function}(null, 500, {max_chars})"
    async with owner.transaction(force_rollback=True):
        await owner.execute(claims, (json.dumps(person.claims),))
        await owner.execute(query.encode())  # what is looked up once is not counted
        row = await (await owner.execute(query.encode())).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


@pytest.mark.parametrize("table", ROWS_OF)
async def test_a_page_reads_no_more_long_texts_than_it_returns(
    table: str, newcomer: NewActor, owner_sql: Owner
) -> None:
    carol = await newcomer("carol")
    await owner_sql.execute(ROWS_OF[table].encode(), (carol.id, LONG_TEXTS))
    one_text = await blocks_read(owner_sql, carol, f"export_{table}", 1)
    every_text = await blocks_read(owner_sql, carol, f"export_{table}", 100_000_000)
    assert one_text * 5 < every_text
