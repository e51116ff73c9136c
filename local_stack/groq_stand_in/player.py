"""Plays the steps of a reply onto a connection."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from typing import NoReturn

from aiohttp import web

from .observation import CUT_BY_SCRIPT, Holds
from .script import Script
from .settings import Settings
from .steps import Hold, Mark, Step


class Pacer:
    """Waits as long as a model would; one that fell behind catches up rather than drifts."""

    def __init__(self, settings: Settings, script: Script) -> None:
        first = _first_of(script.first_token_ms, settings.first_token_ms) / 1000
        self._interval = _interval(settings, script)
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + first

    async def wait(self) -> None:
        """Until the next chunk is due. Others run meanwhile even when it is due already."""
        delay = self._due - self._loop.time()
        self._due += self._interval
        await asyncio.sleep(max(0, delay))


def _interval(settings: Settings, script: Script) -> float:
    if script.drip_ms is not None:
        return script.drip_ms / 1000
    per_second = _first_of(script.tokens_per_second, settings.tokens_per_second)
    return script.chunk / per_second if per_second else 0


def _first_of(wanted: float | None, usual: float) -> float:
    return usual if wanted is None else wanted


async def play(
    steps: Iterable[Step],
    request: web.Request,
    response: web.StreamResponse,
    *,
    pacer: Pacer,
    holds: Holds,
) -> None:
    """Send one reply to its end. A client that leaves cancels this task at its next wait."""
    for step in steps:
        if isinstance(step, bytes):
            await response.write(step)
        elif step is Mark.TICK:
            await pacer.wait()
        elif isinstance(step, Hold):
            await holds.wait(step.name)
        else:
            await _special(step, request)


async def _special(mark: Mark, request: web.Request) -> None:
    if mark is Mark.TURN:
        await asyncio.sleep(0)
    elif mark is Mark.STALL:
        await forever()
    else:
        await cut(request, reset=mark is Mark.RESET)


async def forever() -> NoReturn:
    """Wait to be cancelled, as happens when the client leaves or the server stops."""
    while True:
        await asyncio.Event().wait()


async def cut(request: web.Request, *, reset: bool) -> NoReturn:
    """Close the connection without ending the body; what was written before still arrives."""
    request[CUT_BY_SCRIPT] = True
    transport = request.transport
    if transport is not None:
        if reset:
            _linger_not(transport)
        transport.abort()
    await forever()


def _linger_not(transport: asyncio.Transport) -> None:
    """Make the closing of the socket a reset: whatever is still under way may be lost."""
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
