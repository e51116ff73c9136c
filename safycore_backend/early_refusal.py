"""A reply that cannot begin is refused before its request is read: what is refused costs those who are answered least.

A view says of itself that it begins replies (`begins_reply`), and would refuse likewise, only later: as it does for the
pages of other origins.
"""

from collections.abc import Awaitable

from django.conf import settings
from django.urls import Resolver404, resolve

from chat.service import is_full, refuse_if_full
from safycore_backend.asgi_types import Application, Receive, Scope, Send
from safycore_backend.errors import Unavailable
from safycore_backend.observed import seen_of
from safycore_backend.refusal import refuse


class EarlyRefusal:
    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        try:
            # What is full is asked first: it costs next to nothing, and is hardly ever so.
            if scope["type"] == "http" and scope["method"] == "POST" and is_full() and _is_ours_to_refuse(scope):
                refuse_if_full()
        except Unavailable as error:
            return refuse(scope, send, error)
        return self._application(scope, receive, send)


def _is_ours_to_refuse(scope: Scope) -> bool:
    if _is_read_across_origins(scope):
        return False
    try:
        match = resolve(scope["path"])
    except Resolver404:
        return False
    seen_of(scope).route = match.route
    return bool(getattr(getattr(match.func, "view_class", None), "begins_reply", False))


def _is_read_across_origins(scope: Scope) -> bool:
    """A page of an allowed origin reads an answer only with what Django's middleware adds to it."""
    origin = dict(scope["headers"]).get(b"origin")
    return origin is not None and origin.decode("latin-1") in settings.CORS_ALLOWED_ORIGINS
