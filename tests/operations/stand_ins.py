"""Servers that answer as no Supabase should: in HTML, never, or with another clock before a real one."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
        pass

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Html(_Quiet):
    def do_GET(self) -> None:  # the library's name
        self.answer(200, "text/html", b"<!doctype html><title>Welcome</title>")

    do_POST = do_GET  # noqa: N815


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def html() -> Iterator[str]:
    """Answers every call with a page."""
    with _served(_Html) as url:
        yield url


@contextmanager
def with_clock(ahead: float, behind: str) -> Iterator[str]:
    """Hands every call on to the server `behind`, and dates the answers by a clock that is so far ahead."""

    class Handler(_Quiet):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() + ahead if timestamp is None else timestamp)

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
            found = httpx.request(self.command, f"{behind}{self.path}", headers=kept, content=body, timeout=20)
            self.answer(found.status_code, found.headers.get("Content-Type", "text/plain"), found.content)

        do_POST = do_GET  # noqa: N815

    with _served(Handler) as url:
        yield url


@contextmanager
def silent() -> Iterator[int]:
    """A port at which everybody is let in and nobody is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])
