"""The official clients against the embedded stack, and two people who both call their session "chat"."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import postgrest
import psycopg
import pytest
import supabase_auth.errors

from local_stack import node
from supabase import AsyncClient, AsyncClientOptions, create_async_client
from tests.api.accounts import Owner, fresh_address
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor
from tests.processes import CHECKOUT

SCRIPT = CHECKOUT / "tests" / "api" / "official_client.mjs"
COLUMNS = "content, user_id, session_id"


@pytest.fixture
async def client(environment: Mapping[str, str]) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient(timeout=20) as http:
        options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        yield await create_async_client(environment["SUPABASE_URL"], environment["SUPABASE_KEY"], options)


async def rows(client: AsyncClient, table: str) -> list[dict[str, Any]]:
    """The oldest first."""
    found = await client.table(table).select(COLUMNS).order("created_at").execute()
    return list(found.data)  # type: ignore[arg-type]  # rows of JSON


async def as_person(client: AsyncClient, person: Actor) -> None:
    """Signed in as somebody who signed up through our own API."""
    answer = await client.auth.sign_in_with_password({"email": person.email, "password": PASSWORD})
    assert answer.user
    assert answer.user.id == person.id


async def test_python_signs_up_in_and_renews(client: AsyncClient) -> None:
    email = fresh_address("carol")
    signed_up = await client.auth.sign_up({"email": email, "password": PASSWORD})
    signed_in = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert signed_up.user
    assert signed_in.user
    assert signed_in.session
    assert signed_in.user.id == signed_up.user.id
    renewed = await client.auth.refresh_session()
    assert renewed.session
    assert renewed.session.refresh_token != signed_in.session.refresh_token
    found = await client.auth.get_user()
    assert found
    assert found.user.email == email
    await client.auth.sign_out()
    with pytest.raises(supabase_auth.errors.AuthError):
        await client.auth.get_user(renewed.session.access_token)


async def test_python_sees_and_writes_ones_own_rows_only(
    client: AsyncClient, newcomer: NewActor, bob: Actor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    await bob.say("Bob's words", chat_id, training_data="Bob's text")
    await as_person(client, carol)
    for table, role in (("messages", {"role": "user"}), ("training_data", {})):
        mine = {"user_id": carol.id, "session_id": chat_id, "content": "Carol's words", **role}
        written = await client.table(table).insert(mine).execute()
        assert [row["content"] for row in written.data] == ["Carol's words"]  # type: ignore[index, call-overload]
        with pytest.raises(postgrest.APIError) as refused:
            await client.table(table).insert({**mine, "user_id": bob.id}).execute()
        assert refused.value.code == "42501"
        assert await rows(client, table) == [{"content": "Carol's words", "user_id": carol.id, "session_id": chat_id}]
        gone = await client.table(table).delete().eq("user_id", bob.id).execute()
        changed = await client.table(table).update({"content": "Changed"}).eq("user_id", bob.id).execute()
        assert (gone.data, changed.data) == ([], [])
    assert [row["content"] for row in await carol.history(chat_id)] == ["Carol's words"]
    assert (await bob.history(chat_id))[0]["content"] == "Bob's words"


async def test_python_without_signing_in_sees_nothing(client: AsyncClient, bob: Actor, chat_id: str) -> None:
    await bob.say("Bob's words", chat_id)
    for table in ("messages", "training_data"):
        with pytest.raises(postgrest.APIError) as refused:
            await rows(client, table)
        assert refused.value.code == "42501"
        with pytest.raises(postgrest.APIError):
            await client.table(table).insert({"user_id": bob.id, "session_id": chat_id, "content": "x"}).execute()


async def test_javascript_does_the_same(environment: Mapping[str, str]) -> None:
    seen = await run_javascript(environment, fresh_address("alice"), fresh_address("bob"))
    alice, bob = seen["alice"], seen["bob"]
    for person in (alice, bob):
        assert person["signed_up"] == person["signed_in"] == person["refreshed"]
        assert person["renewed"] is True
    for table in ("messages", "training_data"):
        hers = {"content": "Alice's words", "user_id": alice["signed_in"]}
        his = {"content": "Bob's words", "user_id": bob["signed_in"]}
        assert seen["alice_wrote"][table] == [hers]
        assert seen["bob_wrote"][table] == [his]
        assert seen["bob_wrote_as_alice"][table] == {"code": "42501"}
        assert seen["anon_wrote"][table] == {"code": "42501"}
        assert seen["alice_reads"][table] == [{**hers, "session_id": "chat"}]
        assert seen["bob_reads"][table] == [{**his, "session_id": "chat"}]
        assert seen["anon_reads"][table] in ([], {"code": "42501"})
    assert seen["bob_deleted_of_alice"] == []
    assert seen["bob_changed_of_alice"] == []
    assert seen["after_sign_out"] == {"code": "AuthSessionMissingError"}


async def run_javascript(environment: Mapping[str, str], *addresses: str) -> dict[str, Any]:
    arguments = (str(node.PACKAGE), environment["SUPABASE_URL"], environment["SUPABASE_KEY"], *addresses, PASSWORD)
    process = await asyncio.create_subprocess_exec(
        node.executable(),
        SCRIPT,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    report: dict[str, Any] = json.loads(out)
    return report


async def test_two_people_with_a_session_called_chat_each_see_their_own_by_every_way(
    newcomer: NewActor, client: AsyncClient, environment: Mapping[str, str], owner_sql: Owner
) -> None:
    people = {"Carol": await newcomer("carol"), "Dave": await newcomer("dave")}
    for name, person in people.items():
        await person.say(f"I am {name}", "chat", training_data=f"About {name}")
    for name, person in people.items():
        said = [row["content"] for row in await person.history("chat")]
        assert said[0] == f"I am {name}"
        listed = await person.call("GET", "/api/chat/training-data/?session_id=chat")
        assert [text["content"] for text in listed.json()["training_data"]] == [f"About {name}"]

        await as_person(client, person)
        assert [row["content"] for row in await rows(client, "messages")] == said
        assert [row["content"] for row in await rows(client, "training_data")] == [f"About {name}"]
        await client.auth.sign_out({"scope": "local"})

        assert await in_sql(environment, person) == sorted([*said, f"About {name}"])
    query = (
        "select count(*) from public.messages where session_id = 'chat' and role = 'user' and user_id = any(%s::uuid[])"
    )
    both = await (await owner_sql.execute(query, ([person.id for person in people.values()],))).fetchone()
    assert both == (2,)


async def in_sql(environment: Mapping[str, str], person: Actor) -> list[str]:
    """What row level security shows the server's own role, with this person's claims and without any filter."""
    claims = json.dumps({"sub": person.id, "role": "authenticated", "session_id": person.claims["session_id"]})
    async with await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_URL"]) as connection:
        await connection.execute(
            "select set_config('role', 'safycore_user', true), set_config('request.jwt.claims', %s, true)", [claims]
        )
        found = await connection.execute(
            "select content from public.messages union all select content from public.training_data"
        )
        return sorted(row[0] for row in await found.fetchall())
