"""safycore_backend/new_connections.py: under uvloop, as the server runs."""

import asyncio
import errno
import socket
import time
from typing import Any

import pytest
import uvloop

from safycore_backend.new_connections import NewConnections

MANY = 50


class Counting:
    """How many connections were met."""

    def __init__(self) -> None:
        self.met = 0
        self._transports: list[asyncio.BaseTransport] = []

    def protocol(self) -> asyncio.Protocol:
        self.met += 1
        return asyncio.Protocol()

    async def meet(self, connection: socket.socket) -> None:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(self.protocol, connection)
        self._transports.append(transport)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


async def _many_in_few_turns() -> int:
    counting = Counting()
    server = await asyncio.get_running_loop().create_server(counting.protocol, "127.0.0.1", 0, backlog=MANY)
    new = NewConnections(server.sockets, counting.meet)
    new.begin()
    clients = [connected(server.sockets[0].getsockname()[1]) for _ in range(MANY)]
    for _ in range(10):
        # Turns of the loop; to block it is what is meant.
        time.sleep(0.001)  # noqa: ASYNC251
        await asyncio.sleep(0)
    met = counting.met
    server.close()
    await new.end()
    counting.close()
    for client in clients:
        client.close()
    return met


def test_many_that_come_at_once_are_met_within_a_few_turns_of_the_loop() -> None:
    assert uvloop.run(_many_in_few_turns()) == MANY


async def _at_the_end() -> tuple[int, bool]:
    counting = Counting()
    server = await asyncio.get_running_loop().create_server(counting.protocol, "127.0.0.1", 0, backlog=MANY)
    port = server.sockets[0].getsockname()[1]
    new = NewConnections(server.sockets, counting.meet)
    new.begin()
    clients = [connected(port) for _ in range(3)]
    server.close()
    await new.end()
    try:
        connected(port).close()
        refused = False
    except ConnectionRefusedError:
        refused = True
    counting.close()
    for client in clients:
        client.close()
    return counting.met, refused


def test_at_the_end_who_is_connected_is_met_and_who_comes_later_is_refused() -> None:
    assert uvloop.run(_at_the_end()) == (3, True)


class Exhausted(socket.socket):
    """A listening socket for whose first connection there is no descriptor."""

    tries = 0

    def accept(self) -> tuple[socket.socket, Any]:
        Exhausted.tries += 1
        if Exhausted.tries == 1:
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


async def _out_of_descriptors(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    monkeypatch.setattr(socket, "socket", Exhausted)
    counting = Counting()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        new = NewConnections([listening], counting.meet)
        new.begin()
        with connected(listening.getsockname()[1]):
            for _ in range(50):
                await asyncio.sleep(0)
            tries_at_once = Exhausted.tries
            async with asyncio.timeout(10):
                while not counting.met:  # noqa: ASYNC110  # nothing tells of it
                    await asyncio.sleep(0.01)
    await new.end()
    counting.close()
    return tries_at_once, counting.met


def test_where_no_descriptor_is_left_it_waits_a_moment_and_then_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert uvloop.run(_out_of_descriptors(monkeypatch)) == (1, 1)
