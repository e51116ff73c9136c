"""Liveness and readiness, for whatever keeps the process running and whatever sends it requests."""

import asyncio
import functools
from collections.abc import Sequence

import httpx
from django.conf import settings
from django.db import DatabaseError as DjangoDatabaseError
from django.http import HttpRequest, JsonResponse

from chat import service
from safycore_backend.cache import shared_cache_ready
from safycore_backend.database import DatabaseUnavailable
from safycore_backend.django_database import as_nobody, django_database_ready
from safycore_backend.doors import door
from safycore_backend.readiness import Check, failing
from safycore_backend.supabase_client import shared_http
from users.tokens import verifier

_ending = False


def announce_end() -> None:
    """From now on /readyz says that this process will end; all else goes on."""
    global _ending  # noqa: PLW0603  # of the process, as its end is
    _ending = True


async def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when what every request needs is there, else 503 with the names of what is missing.

    What only some need, or what can be done without for a while, is `degraded` and no reason to send nothing here.
    """
    if _ending or service.is_draining():
        return JsonResponse({"status": "draining", "missing": [], "degraded": []}, status=503)
    missing, degraded = await asyncio.gather(failing(_needed()), failing(_wanted()))
    status = "not_ready" if missing else "degraded" if degraded else "ready"
    return JsonResponse(
        {"status": status, "missing": missing, "degraded": degraded},
        status=503 if missing else 200,
    )


@functools.cache
def _needed() -> Sequence[Check]:
    return [
        Check("database", lambda: door().ready()),
        Check("django_database", _django_database_ready),
        Check("token_checks", _tokens_can_be_checked),
    ]


@functools.cache
def _wanted() -> Sequence[Check]:
    return [
        Check("signing_keys", lambda: verifier().ready()),
        Check("auth", _auth_ready),
        Check("shared_cache", shared_cache_ready),
        Check("model", _model_ready),
    ]


async def _django_database_ready() -> bool:
    try:
        return await as_nobody(django_database_ready)
    except (DjangoDatabaseError, DatabaseUnavailable):
        return False


async def _tokens_can_be_checked() -> bool:
    """By keys that are known, or else by Supabase, which some projects' tokens need in any case."""
    return await verifier().ready() or await _auth_ready()


async def _auth_ready() -> bool:
    address = f"{settings.SUPABASE_URL}/auth/v1/health"
    try:
        response = await shared_http().get(address, headers={"apikey": settings.SUPABASE_KEY})
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return response.status_code < 500


async def _model_ready() -> bool:
    return service.model_is_well()
