"""`/_control`: how a test in another process sees and steers the stand-in.

Served only with `scripts`, for it shows what people asked to whoever reaches the port.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress

import msgspec
from aiohttp import web

from .completions import Completions
from .errors import GroqError
from .script import Positive, Script

LONGEST_POLL = 30.0


class Queued(msgspec.Struct, forbid_unknown_fields=True):
    script: Script
    times: Positive = 1


class Control:
    def __init__(self, completions: Completions) -> None:
        self._completions = completions

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_control/requests", self.requests),
            web.delete("/_control/requests", self.forget),
            web.get("/_control/active", self.active),
            web.post("/_control/script", self.queue),
            web.delete("/_control/script", self.unqueue),
            web.get("/_control/reached/{name}", self.reached),
            web.post("/_control/release/{name}", self.release),
        ]

    async def requests(self, _: web.Request) -> web.Response:
        """`{total, requests}`: the newest thousand bodies, oldest first."""
        recorder = self._completions.recorder
        return _json({"total": recorder.total, "requests": recorder.requests()})

    async def forget(self, _: web.Request) -> web.Response:
        self._completions.recorder.clear()
        return _json({"total": 0})

    async def active(self, request: web.Request) -> web.Response:
        """`{active, closed_by_client}`: at once, or when they are what the query asks for.

        `?closed_by_client=n` waits for at least n, `?active=n` for exactly n.
        """
        activity = self._completions.activity
        closed, active = _number(request, "closed_by_client"), _number(request, "active")

        def as_asked() -> bool:
            return activity.closed_by_client >= (closed or 0) and active in {None, activity.active}

        status = await _polled(request, activity.changes.until(as_asked))
        figures = {"active": activity.active, "closed_by_client": activity.closed_by_client}
        return _json(figures, status)

    async def queue(self, request: web.Request) -> web.Response:
        """The script for the next `times` completions, whatever they say."""
        try:
            queued = msgspec.json.decode(await request.read(), type=Queued)
        except msgspec.DecodeError as error:
            raise GroqError(400, f"not a script: {error}", code="bad_script") from error
        self._completions.queue.extend([queued.script] * queued.times)
        return _json({"queued": len(self._completions.queue)})

    async def unqueue(self, _: web.Request) -> web.Response:
        self._completions.queue.clear()
        return _json({"queued": 0})

    async def reached(self, request: web.Request) -> web.Response:
        """`{reached}` as soon as `?count=` replies (1) came to this hold, ever."""
        holds, name = self._completions.holds, request.match_info["name"]
        count = _number(request, "count") or 1
        arrival = holds.changes.until(lambda: holds.reached(name) >= count)
        status = await _polled(request, arrival)
        return _json({"reached": holds.reached(name)}, status)

    async def release(self, request: web.Request) -> web.Response:
        self._completions.holds.release(request.match_info["name"])
        return _json({"released": True})


async def _polled(request: web.Request, event: Awaitable[None]) -> int:
    """200 once the event came, 408 when the time ran out (`?seconds=`, at most 30)."""
    wanted = _number(request, "seconds")
    seconds = LONGEST_POLL if wanted is None else min(wanted, LONGEST_POLL)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event
            return 200
    return 408


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is not None and not text.isdecimal():
        raise GroqError(400, f"{name} must be a whole number", code="bad_query")
    return None if text is None else int(text)


def _json(fields: Mapping[str, object], status: int = 200) -> web.Response:
    body = msgspec.json.encode(fields)
    return web.Response(status=status, body=body, content_type="application/json")
