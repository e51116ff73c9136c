"""Supabase clients on one shared connection pool per process.

A client that signs someone in keeps their token for its next call, so no client is ever shared between calls: each is
made new, which on the shared HTTP client costs microseconds.
"""

import functools

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from supabase import AsyncClient, AsyncClientOptions


@functools.cache
def shared_http() -> httpx.AsyncClient:
    """The shared HTTP client; first used, and closed, on the server's event loop."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(settings.SUPABASE_TIMEOUT),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
    )


async def close_supabase_clients() -> None:
    """Close the shared connections; the next client opens new ones."""
    if shared_http.cache_info().currsize:
        await shared_http().aclose()
        shared_http.cache_clear()


def _client(key: str, headers: dict[str, str]) -> AsyncClient:
    options = AsyncClientOptions(
        headers=headers,
        auto_refresh_token=False,
        persist_session=False,
        # A retry of ours or of the caller's is a decision; the library's own would multiply the deadline.
        postgrest_client_retry=False,
        httpx_client=shared_http(),
        flow_type="implicit",
    )
    return AsyncClient(settings.SUPABASE_URL, key, options)


def get_supabase_client() -> AsyncClient:
    """A client with the publishable key: for signing up and in. Never reuse it for another person's call."""
    return _client(settings.SUPABASE_KEY, {})


def get_user_supabase_client(token: str) -> AsyncClient:
    """A client that acts as the owner of `token`: row level security decides what it sees."""
    return _client(settings.SUPABASE_KEY, {"Authorization": f"Bearer {token}"})


def get_supabase_admin_client() -> AsyncClient:
    """A client past row level security, for administrative commands only: never on a request path.

    Raises ImproperlyConfigured when SUPABASE_SECRET_KEY is not set.
    """
    if not settings.SUPABASE_SECRET_KEY:
        raise ImproperlyConfigured("Set SUPABASE_SECRET_KEY to your project's secret (or service_role) key.")
    return _client(settings.SUPABASE_SECRET_KEY, {})
