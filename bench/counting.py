"""A proxy that counts the requests passing through it, by method and path, and changes nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

_HEAD_END = b"\r\n\r\n"


class Requests:
    """Finds where requests begin in what a client sends; bodies must say their length."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._body_left = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """The method and path of each request whose head is complete now."""
        self._received += data
        while True:
            passed = min(self._body_left, len(self._received))
            del self._received[:passed]
            self._body_left -= passed
            end = self._received.find(_HEAD_END)
            if self._body_left or end < 0:
                return
            head = bytes(self._received[:end])
            del self._received[: end + len(_HEAD_END)]
            _, found, rest = head.lower().partition(b"content-length:")
            self._body_left = int(rest.split(b"\r\n", 1)[0]) if found else 0
            method, path = head.decode("latin-1").split(" ", 2)[:2]
            yield f"{method} {path.partition('?')[0]}"


@asynccontextmanager
async def counting(port: int) -> AsyncIterator[tuple[int, Counter[str]]]:
    """Stand before a port of loopback; yields our own port and the counts, which go on growing."""
    counts: Counter[str] = Counter()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, back, Requests(), counts), _pump(there, writer, None, counts))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], counts


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, requests: Requests | None, counts: Counter[str]
) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            if requests is not None:
                counts.update(requests.feed(data))
            sink.write(data)
            await sink.drain()
    sink.close()
