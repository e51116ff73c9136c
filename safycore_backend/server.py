"""Our server: uvicorn that leaves politely. `python -m safycore_backend.server --host 127.0.0.1 --port 8000`

uvicorn by itself, once told to stop, closes connections on which a proxy may be sending at that moment, and cuts the
streams that still flow when its grace is over. Here connections are given up one answer at a time, and replies are
ended before that: each is saved, and each reader gets its last event. gunicorn_worker.py has the same for gunicorn.
"""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType

import uvicorn
from django.conf import settings

from safycore_backend.asgi_types import Application, Message, Receive, Scope, Send
from safycore_backend.new_connections import NewConnections

APPLICATION = "safycore_backend.asgi:application"
# Saving what was interrupted, and closing connections, after the replies had their time.
CLOSING_SECONDS = 15
# Longer than nginx.conf and many clients (5 s) and common load balancers (60 s) keep an idle connection to us: the side
# that opens connections must be the one that closes them, or it will one day send a request into a closing one.
# uvicorn's own 5 s would be that day.
KEEP_ALIVE_SECONDS = 75
_LOOK_SECONDS = 0.05
# Between a request's arrival and the point from which its reply is given its time.
_BEGIN_SECONDS = 0.5


class DrainingServer(uvicorn.Server):
    """Told to stop, it takes no more connections, lingers on those that it has, and drains.

    Lingering, it still answers everything, and each answer closes its connection: a proxy that keeps connections open,
    for less than LINGER_SECONDS, has none left then that could be cut with a request on its way. Draining, it begins
    no more replies and waits for those that run. A second signal changes nothing: what runs is being saved.
    """

    _draining: asyncio.Task[None] | None = None
    _lingering = False
    # By a signal; a worker that has answered its last request ends without a word, as others take over.
    _told_to_stop = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not remembered, as uvicorn would, to raise it again in the end: that would skip whatever runs at exit."""
        self._told_to_stop = self.should_exit = True

    async def main_loop(self) -> None:
        """Until told to stop, and then for DRAIN_NOTICE_SECONDS more, in which /readyz says so and all else works."""
        await super().main_loop()
        if self._told_to_stop:
            from safycore_backend.health import announce_end  # Django is set up by now

            announce_end()
            await asyncio.sleep(settings.DRAIN_NOTICE_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.loaded_app = _LastAnswers(self.config.loaded_app, lambda: self._lingering)
        await super().startup(sockets)
        self._new = NewConnections((each for server in self.servers for each in server.sockets), self._meet)
        self._new.begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Also reached without a signal, when a worker has answered its last request."""
        from chat.service import drain  # Django is set up by now

        self._lingering = True
        await self._close_door(sockets or [])
        await self._linger(settings.LINGER_SECONDS)
        # uvicorn's own wait for connections must outlast the replies that they carry.
        self.config.timeout_graceful_shutdown = int(settings.DRAIN_SECONDS) + CLOSING_SECONDS
        self._draining = asyncio.create_task(drain())
        await super().shutdown(sockets)

    async def _close_door(self, listening: Sequence[socket.socket]) -> None:
        """Whoever connects from now on is refused, and goes elsewhere; whoever is connected already is let in."""
        for server in self.servers:
            server.close()
        for each in listening:
            each.close()
        await self._new.end()

    async def _meet(self, connection: socket.socket) -> None:
        """As uvicorn meets one that its own server accepts."""
        await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection, ssl=self.config.ssl)

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def _linger(self, seconds: float) -> None:
        """Until no connection waits for a request, or the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        # uvicorn tells nobody when a connection is closed or falls idle.
        while loop.time() < end and any(map(_is_idle, self.server_state.connections)):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        if seconds:
            # What made the last of them busy may be a message that has not begun its reply yet.
            await asyncio.sleep(_BEGIN_SECONDS)


class _LastAnswers:
    """Says `Connection: close` in every answer that begins while the server lingers; uvicorn then closes it."""

    def __init__(self, application: Application, is_lingering: Callable[[], bool]) -> None:
        self._application = application
        self._is_lingering = is_lingering

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        async def say_so(message: Message) -> None:
            if message["type"] == "http.response.start" and self._is_lingering():
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message["headers"] = [*others, (b"connection", b"close")]
            await send(message)

        return self._application(scope, receive, say_so if scope["type"] == "http" else send)


def _is_idle(connection: object) -> bool:
    """Whether it waits for a request: of uvicorn's protocols, one without a cycle, or whose last one is complete."""
    cycle = getattr(connection, "cycle", None)
    return cycle is None or cycle.response_complete


def main() -> None:
    """Serve until told to stop; exit code 0 after draining, 3 when the start failed."""
    options = _options()
    config = uvicorn.Config(
        APPLICATION,
        host=options.host,
        port=options.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        # Its lines go where all the others go (LOGGING), and in their form.
        log_config=None,
        # A client could name any address for its own; limits.py reads the proxy's word where there is one.
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    server = DrainingServer(config)
    server.run()
    if not server.started:
        sys.exit(3)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve SafyCore; SIGTERM or Ctrl-C drains and stops.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
    main()
