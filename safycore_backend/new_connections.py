"""Takes the connections that come all at once, all at once.

uvloop takes one new connection in each turn of the event loop. Where many replies make these long, whoever connected
together with a thousand others waited for seconds before the server had so much as seen a request.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

# Others that listen on the same socket get theirs, too.
_AT_ONCE = 64
# Where there are no descriptors left; asyncio waits as long before it tries again.
_PAUSE_SECONDS = 1.0


class NewConnections:
    """Of listening sockets, beside the server that listens on them; `meet` is given each connection."""

    def __init__(self, listening: Iterable[Any], meet: Callable[[socket.socket], Awaitable[Any]]) -> None:
        # Descriptors of our own: the event loop serves those of the server already.
        self._listening = [socket.socket(fileno=os.dup(each.fileno())) for each in listening]
        self._meet = meet
        self._meeting: set[asyncio.Task[Any]] = set()

    def begin(self) -> None:
        for each in self._listening:
            each.setblocking(False)
            self._listen(each)

    async def end(self) -> None:
        """Let in whoever is connected already, and listen no more. The server has closed its own sockets by now."""
        waiting: list[socket.socket] = []
        for each in self._listening:
            asyncio.get_running_loop().remove_reader(each)
            with suppress(OSError):
                waiting.extend(_accepted(each))
            each.close()
        for connection in waiting:
            await self._meet(connection)

    def _listen(self, listening: socket.socket) -> None:
        if listening.fileno() != -1:
            asyncio.get_running_loop().add_reader(listening, self._take, listening)

    def _take(self, listening: socket.socket) -> None:
        try:
            for connection in islice(_accepted(listening), _AT_ONCE):
                meeting = asyncio.ensure_future(self._meet(connection))
                self._meeting.add(meeting)
                meeting.add_done_callback(self._meeting.discard)
        except OSError:
            loop = asyncio.get_running_loop()
            loop.remove_reader(listening)
            loop.call_later(_PAUSE_SECONDS, self._listen, listening)


def _accepted(listening: socket.socket) -> Iterator[socket.socket]:
    """The connections that the kernel has made and nobody has taken yet. Raises OSError when none can be had."""
    while True:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        except ConnectionAbortedError:  # its client is gone again
            continue
        connection.setblocking(False)
        yield connection
