"""What the stand-in saw, for tests: who asked what, who is still there, who left."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from aiohttp import web

MAX_REQUESTS = 1000
MAX_BYTES = 64 * 1024 * 1024
CUT_BY_SCRIPT = web.RequestKey("cut_by_script", bool)


class Changes:
    """Lets tasks wait for a condition without asking again and again."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def announce(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._event.wait()


class Recorder:
    """The newest request bodies, bounded in number and in bytes, and the count of all."""

    def __init__(self) -> None:
        self.total = 0
        self._bodies: deque[bytes] = deque()
        self._bytes = 0

    def add(self, body: bytes) -> None:
        self.total += 1
        self._bodies.append(body)
        self._bytes += len(body)
        while len(self._bodies) > MAX_REQUESTS or self._bytes > MAX_BYTES:
            self._bytes -= len(self._bodies.popleft())

    def clear(self) -> None:
        self.total = self._bytes = 0
        self._bodies.clear()

    def requests(self) -> list[object]:
        """The bodies, oldest first: decoded, or as text where they are no JSON."""
        return [_decoded(body) for body in self._bodies]


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode(errors="replace")


class Activity:
    """Counts the completions under way, and those whose client left before their end."""

    def __init__(self) -> None:
        self.active = 0
        self.closed_by_client = 0
        self.changes = Changes()

    @contextmanager
    def under_way(self, request: web.Request) -> Iterator[None]:
        """Around one completion. When it is cancelled and the connection is gone, the client left;
        unless a script cut it, which marks the request with CUT_BY_SCRIPT."""
        self.active += 1
        self.changes.announce()
        try:
            yield
        except asyncio.CancelledError:
            if request.transport is None and CUT_BY_SCRIPT not in request:
                self.closed_by_client += 1
            raise
        finally:
            self.active -= 1
            self.changes.announce()


class Holds:
    """Named places where replies wait. A released name stays open, also for later replies."""

    def __init__(self) -> None:
        self._reached: dict[str, int] = {}
        self._released: set[str] = set()
        self.changes = Changes()

    def reached(self, name: str) -> int:
        """How many replies came to this place so far."""
        return self._reached.get(name, 0)

    def release(self, name: str) -> None:
        self._released.add(name)
        self.changes.announce()

    async def wait(self, name: str) -> None:
        """Report the arrival, then wait for the release, which may have been before."""
        self._reached[name] = self.reached(name) + 1
        self.changes.announce()
        await self.changes.until(lambda: name in self._released)
