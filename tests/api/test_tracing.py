"""Traces, at a collector of the test's own that speaks OTLP over HTTP."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.processes import CHECKOUT, START_SECONDS, Server, free_port

MODEL = "openai/gpt-oss-120b"


class Collector:
    """What was sent to it, as the protocol's own messages."""

    def __init__(self) -> None:
        self.url = ""
        self.services: set[str] = set()
        self.spans: list[Any] = []
        self.bodies: list[bytes] = []
        self._changed = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            self.services |= {
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            }
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.bodies.append(body)
        self._changed.set()
        return web.Response()

    async def trace_with(self, *names: str) -> list[Any]:
        """The spans of the first trace that has all of these, once it is there."""
        async with asyncio.timeout(30):
            while not (found := self._with(set(names))):
                self._changed.clear()
                await self._changed.wait()
        return found

    def _with(self, names: set[str]) -> list[Any]:
        for trace_id in {span.trace_id for span in self.spans}:
            trace = [span for span in self.spans if span.trace_id == trace_id]
            if names <= {span.name for span in trace}:
                return trace
        return []


def facts(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    taking = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", taking.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield taking
    await runner.cleanup()


@pytest.fixture
def settings(collector: Collector) -> dict[str, str]:
    # Soon, so that no test waits for the usual five seconds.
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "CHECKPOINT_SECONDS": "0.05",
    }


REPLY = ("POST api/chat/", "authenticate", "begin_turn", "model_request", "checkpoint", "finish")


async def test_a_message_is_one_trace_to_the_end_of_its_reply(
    new_server: NewServer, newcomer: NewActor, collector: Collector, settings: dict[str, str], chat_id: str
) -> None:
    carol = (await newcomer("carol")).on((await new_server(**settings)).url)
    await carol.say(script(tokens=30, tokens_per_second=100), chat_id)
    spans = {span.name: span for span in await collector.trace_with(*REPLY)}
    request = spans["POST api/chat/"]
    assert request.parent_span_id == b""
    assert {spans[name].parent_span_id for name in REPLY[1:]} == {request.span_id}
    assert facts(request) == {
        "http.request.method": "POST",
        "http.route": "api/chat/",
        "http.response.status_code": 200,
    }
    assert facts(spans["model_request"]) == {"safycore.model": MODEL}
    (first,) = spans["model_request"].events
    assert first.name == "first_token"
    assert (
        spans["model_request"].start_time_unix_nano <= first.time_unix_nano <= spans["model_request"].end_time_unix_nano
    )
    assert collector.services == {"safycore"}


async def test_no_span_has_what_people_wrote_or_who_they_are(
    new_server: NewServer, newcomer: NewActor, collector: Collector, settings: dict[str, str]
) -> None:
    server = await new_server(**settings)
    carol = (await newcomer("carol")).on(server.url)
    session_id, words = f"private-{secrets.token_hex(8)}", f"words-{secrets.token_hex(8)}"
    await carol.say(f"{words} !", session_id)
    await carol.call("POST", "/api/chat/", {"message": f"{words} {script(status=500)}", "session_id": session_id})
    await carol.call("GET", f"/api/chat/conversation/{session_id}/?words={words}", headers={"User-Agent": words})
    await carol.call("DELETE", f"/api/chat/sessions/{words}/")
    await carol.call("GET", f"/{words}")
    await collector.trace_with("DELETE api/chat/sessions/<str:session_id>/")
    await collector.trace_with("GET other")
    assert await server.stop() == 0
    assert {"finish", "authenticate"} <= {span.name for span in collector.spans}
    sent = b"".join(collector.bodies)
    for private in (session_id, words, carol.id, carol.email, str(carol.token)[-40:], "127.0.0.1"):
        assert private.encode() not in sent


async def test_what_failed_is_marked_with_our_code_and_nobody_s_words(
    new_server: NewServer, newcomer: NewActor, collector: Collector, settings: dict[str, str], chat_id: str
) -> None:
    carol = (await newcomer("carol")).on((await new_server(**settings)).url)
    await carol.call("POST", "/api/chat/", {"message": script(status=429), "session_id": chat_id})
    trace = await collector.trace_with("POST api/chat/", "model_request")
    (asked,) = [span for span in trace if span.name == "model_request"]
    assert facts(asked) == {"safycore.model": MODEL, "error.type": "busy"}
    assert (asked.status.code, asked.status.message, list(asked.events)) == (2, "", [])
    (request,) = [span for span in trace if span.name == "POST api/chat/"]
    assert facts(request)["http.response.status_code"] == 503
    assert request.status.code == 2


async def test_what_is_left_is_sent_before_the_server_ends(
    new_server: NewServer, anon: Actor, collector: Collector, settings: dict[str, str]
) -> None:
    server = await new_server(**settings | {"OTEL_BSP_SCHEDULE_DELAY": "600000"})
    await anon.on(server.url).call("GET", "/api/models/")
    assert collector.spans == []
    assert await server.stop() == 0
    assert "GET api/models/" in {span.name for span in collector.spans}


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_client_names_the_trace_only_where_that_is_configured(
    new_server: NewServer, anon: Actor, collector: Collector, settings: dict[str, str], trusted: bool
) -> None:
    server = await new_server(**settings, TRACE_PARENT_FROM_CLIENTS=str(trusted).lower())
    trace_id, parent = secrets.token_hex(16), secrets.token_hex(8)
    await anon.on(server.url).call("GET", "/api/models/", headers={"traceparent": f"00-{trace_id}-{parent}-01"})
    (span,) = [each for each in await collector.trace_with("GET api/models/") if each.name == "GET api/models/"]
    named = (span.trace_id.hex(), span.parent_span_id.hex())
    assert named == (trace_id, parent) if trusted else named[0] != trace_id and named[1] == ""


@pytest.mark.parametrize("given", ["", "rubbish", "00-0-0-01", f"00-{'0' * 32}-{'0' * 16}-01", "x" * 5000, "\u00ff"])
async def test_a_malformed_traceparent_costs_nobody_an_answer(
    new_server: NewServer, anon: Actor, settings: dict[str, str], given: str
) -> None:
    server = await new_server(**settings, TRACE_PARENT_FROM_CLIENTS="true")
    headers = {"traceparent": given.encode("latin-1"), "tracestate": b"=,;\xff"}
    assert (await anon.on(server.url).call("GET", "/api/models/", headers=headers)).status_code == 200


async def test_a_collector_that_is_away_costs_nobody_an_answer_and_holds_up_no_end(
    new_server: NewServer, newcomer: NewActor, settings: dict[str, str], chat_id: str
) -> None:
    server = await new_server(**settings | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    carol = (await newcomer("carol")).on(server.url)
    assert (await carol.say("Hello", chat_id))["status"] == "complete"
    async with asyncio.timeout(20):
        assert await server.stop() == 0


async def test_without_its_packages_the_start_is_refused_with_what_to_install(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """A folder before the installed packages, with one that cannot be imported."""
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not installed')")
    settings = {"PYTHONPATH": str(hidden.parent), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    server = Server({**environment, **settings}, tmp_path / "server.log")
    with server.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *server.command(), cwd=CHECKOUT, env=server.environment, stdout=log, stderr=log
        )
        async with asyncio.timeout(START_SECONDS):
            assert await process.wait() == 3
    assert "pip install --require-hashes -r requirements/tracing.lock" in server.log.read_text()


async def test_while_it_is_off_nothing_of_it_is_loaded() -> None:
    """The Redis client loads OpenTelemetry's metrics by itself, where they are installed."""
    names = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "safycore_backend.open_telemetry")
    code = f"import tests.environment, safycore_backend.asgi, sys; print([each in sys.modules for each in {names}])"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
    )
    words, _ = await process.communicate()
    assert words.decode().strip() == "[False, False, False]"
