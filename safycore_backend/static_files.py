"""Static files of the installed apps, found and described by WhiteNoise, under /static/ alone.

Beside Django rather than as its middleware: WhiteNoise is synchronous, and would cost every request a change of thread.
"""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from django.apps import apps
from whitenoise import WhiteNoise
from whitenoise.responders import Response

from safycore_backend.asgi_types import Application, Receive, Scope, Send

PREFIX = "/static/"


class StaticFiles:
    """Answers what begins with /static/; hands everything else on."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._files = _static_files()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            return self._application(scope, receive, send)
        return self._answer(scope, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        found = self._files.files.get(scope["path"])
        if found is None:
            await _send(send, 404, [("Content-Length", "0")], b"")
            return
        response = found.get_response(scope["method"], _environ(scope))
        body = await asyncio.to_thread(read_file, response)
        await _send(send, response.status.value, response.headers, body)


def _static_files() -> WhiteNoise:
    files = WhiteNoise(None, max_age=3600, allow_all_origins=False)
    for app in apps.get_app_configs():
        folder = Path(app.path) / "static"
        if folder.is_dir():
            files.add_files(str(folder), prefix=PREFIX)
    return files


def _environ(scope: Scope) -> dict[str, str]:
    """The request's headers by the names that WSGI gives them, which WhiteNoise reads."""
    return {
        f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
        for name, value in scope["headers"]
    }


def read_file(response: Response) -> bytes:
    """What the response sends of its file; nothing for one that sends none. Blocks."""
    if response.file is None:
        return b""
    with response.file as file:
        content: bytes = file.read()
        return content


async def _send(send: Send, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
