"""What a killed server or a lost database leaves behind."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.api.test_chat import script
from tests.cast import PASSWORD, Actor, sign_up
from tests.conftest import NewServer
from tests.processes import Server

# A database that does not answer may cost a request two seconds; these servers wait for it half a second.
DEADLINE = 2.0


class Wire:
    """A way to Postgres that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._whole = asyncio.Event()
        self._whole.set()
        self._frozen = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """The port to connect to."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Every connection breaks, and no new one comes about."""
        self._whole.clear()
        for writer in self._open:
            writer.transport.abort()

    def freeze(self) -> None:
        """Connections stand, and nothing comes through any more, as when a cable is pulled."""
        self._frozen = True

    def mend(self) -> None:
        self._whole.set()
        if self._frozen:
            self._frozen = False
            for writer in self._open:
                writer.transport.abort()

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole.is_set():
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if not self._frozen:
                    sink.write(data)
                    await sink.drain()
        self._open.discard(sink)
        sink.close()


@pytest.fixture
async def wire(environment: Mapping[str, str]) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the real Postgres, and the address of its near end."""
    parts = urlsplit(environment["SUPABASE_DB_URL"])
    assert parts.hostname
    wire = Wire(parts.hostname, parts.port or 5432)
    port = await wire.start()
    credentials = parts.netloc.rpartition("@")[0]
    yield wire, urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{port}"))
    await wire.stop()


@pytest.fixture
async def wired(
    wire: tuple[Wire, str], new_server: NewServer, either_environment: dict[str, str]
) -> tuple[Wire, Server]:
    """A server whose Postgres is behind the wire, with Django's tables in it or not."""
    changed = {**either_environment, "SUPABASE_DB_URL": wire[1], "SUPABASE_DB_TIMEOUT": "0.5"}
    if not changed["DATABASE_URL"].startswith("sqlite"):
        changed["DATABASE_URL"] = wire[1]
    server = await new_server(**changed)
    return wire[0], server


async def within_deadline(actor: Actor, method: str, path: str, body: object = None) -> httpx.Response:
    started = time.monotonic()
    response = await actor.call(method, path, body)
    assert time.monotonic() - started < DEADLINE
    return response


# The server


async def test_a_killed_server_has_lost_nothing_when_it_is_back(
    new_server: NewServer, either_environment: dict[str, str], chat_id: str
) -> None:
    server = await new_server(**either_environment)
    carol = await sign_up(server.url, "carol")
    try:
        await carol.say("Remember me", chat_id, training_data="a fact")
        await carol.call("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "Mine"})
        await carol.call("PATCH", "/api/auth/profile/", {"default_session_id": chat_id})
        before = await carol.history(chat_id)
        await server.stop(signal.SIGKILL)
        await server.start()
        assert await carol.history(chat_id) == before
        sessions = (await carol.call("GET", "/api/chat/sessions/")).json()["sessions"]
        assert [(each["session_id"], each["title"]) for each in sessions] == [(chat_id, "Mine")]
        profile = (await carol.call("GET", "/api/auth/profile/")).json()["user"]
        assert profile["default_session_id"] == chat_id
        texts = (await carol.call("GET", f"/api/chat/training-data/?session_id={chat_id}")).json()["training_data"]
        assert [each["content"] for each in texts] == ["a fact"]
        login = await carol.call("POST", "/api/auth/login/", {"email": carol.email, "password": PASSWORD})
        assert login.status_code == 200
        assert (await carol.say("And on", chat_id))["status"] == "complete"
    finally:
        await carol.close()


async def test_a_server_killed_in_the_middle_of_a_reply_loses_neither_message_nor_checkpoint(
    new_server: NewServer, alice: Actor, chat_id: str, model: StandIn
) -> None:
    server = await new_server(CHECKPOINT_SECONDS="0.05")
    alice = alice.on(server.url)
    message = script(text="first words and the last", after=2, hold=chat_id)
    waiting = asyncio.create_task(alice.call("POST", "/api/chat/", {"message": message, "session_id": chat_id}))
    await model.reached(chat_id)
    async with asyncio.timeout(5):
        while (await alice.history(chat_id))[1]["content"] != "first words":
            pass  # each look is a request of its own, so this is no busy loop
    await server.stop(signal.SIGKILL)
    with pytest.raises(httpx.TransportError):
        await waiting
    model.release(chat_id)
    await server.start()
    sent, reply = await alice.history(chat_id)
    assert sent["content"] == message
    assert reply["content"] == "first words"
    assert reply["status"] in {"streaming", "interrupted"}
    assert (await alice.say("Elsewhere", f"{chat_id}-2"))["status"] == "complete"


async def test_a_server_that_is_told_to_stop_saves_what_runs(
    new_server: NewServer, alice: Actor, chat_id: str, model: StandIn
) -> None:
    server = await new_server()
    message = script(text="first words and the last", after=2, hold=chat_id)
    there = alice.on(server.url)
    waiting = asyncio.create_task(there.call("POST", "/api/chat/", {"message": message, "session_id": chat_id}))
    await model.reached(chat_id)
    await server.stop()
    await asyncio.wait([waiting])
    waiting.exception()
    reply = (await alice.history(chat_id))[1]
    assert (reply["content"], reply["status"]) == ("first words", "interrupted")
    assert (await alice.say("And on", chat_id))["status"] == "complete"


# The database


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_without_its_database_the_server_says_so_in_time_and_recovers(
    wired: tuple[Wire, Server], alice: Actor, chat_id: str, model: StandIn, how: str
) -> None:
    wire, server = wired
    alice = alice.on(server.url)
    await alice.say("Hello", chat_id)
    asked = model.total
    wire.cut() if how == "cut" else wire.freeze()
    for method, path, body in (
        ("POST", "/api/chat/", {"message": "Lost?", "session_id": chat_id}),
        ("POST", "/api/chat/stream/", {"message": "Lost?", "session_id": chat_id}),
        ("GET", f"/api/chat/conversation/{chat_id}/", None),
        ("POST", f"/api/chat/conversation/{chat_id}/stop/", None),
        ("GET", "/api/chat/sessions/", None),
        ("GET", "/api/auth/profile/", None),
    ):
        refused(await within_deadline(alice, method, path, body), 503, "database_unavailable")
    ready = await within_deadline(alice, "GET", "/readyz")
    wired_in = ["database"] if "sqlite" in server.environment["DATABASE_URL"] else ["database", "django_database"]
    assert (ready.status_code, ready.json()["missing"]) == (503, wired_in)
    assert (await alice.call("GET", "/healthz")).status_code == 200
    assert model.total == asked
    wire.mend()
    async with asyncio.timeout(10):
        while (await alice.call("GET", "/readyz")).status_code != 200:
            pass  # each look is a request of its own, so this is no busy loop
    assert (await alice.say("Back again", chat_id))["status"] == "complete"
    assert len(await alice.history(chat_id)) == 4


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_without_djangos_tables_alone_the_chat_goes_on_and_what_needs_them_says_so_in_time(
    wire: tuple[Wire, str],
    new_server: NewServer,
    in_postgres_environment: Mapping[str, str],
    alice: Actor,
    chat_id: str,
    how: str,
) -> None:
    changed = {**in_postgres_environment, "DATABASE_URL": wire[1], "SUPABASE_DB_TIMEOUT": "0.5"}
    alice = alice.on((await new_server(**changed)).url)
    await alice.say("Hello", chat_id)
    wire[0].cut() if how == "cut" else wire[0].freeze()
    assert (await alice.say("Still there?", chat_id))["status"] == "complete"
    listed = await within_deadline(alice, "GET", "/api/chat/sessions/")
    refused(listed, 503, "database_unavailable")
    renamed = await within_deadline(alice, "PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "New"})
    refused(renamed, 503, "database_unavailable")
    ready = await within_deadline(alice, "GET", "/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (503, ["django_database"])
    wire[0].mend()
    async with asyncio.timeout(10):
        while (await alice.call("GET", "/readyz")).status_code != 200:
            pass  # each look is a request of its own, so this is no busy loop
    for _ in range(5):
        sessions = (await alice.call("GET", "/api/chat/sessions/")).json()["sessions"]
        assert sessions[0]["title"] == "Hello"


async def test_a_database_that_comes_back_during_a_reply_gets_the_whole_of_it(
    wired: tuple[Wire, Server], alice: Actor, chat_id: str, model: StandIn
) -> None:
    wire, server = wired
    there = alice.on(server.url)
    waiting = asyncio.create_task(there.say(script(text="one two three", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    wire.cut()
    model.release(chat_id)
    await model.under_way(0)
    wire.mend()
    answer = await waiting
    assert (answer["status"], answer["response"]) == ("complete", "one two three")
    reply = (await alice.history(chat_id))[1]
    assert (reply["content"], reply["status"]) == ("one two three", "complete")
