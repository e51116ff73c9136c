"""Clients that keep account of what they are told, and when."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.cast import Actor

EVENTS = {"Accept": "text/event-stream"}


def script(note: str = "", **fields: Any) -> str:
    """A message that tells the stand-in model how to answer, with words of its own."""
    return f"!script {json.dumps(fields)}\n{note or 'Go on.'}"


@dataclass
class Heard:
    """What one client was told of one reply. `status` is that of the answer, `finish` the outcome's."""

    sent: str = ""
    key: str = ""
    status: int | None = None
    code: str | None = None
    message_id: str = ""
    pieces: list[tuple[float, str]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    finish: str | None = None
    done: bool = False
    broken_at: float | None = None
    fault: str = ""

    @property
    def text(self) -> str:
        return "".join(piece for _, piece in self.pieces)

    @property
    def acknowledged(self) -> bool:
        return self.status == 200

    def text_until(self, moment: float) -> str:
        """What had come by then, on the clock of time.monotonic."""
        return "".join(piece for when, piece in self.pieces if when <= moment)

    def take(self, line: str) -> None:
        """One line of a UI message stream."""
        if line == "data: [DONE]":
            self.done = True
        elif line.startswith("data: "):
            self._part(json.loads(line.removeprefix("data: ")))

    def _part(self, part: dict[str, Any]) -> None:
        self.parts.append(part["type"])
        match part["type"]:
            case "start":
                self.message_id = part["messageId"]
            case "text-delta":
                self.pieces.append((time.monotonic(), part["delta"]))
            case "data-error":
                self.code = part["data"]["code"]
            case "finish":
                self.finish = part["messageMetadata"]["status"]


def clients(actor: Actor, base_url: str) -> httpx.AsyncClient:
    """As many connections at once as it takes, none used twice: a server that stops cannot cut one between uses."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {actor.token}"},
        timeout=60,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


async def hear(
    http: httpx.AsyncClient, session_id: str, message: str, key: str | None = None, heard: Heard | None = None
) -> Heard:
    """Send, and listen to the end, or to the break: then `broken_at` is set."""
    heard = heard or Heard()
    heard.sent, heard.key = message, key or uuid.uuid4().hex
    body = {"message": message, "session_id": session_id}
    request = http.build_request(
        "POST", "/api/chat/stream/", json=body, headers={**EVENTS, "Idempotency-Key": heard.key}
    )
    return await _listened(http, request, heard)


async def joined(http: httpx.AsyncClient, session_id: str) -> Heard:
    """Join the running reply and listen to its end."""
    request = http.build_request("GET", f"/api/chat/conversation/{session_id}/stream/", headers=EVENTS)
    return await _listened(http, request, Heard())


async def regenerated(http: httpx.AsyncClient, session_id: str) -> Heard:
    """Have the last message answered again, and listen to the end."""
    path = f"/api/chat/conversation/{session_id}/regenerate/"
    return await _listened(http, http.build_request("POST", path, json={}, headers=EVENTS), Heard())


async def _listened(http: httpx.AsyncClient, request: httpx.Request, heard: Heard) -> Heard:
    try:
        response = await http.send(request, stream=True)
        try:
            await _read(response, heard)
        finally:
            await response.aclose()
    except httpx.TransportError as error:
        heard.broken_at, heard.fault = time.monotonic(), type(error).__name__
    return heard


async def _read(response: httpx.Response, heard: Heard) -> None:
    heard.status = response.status_code
    if response.status_code != 200:
        await response.aread()
        heard.code = response.json().get("code") if response.content else None
        return
    async for line in response.aiter_lines():
        heard.take(line)


class Listener:
    """A reply that is listened to beside the test: `heard` grows, `await listener.end()` waits."""

    def __init__(self, task: asyncio.Task[Heard], heard: Heard) -> None:
        self.heard = heard
        self.task = task

    async def end(self, seconds: float = 30) -> Heard:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.task)

    async def has(self, length: int, seconds: float = 15) -> None:
        """Wait until so many characters came."""
        async with asyncio.timeout(seconds):
            while len(self.heard.text) < length:
                assert not self.task.done(), self.heard
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening_to(http: httpx.AsyncClient, session_id: str, message: str) -> AsyncIterator[Listener]:
    """Send, and listen in a task that ends with the block."""
    heard = Heard()
    task = asyncio.create_task(hear(http, session_id, message, heard=heard))
    try:
        yield Listener(task, heard)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
