"""Django's ASGI handler without its changes of thread.

Django gives each request a thread of its own for whatever blocks, and goes there at least twice: for the signals around
the request and to close the response. Nothing of ours blocks there, and starting a thread makes the event loop wait.
"""

import asyncio
import io
from collections.abc import Coroutine
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import django
from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import set_script_prefix, set_urlconf
from django.utils.log import log_response

from safycore_backend.asgi_types import Receive, Scope, Send

_AROUND_REQUESTS = (
    (signals.request_started, reset_queries),
    (signals.request_started, close_old_connections),
    (signals.request_finished, close_old_connections),
)


class Handler(ASGIHandler):
    """Answers one request after Django's own order: signals, middleware, view, response, signals."""

    def __call__(self, scope: Scope, receive: Any, send: Send) -> Coroutine[Any, Any, None]:
        return self.handle(scope, receive, send)

    async def handle(self, scope: Scope, receive: Any, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        if request is None:
            await self._refuse(refusal, send)
            return
        answering = self._answered(request, send)
        # Nobody needs them while a reply is streamed.
        del request, body
        response = await self._while_connected(answering, receive)
        if response is None:
            signals.request_finished.send(sender=type(self))
        else:
            response.close()

    async def _refuse(self, refusal: Any, send: Send) -> None:
        await self.send_response(refusal, send)
        refusal.close()

    async def read_body(self, receive: Any) -> io.BytesIO:
        """BodyLimit has read it whole, within its bounds: there is nothing to spool to disk."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        return io.BytesIO(message.get("body", b""))

    async def _answered(self, request: HttpRequest, send: Send) -> HttpResponseBase:
        response = await self.run_get_response(request)
        if response.streaming:
            _let_go(request, response)
            del request
        await self.send_response(response, send)
        return response

    async def get_response_async(self, request: HttpRequest) -> Any:
        """Django's own, which goes to a thread to log a refusal."""
        set_urlconf(settings.ROOT_URLCONF)
        response: Any = await self._middleware_chain(request)  # type: ignore[attr-defined]  # which the stubs leave out
        response._resource_closers.append(request.close)  # noqa: SLF001  # as Django does
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        """A stream in as few steps as it has pieces: Django's own way puts three iterators around each."""
        if not isinstance(response, StreamingHttpResponse):
            await super().send_response(response, send)
            return
        head = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": head})
        del head
        pieces: Any = response.streaming_content  # asynchronous, as all of ours are
        async with aclosing(pieces):
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _while_connected(
        self, answering: Coroutine[Any, Any, HttpResponseBase], receive: Receive
    ) -> HttpResponseBase | None:
        """The response once it is sent; None when the client left before its end, which cancels the work on it."""
        work = asyncio.create_task(answering)
        leaving = asyncio.ensure_future(receive())
        leaving.add_done_callback(lambda _: work.cancel())
        try:
            return await work
        except asyncio.CancelledError:
            if not leaving.done():
                raise
            return None
        finally:
            leaving.cancel()


def _let_go(request: HttpRequest, response: Any) -> None:
    """Django keeps a request as long as its response, for the files that came with it. A stream lasts longer than that
    is worth: with all its headers a request is a good part of what a running reply holds.
    """
    request.close()
    response._resource_closers.remove(request.close)  # noqa: SLF001  # where Django has put it


def django_application() -> Handler:
    """Set Django up and return its application. Raises ImproperlyConfigured."""
    django.setup(set_prefix=False)
    # Of the event loop's connections, which has none: those that are used belong to threads (own_database.py).
    for signal, receiver in _AROUND_REQUESTS:
        signal.disconnect(receiver)
    return Handler()
