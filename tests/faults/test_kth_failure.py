"""The k-th call to the database, and the k-th request to the model, fails: for every k of each flow, in each way."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from tests.cast import PASSWORD, Actor, sign_up
from tests.conftest import NewServer
from tests.faults.proxies import Fault, ModelFault, ModelProxy, PostgresProxy
from tests.faults.rows import Owner, Row, none_streaming, rows
from tests.faults.talking import Heard, clients, hear, regenerated, script
from tests.processes import Server

# About three checkpoints long.
MESSAGE = script(tokens=20, tokens_per_second=50, chunk=2)
RECOVERED_WITHIN = 20
_DEFINED = {
    (503, "database_unavailable"),
    (503, "model_unavailable"),
    (503, "not_saved"),
    (502, "model_broken"),
    (504, "model_timeout"),
}


@dataclass
class Told:
    """What the client of one flow was told: statuses with their codes, and replies."""

    answers: list[tuple[int, str | None]] = field(default_factory=list)
    replies: list[Heard] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def answer(self, response: httpx.Response) -> None:
        code = response.json().get("code") if response.status_code >= 400 else None
        self.answers.append((response.status_code, code))

    def reply(self, heard: Heard) -> None:
        self.answers.append((heard.status or 0, heard.code if heard.status != 200 else None))
        if heard.acknowledged:
            self.replies.append(heard)


@dataclass
class Scene:
    """A session at a server whose ways to the database and the model can fail."""

    actor: Actor
    server: Server
    http: httpx.AsyncClient
    session_id: str
    told: Told = field(default_factory=Told)


Flow = Callable[[Scene], Awaitable[None]]


async def _send(scene: Scene) -> None:
    body = {"message": MESSAGE, "session_id": scene.session_id}
    response = await scene.http.post("/api/chat/?format=markdown", json=body)
    scene.told.answer(response)
    if response.status_code == 200:
        answer = response.json()
        scene.told.acknowledged.append(MESSAGE)
        heard = Heard(message_id=answer["message_id"], finish=answer["status"], status=200, done=True)
        heard.pieces.append((0.0, answer["response"]))
        scene.told.replies.append(heard)


async def _stream(scene: Scene) -> None:
    heard = await hear(scene.http, scene.session_id, MESSAGE)
    scene.told.reply(heard)
    if heard.acknowledged:
        scene.told.acknowledged.append(MESSAGE)


async def _regenerate(scene: Scene) -> None:
    scene.told.reply(await regenerated(scene.http, scene.session_id))


async def _clear(scene: Scene) -> None:
    path = f"/api/chat/conversation/{scene.session_id}/clear/"
    scene.told.answer(await scene.http.delete(path))


async def _stop(scene: Scene) -> None:
    """A reply that is stopped while it is made; both calls are answered."""
    streaming = asyncio.create_task(hear(scene.http, scene.session_id, script(tokens=60, tokens_per_second=50)))
    await asyncio.wait([streaming], timeout=0.4)
    scene.told.answer(await scene.http.post(f"/api/chat/conversation/{scene.session_id}/stop/"))
    scene.told.reply(await streaming)


async def _history(scene: Scene) -> None:
    """With a token that was never seen, which the database is asked about first."""
    path = "/api/auth/login/"
    fresh = await scene.http.post(path, json={"email": scene.actor.email, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {fresh.json()['access_token']}"}
    scene.told.answer(await scene.http.get(f"/api/chat/conversation/{scene.session_id}/", headers=headers))


FLOWS: dict[str, Flow] = {
    "send": _send,
    "stream": _stream,
    "regenerate": _regenerate,
    "clear": _clear,
    "stop": _stop,
    "history": _history,
}
_LAST = {"send": 3, "stream": 3, "regenerate": 3, "clear": 2, "stop": 3, "history": 2}
"""The least number of calls that each flow makes."""


@pytest.fixture(scope="module")
def flow_environment() -> dict[str, str]:
    return {
        "CHECKPOINT_SECONDS": "0.1",
        "SUPABASE_DB_TIMEOUT": "1",
        "SUPABASE_DB_POOL_SIZE": "4",
        "GROQ_FIRST_TOKEN_TIMEOUT": "1",
        "GROQ_IDLE_TIMEOUT": "1",
        "GROQ_CONNECT_TIMEOUT": "1",
    }


async def _scene(actor: Actor, server: Server, http: httpx.AsyncClient, flow: str) -> Scene:
    """A new session, with one turn in it."""
    scene = Scene(actor, server, http, f"kth-{uuid.uuid4()}")
    first = MESSAGE if flow == "regenerate" else "Hello"
    assert (await hear(http, scene.session_id, first)).finish == "complete"
    return scene


@pytest.mark.parametrize("fault", ["before", "after", "stall"])
@pytest.mark.parametrize("flow", list(FLOWS))
async def test_whichever_call_to_the_database_fails_the_answer_is_defined_and_the_session_goes_on(
    new_server: NewServer,
    through_database: dict[str, str],
    flow_environment: dict[str, str],
    database: PostgresProxy,
    owner_sql: Owner,
    flow: str,
    fault: Fault,
) -> None:
    server = await new_server(**through_database, **flow_environment)
    actor = await sign_up(server.url, "kate")
    fired: list[str] = []
    async with clients(actor, server.url) as http:
        calls = await _calls_without_a_fault(actor, server, http, database, flow)
        assert len(calls) >= _LAST[flow], calls
        for k in range(1, len(calls) + 1):
            scene = await _scene(actor, server, http, flow)
            database.fail(k, fault)
            await FLOWS[flow](scene)
            fired.append(database.fired or "none")
            database.watch()
            await _assert_all_is_well(scene, owner_sql, flow, fault, f"{k}: {fired[-1]}")
    await actor.close()
    print(f"{flow}, {fault}: {fired}")  # noqa: T201
    assert fired[: _LAST[flow]].count("none") == 0


async def _calls_without_a_fault(
    actor: Actor, server: Server, http: httpx.AsyncClient, database: PostgresProxy, flow: str
) -> list[str]:
    scene = await _scene(actor, server, http, flow)
    database.watch()
    await FLOWS[flow](scene)
    assert {status for status, _ in scene.told.answers} == {200}
    return list(database.calls)


async def _assert_all_is_well(scene: Scene, owner: Owner, flow: str, fault: str, where: str) -> None:
    assert {answer for answer in scene.told.answers if answer[0] != 200} <= _DEFINED, (where, scene.told)
    await _assert_what_was_told_is_true(scene, owner, where)
    await _assert_the_next_message_is_taken(scene, where)
    await none_streaming(owner, [scene.actor.id], 30)
    said = [row["content"] for row in await rows(owner, scene.actor.id, scene.session_id) if row["role"] == "user"]
    wanted = scene.told.acknowledged
    if flow in {"send", "stream"}:
        # What was taken, and whose answer was lost on its way here, may be there without a word of ours; nothing else.
        lost = [MESSAGE] if fault != "before" and not wanted else []
        assert said in (["Hello", *wanted, "And now?"], ["Hello", *lost, "And now?"]), where


async def _assert_what_was_told_is_true(scene: Scene, owner: Owner, where: str) -> None:
    found: dict[str, Row] = {row["id"]: row for row in await rows(owner, scene.actor.id, scene.session_id)}
    for heard in scene.told.replies:
        assert heard.broken_at is None, (where, heard)
        assert heard.done, (where, heard)
        stored = found[heard.message_id]
        assert stored["status"] == heard.finish, (where, heard, stored)
        assert stored["content"] == heard.text, (where, heard, stored)
        if heard.finish == "complete":
            assert stored["finish_reason"] == "stop", (where, stored)


async def _assert_the_next_message_is_taken(scene: Scene, where: str) -> None:
    """At once, but for the moment in which the way back to the database is found."""
    loop = asyncio.get_running_loop()
    end = loop.time() + RECOVERED_WITHIN
    while True:
        heard = await hear(scene.http, scene.session_id, "And now?")
        if heard.acknowledged:
            assert heard.finish == "complete", (where, heard)
            return
        assert heard.status == 503, (where, heard)
        assert loop.time() < end, (where, heard)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("fault", ["refuse", "cut", "stall", "cut_middle", "stall_middle"])
@pytest.mark.parametrize("flow", ["send", "stream", "regenerate", "stop"])
async def test_whichever_request_to_the_model_fails_the_answer_is_defined_and_the_session_goes_on(
    new_server: NewServer,
    flow_environment: dict[str, str],
    model_proxy: ModelProxy,
    model: StandIn,
    owner_sql: Owner,
    flow: str,
    fault: ModelFault,
) -> None:
    server = await new_server(**flow_environment, GROQ_BASE_URL=f"http://127.0.0.1:{model_proxy.port}")
    actor = await sign_up(server.url, "kate")
    async with clients(actor, server.url) as http:
        # The first; the one after it, where there is one; both.
        for faults in ([fault], ["cut", fault], [fault, fault]):
            scene = await _scene(actor, server, http, flow)
            calls = model_proxy.calls
            model_proxy.faults = list(faults)
            await FLOWS[flow](scene)
            assert model_proxy.calls - calls in {1, 2}, "one retry at most"
            model_proxy.faults = []
            await _assert_all_is_well(scene, owner_sql, flow, "model", f"{faults}")
            assert scene.told.acknowledged or flow != "stream"
    await actor.close()
