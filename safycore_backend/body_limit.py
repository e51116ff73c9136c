"""A body over the limit is refused before Django reads, and perhaps spools to disk, the whole of it."""

from django.conf import settings

from safycore_backend.asgi_types import Application, Message, Receive, Scope, Send
from safycore_backend.errors import TooLarge
from safycore_backend.refusal import refuse


class BodyTooLarge(Exception):
    """More bytes arrived than MAX_BODY_BYTES."""


class BodyLimit:
    """Answers 413 by the declared length, or as soon as a body without one has grown too large."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # any method can bring a body, and Django reads it
            await self._application(scope, receive, send)
            return
        if _declared_length(scope) > settings.MAX_BODY_BYTES:
            await _refuse(scope, send)
            return
        try:
            replay = _Replay(await _read(receive), receive)
        except BodyTooLarge:
            await _refuse(scope, send)
            return
        await self._application(scope, replay, send)


class _Replay:
    """A `receive` that gives the body, read already, and then what the client does (leaving, above all)."""

    def __init__(self, body: bytes | None, receive: Receive) -> None:
        self._body = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when the client left before its end."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > settings.MAX_BODY_BYTES:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return b"".join(parts)


def _declared_length(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


async def _refuse(scope: Scope, send: Send) -> None:
    error = TooLarge(f"The request is larger than {settings.MAX_BODY_BYTES} bytes.")
    # The rest of the body is not read, so this connection cannot carry another request.
    await refuse(scope, send, error, connection="close")
