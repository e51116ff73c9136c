"""Django's ASGI handler without its changes of thread.

Django gives each request a thread of its own for whatever blocks, and goes there at least twice: for the signals around
the request and to close the response. Nothing of ours blocks there, and starting a thread makes the event loop wait.
"""

import asyncio
import io
from collections.abc import Coroutine
from typing import Any

import django
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpRequest, HttpResponseBase
from django.urls import set_script_prefix

from safycore_backend.asgi_types import Receive, Scope, Send


class Handler(ASGIHandler):
    """Answers one request after Django's own order: signals, middleware, view, response, signals."""

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        await self.handle(scope, receive, send)

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
        response = await self._while_connected(self._answered(request, send), receive)
        if response is None:
            signals.request_finished.send(sender=type(self))
        else:
            response.close()

    async def _refuse(self, refusal: Any, send: Send) -> None:
        await self.send_response(refusal, send)  # type: ignore[arg-type]  # the stubs' messages are read-only
        refusal.close()

    async def read_body(self, receive: Any) -> io.BytesIO:
        """BodyLimit has read it whole, within its bounds: there is nothing to spool to disk."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        return io.BytesIO(message.get("body", b""))

    async def _answered(self, request: HttpRequest, send: Send) -> HttpResponseBase:
        response = await self.run_get_response(request)
        await self.send_response(response, send)  # type: ignore[arg-type]  # the stubs' messages are read-only
        return response

    async def _while_connected(
        self, answering: Coroutine[Any, Any, HttpResponseBase], receive: Receive
    ) -> HttpResponseBase | None:
        """The response once it is sent; None when the client left before its end, which cancels the work on it."""
        work = asyncio.create_task(answering)
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait([work, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait([work])
        return None if work.cancelled() else work.result()


def django_application() -> Handler:
    """Set Django up and return its application. Raises ImproperlyConfigured."""
    django.setup(set_prefix=False)
    return Handler()
