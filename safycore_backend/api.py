"""AsyncAPIView: DRF's APIView, awaited. DRF 3.18 has no async code of its own."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from safycore_backend import tracing
from safycore_backend.errors import NotAuthenticated
from safycore_backend.log_context import about_session, about_user
from safycore_backend.rate_limits import Limit, LimitReached, Standing, rate_limit_headers
from users.authentication import SupabaseAuthentication
from users.limits import take_back

_ANYTHING = "*/*"
_Serializer = TypeVar("_Serializer", bound=Serializer[Any])


class AsyncAPIView(APIView):
    """Negotiates, then awaits authentication, permissions and limits, then the handler.

    `limits` are awaited in order and raise LimitReached; every answer behind them says how much is left. Handlers are
    coroutines; `request.person` is who asks.
    """

    limits: tuple[Limit, ...] = ()
    # Otherwise a try whose answer is an error is taken back.
    limits_count_errors = True
    # Refused before anything else where no reply can begin (early_refusal.py).
    begins_reply = False
    # For handlers that never come to the people's database, which refuses ended sessions by itself: without it, and
    # without a shared cache, another instance would take a signed-out token for up to a minute.
    asks_for_session = False

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        self.format_kwarg = None  # no file-like endings in our addresses
        self.standings: list[Standing] = []
        try:
            await self.prepare(self.request)
            response = await self._handler()(self.request, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001  # DRF's own contract: the handler re-raises what nobody foresaw
            response = self.handle_exception(exc)
            if isinstance(exc, LimitReached):
                self.standings.append(exc.standing)
            elif not self.limits_count_errors:
                self.standings = [await take_back(standing) for standing in self.standings]
        self.response = _rendered(self.finalize_response(self.request, response, *args, **kwargs))
        # Answers are one person's; streams say more than this of themselves.
        self.response.headers.setdefault("Cache-Control", "no-store")
        for name, value in rate_limit_headers(self.standings).items():
            self.response.headers[name] = value
        return self.response

    async def prepare(self, request: Request) -> None:
        request.accepted_renderer, request.accepted_media_type = self._negotiated(request)
        if str(request.method) not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        if "session_id" in self.kwargs:
            about_session(self.kwargs["session_id"])
        await self.identify(request)
        for limit in self.limits:
            self.standings.append(await limit(request))

    def _negotiated(self, request: Request) -> tuple[BaseRenderer, str]:
        """As DRF would; who takes anything, as most do, gets the view's first."""
        if request.headers.get("Accept", _ANYTHING) != _ANYTHING:
            return self.perform_content_negotiation(request)
        renderer = self.renderer_classes[0]()
        return renderer, renderer.media_type

    async def identify(self, request: Request) -> None:
        """Set `request.user` and `request.supabase_token`, or refuse; open views ask nobody who they are."""
        if AllowAny in self.permission_classes:
            request.user, request.auth = None, None  # type: ignore[assignment]  # nobody
            return
        with tracing.span("authenticate"):
            found = await SupabaseAuthentication().authenticate_async(request, ask=self.asks_for_session)
        if found is None:
            raise NotAuthenticated
        about_user(found[0].id)
        request.user, request.auth = found  # type: ignore[assignment]  # a Person, not a user of Django's
        self.check_permissions(request)

    def _handler(self) -> Callable[..., Awaitable[Response]]:
        handler: Callable[..., Awaitable[Response]] = getattr(self, str(self.request.method).lower())
        return handler

    async def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """What may be asked here; a browser's preflight is answered before it comes this far."""
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})


def _rendered(response: Any) -> Any:
    """Itself, with its content. Django would render it in a thread, which takes longer than the rendering."""
    if isinstance(response, Response):
        response.render()
        response.render = None  # type: ignore[assignment]  # Django asks whether there is one
    return response


def parsed(serializer: type[_Serializer], data: Any) -> dict[str, Any]:
    """The validated body; raises ValidationError (400 with fields)."""
    try:
        return dict(_shared(serializer).run_validation(data))
    except ValidationError:
        # What DRF makes of a refusal is part of the API: it is left to an instance of its own.
        checked = serializer(data=data)
        checked.is_valid(raise_exception=True)
        raise


@functools.cache
def _shared(serializer: type[_Serializer]) -> _Serializer:
    """One for all requests: what it validates it keeps nothing of, and each instance copies every field anew."""
    return serializer()
