"""What stands around a reply: a proxy before it, a sign-in service that is away, thousands of turns behind it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpx
import psycopg
import pytest

from local_stack.groq_stand_in import Script, StandIn
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer
from tests.processes import Server, free_port

READ_TIMEOUT_SECONDS = 2
# As httpx, and nginx.conf, keep an idle connection.
PATIENCE_OF_CLIENTS_SECONDS = 5
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection "";
      proxy_read_timeout {timeout}s;
    }}
  }}
}}
"""


@asynccontextmanager
async def nginx_before(upstream: str, folder: Path) -> AsyncIterator[str]:
    """nginx as people set it up, buffering included, with little patience; its address."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "This test needs nginx; on Debian: apt-get install nginx-light"
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, upstream=upstream, timeout=READ_TIMEOUT_SECONDS)
    )
    process = await asyncio.create_subprocess_exec(program, "-c", configuration, "-e", folder / "error.log")
    try:
        await _listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return


async def test_through_a_proxy_the_first_byte_comes_at_once_and_a_silent_model_does_not_cut_the_stream(
    new_server: NewServer, newcomer: NewActor, model: StandIn, tmp_path: Path, chat_id: str
) -> None:
    server = await new_server(SSE_PING_SECONDS="0.5")
    actor = (await newcomer("carol")).on(server.url)
    model.queue(Script(text="one two three", after=1, hold=chat_id))
    async with nginx_before(server.url, tmp_path) as address, httpx.AsyncClient(base_url=address, timeout=20) as http:
        headers = {"Authorization": f"Bearer {actor.token}", "Accept": "text/event-stream"}
        body = {"message": "Hello", "session_id": chat_id}
        async with http.stream("POST", "/api/chat/stream/", json=body, headers=headers) as response:
            heard, pings = "", 0
            async for piece in response.aiter_text():
                heard += piece
                pings = heard.count(": ping")
                # Silence for longer than the proxy waits, then the rest.
                if pings * 0.5 > 2 * READ_TIMEOUT_SECONDS:
                    model.release(chat_id)
    assert pings * 0.5 > 2 * READ_TIMEOUT_SECONDS
    assert heard.rstrip().endswith("data: [DONE]")
    assert (await actor.history(chat_id))[-1]["content"] == "one two three"


async def test_a_connection_that_rested_while_its_client_still_counts_on_it_is_not_closed(
    postgres_server: Server,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", postgres_server.port)

    async def answered() -> bool:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(10):
            return (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")

    assert await answered()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PATIENCE_OF_CLIENTS_SECONDS + 1):
            assert await reader.read(1) == b"anything", "the server closed the connection"
    assert await answered()
    writer.close()
    await writer.wait_closed()


async def test_while_the_sign_in_service_is_away_known_tokens_work_and_a_login_is_503(
    new_server: NewServer, alice: Actor, chat_id: str
) -> None:
    server = await new_server(SUPABASE_URL=f"http://127.0.0.1:{free_port()}")
    there = alice.on(server.url)
    assert (await there.say("Hello", chat_id))["status"] == "complete"
    login = await there.call("POST", "/api/auth/login/", {"email": alice.email, "password": PASSWORD})
    assert (login.status_code, login.json()["code"]) == (503, "auth_unavailable")
    assert int(login.headers["retry-after"]) > 0


@pytest.mark.parametrize("turns", [10, 10_000])
async def test_a_session_of_many_turns_asks_no_more_of_the_model_than_one_of_few(
    newcomer: NewActor,
    model: StandIn,
    owner_sql: psycopg.AsyncConnection[tuple[object, ...]],
    environment: Mapping[str, str],
    chat_id: str,
    turns: int,
) -> None:
    actor = await newcomer("carol")
    await owner_sql.execute(
        "insert into messages (user_id, session_id, role, content, status) "
        "select %s, %s, case when n %% 2 = 1 then 'user' else 'assistant' end, repeat('word ', 40), "
        "case when n %% 2 = 1 then 'sent' else 'complete' end from generate_series(1, %s) n",
        (actor.id, chat_id, 2 * turns),
    )
    await actor.say("And now?", chat_id)
    body = cast("dict[str, list[dict[str, str]]]", model.requests[-1])
    said = [message for message in body["messages"] if message["role"] != "system"]
    assert said[-1] == {"role": "user", "content": "And now?"}
    assert len(said) > 20, "ten turns fit whole, and of ten thousand no fewer are kept"
    # The budget of 6,000 tokens, four bytes each, and the question.
    assert sum(len(message["content"]) for message in said) <= 4 * 6_000 + 8
    plan = await (
        await owner_sql.execute(
            "explain (format text) select * from messages where user_id = %s and session_id = %s and seq < 100000 "
            "order by seq desc limit 400",
            (actor.id, chat_id),
        )
    ).fetchall()
    text = "\n".join(str(row[0]) for row in plan)
    assert "Seq Scan" not in text
    assert "Sort" not in text
