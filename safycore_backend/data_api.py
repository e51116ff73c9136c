"""The door through Supabase's Data API: the project's URL, its publishable key and the person's own token."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import postgrest
from django.conf import settings

from safycore_backend.database import (
    INVALID_AUTHORIZATION,
    Claims,
    DatabaseUnavailable,
    SessionEnded,
    refused,
)
from safycore_backend.errors import ApiError
from safycore_backend.supabase_client import (
    close_supabase_clients,
    get_user_supabase_client,
    shared_http,
)

_REFUSED_TOKEN = {INVALID_AUTHORIZATION, "401", "PGRST301", "PGRST302", "PGRST303"}
# PostgREST's own codes for a database it cannot reach, and the statuses of whatever stands before it.
_UNREACHABLE = {
    "PGRST000",
    "PGRST001",
    "PGRST002",
    "PGRST003",
    "429",
    "500",
    "502",
    "503",
    "504",
    "57014",
    "SUP",  # the local Supabase's word for every error that it cannot name, a lost database among them
}


class DataApiDoor:
    needs_token = True

    async def open(self) -> None:
        """Nothing to do: each call brings the token that is checked."""

    async def call(
        self,
        claims: Claims,
        function: str,
        arguments: Mapping[str, Any],
        kind: Any = Any,
        *,
        gives_way: bool = False,
    ) -> Any:
        client = get_user_supabase_client(claims.token)
        try:
            return msgspec.convert((await client.rpc(function, dict(arguments)).execute()).data, kind)
        except postgrest.APIError as exc:
            raise _mapped(exc, function) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise DatabaseUnavailable from exc

    async def maintain(self, function: str, arguments: Mapping[str, Any]) -> Any:
        return None

    async def ready(self) -> bool:
        try:
            response = await shared_http().get(
                f"{settings.SUPABASE_URL}/auth/v1/health", headers={"apikey": settings.SUPABASE_KEY}
            )
        except httpx.HTTPError:
            return False
        return response.status_code < 500

    def look(self) -> None:
        """Nothing to do: its answers are the HTTP client's to take."""

    def delay(self) -> float:
        return 0.0

    def measure(self) -> None:
        """Its connections are the HTTP client's, which tells nothing of them."""

    async def close(self) -> None:
        await close_supabase_clients()


def _mapped(exc: postgrest.APIError, function: str) -> ApiError:
    code = str(exc.code)
    if code in _REFUSED_TOKEN:
        return SessionEnded()
    return DatabaseUnavailable() if code in _UNREACHABLE else refused(function, code)
