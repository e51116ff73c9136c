"""The stand-in as a web server, and as something to start inside a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from .access import check_key, known_model
from .catalog import MODELS
from .completions import Completions
from .control import Control
from .errors import GroqError
from .script import Script
from .settings import AT_FULL_SPEED, Settings

HOST = "127.0.0.1"
# aiohttp waits this long for running replies when it stops, and then as long again.
SHUTDOWN_SECONDS = 0.25
# A full context window is about half a megabyte, in scripts of three bytes a character more.
MAX_BODY = 4 * 1024 * 1024
# A benchmark connects a thousand clients at once.
BACKLOG = 2048
# Groq's own path, and the one of servers that only speak its protocol.
PREFIXES = ("/openai/v1", "/v1")


class StandIn:
    """A running stand-in: what it saw, and how to steer it. Stops with `serve()`."""

    def __init__(self, port: int, completions: Completions) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._completions = completions

    @property
    def requests(self) -> list[object]:
        """The bodies of the newest completion requests, oldest first, at most a thousand."""
        return self._completions.recorder.requests()

    @property
    def total(self) -> int:
        """How many completions were asked for, refused ones included."""
        return self._completions.recorder.total

    @property
    def active(self) -> int:
        return self._completions.activity.active

    @property
    def closed_by_client(self) -> int:
        return self._completions.activity.closed_by_client

    def clear(self) -> None:
        """Forget what was asked for, and what was still queued."""
        self._completions.recorder.clear()
        self._completions.queue.clear()

    def queue(self, script: Script, times: int = 1) -> None:
        """Use the script for the next completions, whatever they say."""
        self._completions.queue.extend([script] * times)

    def release(self, name: str) -> None:
        """Let go every reply that waits at this hold, or will."""
        self._completions.holds.release(name)

    async def reached(self, name: str, count: int = 1) -> None:
        """Wait until so many replies came to this hold."""
        holds = self._completions.holds
        await holds.changes.until(lambda: holds.reached(name) >= count)

    async def left(self, count: int = 1) -> None:
        """Wait until so many clients left before the end of their reply."""
        activity = self._completions.activity
        await activity.changes.until(lambda: activity.closed_by_client >= count)

    async def under_way(self, count: int) -> None:
        """Wait until exactly so many completions are being answered."""
        activity = self._completions.activity
        await activity.changes.until(lambda: activity.active == count)


@asynccontextmanager
async def serve(settings: Settings = AT_FULL_SPEED, port: int = 0) -> AsyncIterator[StandIn]:
    """Serve on loopback in the running loop; port 0 takes a free one. Raises OSError."""
    completions = Completions(settings)
    runner = web.AppRunner(
        _application(settings, completions),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, backlog=BACKLOG).start()
        yield StandIn(runner.addresses[0][1], completions)
    finally:
        await runner.cleanup()


def _application(settings: Settings, completions: Completions) -> web.Application:
    app = web.Application(middlewares=[_speak_groq], client_max_size=MAX_BODY)
    models = Models(settings.key)
    for prefix in PREFIXES:
        app.router.add_post(f"{prefix}/chat/completions", completions.handle)
        app.router.add_get(f"{prefix}/models", models.all)
        app.router.add_get(f"{prefix}/models/{{id:.+}}", models.one)
    if settings.scripts:
        app.router.add_routes(Control(completions).routes())
    return app


class Models:
    """`GET models` and `GET models/{id}`."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def all(self, request: web.Request) -> web.Response:
        check_key(request, self._key)
        return _json({"object": "list", "data": list(MODELS.values())})

    async def one(self, request: web.Request) -> web.Response:
        check_key(request, self._key)
        return _json(known_model(request.match_info["id"]))


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


@web.middleware
async def _speak_groq(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals in Groq's form, those of the web framework too."""
    try:
        return await handler(request)
    except GroqError as error:
        return error.response()
    except web.HTTPRequestEntityTooLarge:
        return GroqError(413, "Request Entity Too Large", code="request_too_large").response()
    except web.HTTPException as error:
        message = f"Unknown request URL: {request.method} {request.path}."
        return GroqError(error.status, message, code="unknown_url").response()
