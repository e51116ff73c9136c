"""Supabase's Data API as a second front door: a person's own token and the public key, past our server."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping

import httpx
import pytest

from tests.cast import Actor
from tests.processes import CHECKOUT, Server

TABLES = ("messages", "training_data")


class DataApi:
    """What anybody can ask of Supabase directly."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._key = environment["SUPABASE_KEY"]
        self._http = httpx.AsyncClient(base_url=f"{environment['SUPABASE_URL']}/rest/v1", timeout=10)

    async def call(self, who: Actor | None, method: str, path: str, body: object = None) -> httpx.Response:
        token = who.token if who else self._key
        headers = {"apikey": self._key, "Authorization": f"Bearer {token}", "Prefer": "return=representation"}
        return await self._http.request(method, path, json=body, headers=headers)

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture(scope="module")
async def data_api(environment: Mapping[str, str]) -> AsyncIterator[DataApi]:
    api = DataApi(environment)
    yield api
    await api.close()


@pytest.fixture
def closed(environment: Mapping[str, str]) -> Iterator[None]:
    """The Data API closed by the command, and opened again by the other."""
    manage(environment, "close_data_api")
    try:
        yield
    finally:
        manage(environment, "open_data_api")


def manage(environment: Mapping[str, str], command: str) -> None:
    subprocess.run([sys.executable, "manage.py", command], cwd=CHECKOUT, env=dict(environment), check=True, timeout=30)


@pytest.mark.parametrize("table", TABLES)
async def test_a_person_reaches_their_own_rows_and_no_others(
    data_api: DataApi, alice: Actor, mallory: Actor, chat_id: str, table: str
) -> None:
    await alice.say("secret", chat_id, training_data="secret fact")
    mine = await data_api.call(alice, "GET", f"/{table}?select=user_id&session_id=eq.{chat_id}")
    assert mine.json()
    assert {row["user_id"] for row in mine.json()} == {alice.id}
    for query in ("", f"?session_id=eq.{chat_id}", f"?user_id=eq.{alice.id}"):
        theirs = await data_api.call(mallory, "GET", f"/{table}{query}")
        assert alice.id not in theirs.text
        assert "secret" not in theirs.text


@pytest.mark.parametrize("table", TABLES)
async def test_nobody_changes_deletes_or_adds_rows_of_somebody_else(
    data_api: DataApi, alice: Actor, mallory: Actor, chat_id: str, table: str
) -> None:
    await alice.say("secret", chat_id, training_data="secret fact")
    path = f"/{table}?session_id=eq.{chat_id}"
    before = (await data_api.call(alice, "GET", path)).json()
    for who in (mallory, None):
        for method, body in (("PATCH", {"content": "lies"}), ("DELETE", None)):
            response = await data_api.call(who, method, path, body)
            assert response.status_code in {401, 403} or response.json() == []
        forged = {"user_id": alice.id, "session_id": chat_id, "content": "lies"}
        if table == "messages":
            forged["role"] = "assistant"
        assert (await data_api.call(who, "POST", f"/{table}", forged)).status_code in {401, 403}
    assert (await data_api.call(alice, "GET", path)).json() == before


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_person_there_is_nothing(data_api: DataApi, alice: Actor, chat_id: str, table: str) -> None:
    await alice.say("secret", chat_id, training_data="secret fact")
    assert (await data_api.call(None, "GET", f"/{table}")).status_code in {401, 403}
    for function in ("list_training_data", "conversation_page", "clear_session"):
        response = await data_api.call(None, "POST", f"/rpc/{function}", {"p_session_id": chat_id})
        assert response.status_code in {401, 403, 404}, response.text
    assert len(await alice.history(chat_id)) == 2


async def test_mallorys_calls_of_our_functions_touch_her_own_rows_only(
    data_api: DataApi, alice: Actor, mallory: Actor, chat_id: str
) -> None:
    await alice.say("secret", chat_id, training_data="secret fact")
    before = await alice.history(chat_id)
    for function, arguments in (
        ("conversation_page", {"p_session_id": chat_id, "p_limit": 50, "p_before": None, "p_versions": True}),
        ("list_training_data", {"p_session_id": chat_id}),
        ("get_message", {"p_message_id": before[1]["id"]}),
        ("checkpoint_turn", {"p_message_id": before[1]["id"], "p_content": "lies"}),
        ("clear_session", {"p_session_id": chat_id}),
    ):
        response = await data_api.call(mallory, "POST", f"/rpc/{function}", arguments)
        assert response.status_code == 200, response.text
        assert "secret" not in response.text
    assert await alice.history(chat_id) == before


async def test_closed_it_gives_nothing_to_anybody_while_our_server_goes_on(
    data_api: DataApi, alice: Actor, postgres_server: Server, chat_id: str, closed: None
) -> None:
    await alice.say("secret", chat_id, training_data="secret fact")
    for table in TABLES:
        path = f"/{table}?session_id=eq.{chat_id}"
        new = {"session_id": chat_id, "content": "x", **({"role": "user"} if table == "messages" else {})}
        for method, body in (("GET", None), ("POST", new), ("PATCH", {"content": "x"}), ("DELETE", None)):
            response = await data_api.call(alice, method, path, body)
            assert response.status_code in {401, 403}, f"{method} {table}: {response.text}"
    for function in ("list_training_data", "clear_session", "session_is_live"):
        arguments = {} if function == "session_is_live" else {"p_session_id": chat_id}
        response = await data_api.call(alice, "POST", f"/rpc/{function}", arguments)
        assert response.status_code in {401, 403, 404}, response.text
    assert (await alice.say("And on", chat_id))["status"] == "complete"
    assert len(await alice.history(chat_id)) == 4


async def test_opened_again_it_gives_back_what_it_gave(
    data_api: DataApi, environment: Mapping[str, str], data_api_server: Server, alice: Actor, chat_id: str
) -> None:
    await alice.say("Hello", chat_id)
    path = f"/messages?session_id=eq.{chat_id}"
    before = (await data_api.call(alice, "GET", path)).json()
    try:
        await asyncio.to_thread(manage, environment, "close_data_api")
    finally:
        await asyncio.to_thread(manage, environment, "open_data_api")
    assert (await data_api.call(alice, "GET", path)).json() == before
    assert (await alice.on(data_api_server.url).say("Hello", chat_id))["status"] == "complete"
