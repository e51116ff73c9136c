"""TCP proxies on loopback that stand between our server and what it needs, and fail where a test asks for it."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Literal

Fault = Literal["before", "after", "stall"]
"""What happens to one call: it never arrives; it is done and its answer is lost; its answer never comes."""

Gone = Literal["refused", "silent"]
"""How a database is away: connections are closed at once, or taken and never answered."""

_FUNCTION = re.compile(rb'public\."(\w+)"\(')
_HOUSEKEEPING = {"running_owners", "reap_replies"}
_CANCEL = 80877102
_ENCRYPTION = {80877103, 80877104}
# Of a pipeline; everything up to the message that is none of these is sent on in one piece.
_PARTS = b"PBDEC"


class Link:
    """One connection through a proxy, both ways."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.fault: Fault | None = None

    def cut(self) -> None:
        """End both connections, with nothing that still waits to be sent."""
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Passes bytes on; `gone` says how the other side is away for those who come anew."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.links: set[Link] = set()
        self.gone: Gone | None = None
        self.port = 0

    def go(self, how: Gone) -> None:
        """The other side is away, for those who are connected too."""
        self.gone = how
        if how == "refused":
            for link in list(self.links):
                link.cut()
        else:
            for link in self.links:
                link.fault = "stall"

    def come_back(self) -> None:
        """All is well again; what was stalled stays so until its client gives up."""
        self.gone = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # asyncio's server takes a cancelled task of its own for an error, and stop() is the only one who cancels.
            with suppress(asyncio.CancelledError, OSError):
                await self._served(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.gone == "refused":
            return
        if self.gone == "silent":
            await _until_closed(reader)
            return
        back, forth = await asyncio.open_connection(*self._target)
        link = Link(writer, forth)
        self.links.add(link)
        try:
            await _either(self.to_server(reader, link), self.to_client(back, link))
        finally:
            self.links.discard(link)
            link.cut()

    async def to_server(self, reader: asyncio.StreamReader, link: Link) -> None:
        while chunk := await reader.read(65_536):
            if link.fault != "stall":
                link.server.write(chunk)

    async def to_client(self, reader: asyncio.StreamReader, link: Link) -> None:
        while chunk := await reader.read(65_536):
            if link.fault != "stall":
                link.client.write(chunk)
                await link.client.drain()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class PostgresProxy(Proxy):
    """Knows our functions when it sees them called; `fail(k, fault)` fails the k-th call from then on."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.calls: list[str] = []
        """The functions called since `watch` or `fail`."""
        self.fired: str | None = None
        """The function whose call was failed."""
        self._at: int | None = None
        self._fault: Fault = "before"

    def watch(self) -> None:
        """Count from here, and fail nothing."""
        self.calls, self.fired, self._at = [], None, None

    def fail(self, at: int, fault: Fault) -> None:
        self.watch()
        self._at, self._fault = at, fault

    async def to_server(self, reader: asyncio.StreamReader, link: Link) -> None:
        with suppress(asyncio.IncompleteReadError):
            await self._greeting(reader, link)
            waiting = b""
            while True:
                head = await reader.readexactly(5)
                waiting += head + await reader.readexactly(int.from_bytes(head[1:]) - 4)
                if head[:1] not in _PARTS:
                    self._pass_on(waiting, link)
                    waiting = b""

    async def _greeting(self, reader: asyncio.StreamReader, link: Link) -> None:
        """The first messages have no type; a request to cancel is the only one of its connection."""
        code = 0
        while not code or code in _ENCRYPTION:
            length, code = struct.unpack(">II", head := await reader.readexactly(8))
            link.server.write(head + await reader.readexactly(length - 8))

    def _pass_on(self, messages: bytes, link: Link) -> None:
        found = _FUNCTION.search(messages)
        if found is not None and found[1].decode() not in _HOUSEKEEPING:
            self._called(found[1].decode(), link)
        if link.fault == "before":
            link.cut()
        elif link.fault != "stall":
            link.server.write(messages)

    def _called(self, function: str, link: Link) -> None:
        self.calls.append(function)
        if len(self.calls) == self._at and link.fault is None:
            self.fired, link.fault = function, self._fault

    async def to_client(self, reader: asyncio.StreamReader, link: Link) -> None:
        while chunk := await reader.read(65_536):
            if link.fault is None:
                link.client.write(chunk)
            # ReadyForQuery, six bytes long, ends every answer: by then it is committed.
            elif link.fault == "after" and chunk[-6:-1] == b"Z\0\0\0\5":
                return


ModelFault = Literal["refuse", "cut", "stall", "cut_middle", "stall_middle"]


class ModelProxy(Proxy):
    """Fails the next requests in turn, as `faults` says; the others go through."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.faults: list[ModelFault | None] = []
        self.calls = 0
        self._playing: dict[Link, ModelFault] = {}

    async def to_server(self, reader: asyncio.StreamReader, link: Link) -> None:
        while chunk := await reader.read(1_048_576):
            if chunk.startswith(b"POST "):
                self._requested(link)
            fault = self._playing.get(link)
            if fault == "refuse":
                return
            if fault != "stall":
                link.server.write(chunk)

    def _requested(self, link: Link) -> None:
        self.calls += 1
        self._playing.pop(link, None)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            self._playing[link] = fault

    async def to_client(self, reader: asyncio.StreamReader, link: Link) -> None:
        passed = 0
        while chunk := await reader.read(65_536):
            fault = self._playing.get(link)
            if fault == "cut" or (fault == "cut_middle" and passed):
                return
            if fault == "stall_middle" and passed:
                continue
            link.client.write(chunk)
            # Headers and first words come in pieces of their own: two are neither the start nor the end.
            passed += fault is not None and b"content" in chunk


async def _until_closed(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def _either(*works: object) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]  # coroutines
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A connection that is reset ends this way as well as any other.
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def listening(proxy: Proxy) -> AsyncIterator[None]:
    """Serve on a free port of loopback, which `proxy.port` tells."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=1024)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()


async def true_within(seconds: float, condition: Callable[[], bool], what: str) -> None:
    """Poll for something that this process cannot be told of."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)
