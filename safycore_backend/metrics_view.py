"""/metrics, for Prometheus alone: whoever has METRICS_TOKEN."""

import asyncio
import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from safycore_backend import security_log
from safycore_backend.doors import door
from safycore_backend.errors import NotAuthenticated, error_answer
from safycore_backend.metrics import exposition


async def metrics(request: HttpRequest) -> HttpResponse | JsonResponse:
    """Every metric of every worker, as text. Without METRICS_TOKEN there is nothing here."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not _may_read(request):
        security_log.refused("token_refused", by="reason", reason="MetricsToken", route="metrics")
        return error_answer(request, NotAuthenticated())
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    # This worker's are of this moment; those of the others are at most a second old.
    door().measure()
    text = await asyncio.to_thread(exposition)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    given, wanted = token.encode("utf-8", "surrogatepass"), settings.METRICS_TOKEN.encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(given, wanted)
