"""Every request as an operator sees it: counted and timed, told in one line of the log, and traced.

Around everything, so that the refusals of BodyLimit, the files of StaticFiles and a stream to its last byte are in it.
What the layers within learn of a request they write into its `Seen`; no message of an answer is looked at here.
"""

import time
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings

from safycore_backend import metrics, tracing
from safycore_backend.asgi_types import Application, Receive, Scope, Send
from safycore_backend.security_log import hashed

log = structlog.get_logger("safycore_backend.access")
_KEY = "safycore.seen"
# As nginx calls it: the client left before the answer began.
CLIENT_GONE = 499
# Asked every few seconds by whatever looks after the server: told only when something is wrong.
_PROBES = {"healthz", "readyz", "metrics"}


@dataclass(slots=True)
class Seen:
    """What is known of a request in the end. `route` is as the URLconf writes it; files and refusals have none."""

    route: str = metrics.OTHER
    status: int = CLIENT_GONE
    request_id: str | None = None
    user_id: str | None = None


def seen_of(scope: Scope) -> Seen:
    """Of the request with that scope."""
    seen: Seen = scope.setdefault(_KEY, Seen())
    return seen


class Observed:
    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        seen = scope[_KEY] = Seen()
        begun = time.perf_counter()
        try:
            with tracing.request_span(scope) as span:
                await self._application(scope, receive, send)
                span.tell(route=seen.route, status=seen.status)
        finally:
            seconds = time.perf_counter() - begun
            metrics.request_ended(seen.route, scope["method"], seen.status, seconds)
            tell(scope["method"], seen, seconds)


def tell(method: str, seen: Seen, seconds: float) -> None:
    """The line of a request that has ended, where one is wanted."""
    if settings.ACCESS_LOG and not (seen.route in _PROBES and seen.status == 200):
        log.info("request", **_line(method, seen, seconds))


def _line(method: str, seen: Seen, seconds: float) -> dict[str, Any]:
    line = {
        "method": metrics.known_method(method),
        "route": seen.route,
        "status": seen.status,
        "duration_ms": round(1000 * seconds, 1),
        "request_id": seen.request_id,
    }
    return line if seen.user_id is None else {**line, "user": hashed(seen.user_id)}
