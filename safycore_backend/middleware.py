"""Middleware, all of it async: one that is not costs every request a change of thread."""

from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.utils.decorators import async_only_middleware

from safycore_backend.log_context import about_request
from safycore_backend.observed import Seen, seen_of
from safycore_backend.refusal import request_id_for

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
# Asked by address, from inside.
FROM_INSIDE = {"/healthz", "/readyz", "/metrics"}
# The length of such an answer would say something else than its own.
WITHOUT_BODY = {204, 304}


@async_only_middleware
def RequestIdMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802  # named as Django names middleware
    """Gives each request an id, for the answer, the error body and every log line; and each whole answer its length."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_for(request.headers.get("X-Request-ID", ""))
        request.request_id = request_id  # type: ignore[attr-defined]  # ours
        seen = seen_of(request.scope)  # type: ignore[attr-defined]  # an ASGI request
        seen.request_id = request_id
        if request.path not in FROM_INSIDE:
            request.get_host()  # raises DisallowedHost, answered with 400: nothing later would look at it
        about_request(request_id)
        try:
            response = await get_response(request)
        finally:
            _note(request, seen)
        response.headers["X-Request-ID"] = request_id
        if not response.streaming and response.status_code not in WITHOUT_BODY and "Content-Length" not in response:
            response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]  # not streaming
        return response

    return middleware


def _note(request: HttpRequest, seen: Seen) -> None:
    """What the line and the metrics of this request will say of it."""
    if request.resolver_match is not None:
        seen.route = request.resolver_match.route
    # The views' own word for who asks; Django's has no users here.
    seen.user_id = getattr(getattr(request, "user", None), "id", None)


class AsyncSecurityMiddleware(SecurityMiddleware):
    """Django's own, without its changes of thread: what it does never blocks."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        refused = self.process_request(request)
        response: HttpResponseBase = refused or await self.get_response(request)  # type: ignore[misc]  # async here
        return self.process_response(request, response)  # type: ignore[arg-type]


class ExactCorsMiddleware(CorsMiddleware):
    """django-cors-headers, letter by letter: it would take a listed origin with a path behind it, too."""

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        return origin in settings.CORS_ALLOWED_ORIGINS
