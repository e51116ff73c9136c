"""nginx with the files of deploy/: who a client is, what is held back, sent again or refused on the way."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from local_stack import nginx
from local_stack.groq_stand_in import Script, StandIn
from local_stack.part import Part
from tests.answers import refused
from tests.api.accounts import fresh_address
from tests.cast import Actor
from tests.certificates import self_signed
from tests.conftest import NewActor, NewServer
from tests.faults.proxies import true_within
from tests.processes import Server, free_port

NewNginx = Callable[..., Awaitable[str]]


@pytest.fixture
async def new_nginx(tmp_path: Path) -> AsyncIterator[NewNginx]:
    """Starts nginx before the instances at these ports; its address: `await new_nginx(port, limits=…)`."""
    started: list[Part] = []

    async def start(*ports: int, listen: str = "listen 127.0.0.1:{port};\n", limits: str = nginx.UNLIMITED) -> str:
        folder, port = tmp_path / f"nginx-{len(started)}", free_port()
        nginx.write_configuration(folder, listen=listen.format(port=port), ports=ports, limits=limits)
        part = Part("nginx", nginx.command(folder), port=port, logs=folder, environment={}, stop_seconds=2)
        started.append(part)
        part.start()
        await true_within(20, lambda: part.running() and _listens(port), "nginx listens")
        return part.url

    yield start
    for part in started:
        part.stop()


def _listens(port: int) -> bool:
    local = f"0100007F:{port:04X}"
    return any(local in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())


def _from(address: str, url: str) -> httpx.AsyncClient:
    """A client at this address of loopback, who claims to be somebody else."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=url, transport=transport, timeout=20)


async def _wrong_password(http: httpx.AsyncClient, number: int) -> int:
    forged = {
        "X-Forwarded-For": f"203.0.113.{number}",
        "X-Real-IP": f"203.0.113.{number}",
        "Forwarded": f"for=203.0.113.{number}",
    }
    body = {"email": fresh_address("nobody"), "password": "not the password"}
    return (await http.post("/api/auth/login/", json=body, headers=forged)).status_code


async def test_a_limit_counts_the_address_that_nginx_saw_whatever_the_client_writes(
    new_server: NewServer, new_nginx: NewNginx
) -> None:
    server = await new_server(LIMIT_LOGIN_PER_ADDRESS="3/8640000", BEHIND_PROXY="true", TRUSTED_PROXIES="1")
    url = await new_nginx(server.port)
    async with _from("127.0.0.1", url) as here, _from("127.0.0.2", url) as there:
        assert [await _wrong_password(here, number) for number in range(5)] == [401, 401, 401, 429, 429]
        assert [await _wrong_password(there, number) for number in range(5)] == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("accept", ["text/event-stream", "text/plain"])
async def test_a_piece_of_a_reply_arrives_before_the_model_goes_on(
    new_server: NewServer, new_nginx: NewNginx, newcomer: NewActor, model: StandIn, chat_id: str, accept: str
) -> None:
    server = await new_server()
    actor = (await newcomer("carol")).on(await new_nginx(server.port))
    model.queue(Script(text="first then the rest", after=1, hold=chat_id))
    headers = {"Authorization": f"Bearer {actor.token}", "Accept": accept}
    body = {"message": "Hello", "session_id": chat_id}
    async with actor.http.stream("POST", "/api/chat/stream/", json=body, headers=headers) as response:
        heard = ""
        async for piece in response.aiter_text():
            heard += piece
            if "first" in heard:
                # Only now: what is held back on the way would wait for ever.
                model.release(chat_id)
    assert "rest" in heard


class Breaking:
    """A server that reads a request and closes the connection without an answer."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b" ")[0].decode())
        writer.close()


@asynccontextmanager
async def _breaking() -> AsyncIterator[tuple[Breaking, int]]:
    breaking = Breaking()
    server = await asyncio.start_server(breaking.serve, "127.0.0.1", 0)
    async with server:
        yield breaking, server.sockets[0].getsockname()[1]


async def test_what_was_sent_once_is_sent_again_only_when_that_does_no_harm(new_nginx: NewNginx) -> None:
    async with _breaking() as (first, one), _breaking() as (second, other):
        url = await new_nginx(one, other)
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            answer = await http.post("/api/chat/", json={"message": "Hello"})
            refused(answer, 503, "unavailable")
            assert len(first.requests) + len(second.requests) == 1, "a message must never be sent twice"
    async with _breaking() as (first, one), _breaking() as (second, other):
        url = await new_nginx(one, other)
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            refused(await http.get("/api/chat/sessions/"), 503, "unavailable")
            assert (first.requests, second.requests) == (["GET"], ["GET"])


async def test_a_message_goes_to_another_instance_when_one_refuses_the_connection(
    new_server: NewServer, new_nginx: NewNginx, newcomer: NewActor, chat_id: str
) -> None:
    server = await new_server()
    url = await new_nginx(free_port(), server.port, free_port())
    carol = (await newcomer("carol")).on(url)
    for number in range(6):
        assert (await carol.say("Hello", f"{chat_id}-{number}"))["status"] == "complete"


async def test_over_the_deployed_limits_nginx_answers_as_the_server_would(
    new_server: NewServer, new_nginx: NewNginx
) -> None:
    server = await new_server()
    url = await new_nginx(server.port, limits=(nginx.DEPLOY / "nginx" / "limits.conf").read_text())
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=httpx.Limits(max_connections=20)) as http:
        answers = await asyncio.gather(*(http.get("/healthz") for _ in range(700)))
    let_through = [answer for answer in answers if answer.status_code == 200]
    # The burst, at least, passes; how many more depends on how long this took.
    assert len(let_through) >= 200
    over = [answer for answer in answers if answer.status_code != 200]
    assert over, "seven hundred at once must be more than thirty a second"
    for answer in over:
        refused(answer, 429, "too_many_requests")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/chat/conversation/a%00b/", 400, "bad_request"),
        ("TRACE", "/api/chat/", 405, "method_not_allowed"),
        ("GET", "/_nginx/503", 404, "not_found"),
        ("GET", f"/{'x' * 40_000}", 414, "invalid_input"),
    ],
    ids=["NUL", "TRACE", "its own address", "long"],
)
async def test_what_nginx_refuses_itself_it_refuses_in_our_form(
    new_server: NewServer, new_nginx: NewNginx, alice: Actor, method: str, path: str, status: int, code: str
) -> None:
    url = await new_nginx((await new_server()).port)
    response = await alice.on(url).call(method, path)
    refused(response, status, code)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["server"] == "nginx", "without its version"


async def test_two_authorization_headers_reach_nobody(new_server: NewServer, new_nginx: NewNginx, alice: Actor) -> None:
    url = await new_nginx((await new_server()).port)
    twice = [("Authorization", f"Bearer {alice.token}")] * 2
    refused(await alice.http.get(f"{url}/api/auth/profile/", headers=twice), 400, "bad_request")


async def test_over_tls_the_server_knows_that_the_browser_came_by_it(
    environment: Mapping[str, str], new_nginx: NewNginx, tmp_path: Path
) -> None:
    settings = {**environment, "BEHIND_PROXY": "true", "TRUSTED_PROXIES": "1"}
    server = Server(settings, tmp_path / "server.log", site_url="https://127.0.0.1")
    await server.start()
    certificate, key = self_signed(tmp_path)
    deployed = (nginx.DEPLOY / "nginx" / "listen.conf").read_text()
    plain = free_port()
    listen = (
        deployed.replace("listen 8080", f"listen 127.0.0.1:{plain}")
        .replace("listen 8443", "listen 127.0.0.1:{port}")
        .replace("/etc/nginx/tls/fullchain.pem", str(certificate))
        .replace("/etc/nginx/tls/privkey.pem", str(key))
    )
    url = (await new_nginx(server.port, listen=listen)).replace("http:", "https:")
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with httpx.AsyncClient(verify=context, timeout=20, headers={"X-Forwarded-Proto": "http"}) as http:
            secure = await http.get(f"{url}/api/auth/profile/")
            http.headers["X-Forwarded-Proto"] = "https"
            insecure = await http.get(f"http://127.0.0.1:{plain}/api/auth/profile/")
    finally:
        await server.stop()
    refused(secure, 401, "not_authenticated")
    assert secure.headers["strict-transport-security"] == "max-age=31536000"
    assert insecure.status_code == 301
    assert insecure.headers["location"].startswith("https://127.0.0.1")
