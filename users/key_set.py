"""The project's public signing keys, fetched from Supabase and kept."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
import jwt
import msgspec
import structlog
from django.conf import settings

from users.errors import AuthUnavailable

log = structlog.get_logger(__name__)
KEEP_SECONDS = 600
COOLDOWN_SECONDS = 30
_ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}


async def fetch_key_set() -> list[dict[str, object]]:
    """The key set as Supabase publishes it. Raises httpx.HTTPError or msgspec.MsgspecError."""
    async with httpx.AsyncClient(timeout=settings.SUPABASE_TIMEOUT) as client:
        response = await client.get(f"{settings.SUPABASE_URL}/auth/v1/.well-known/jwks.json")
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=_KeySet).keys


class _KeySet(msgspec.Struct):
    keys: list[dict[str, object]]


class KeySet:
    """Finds keys by `kid`. One fetch at a time, and none within the cooldown, whatever is asked for.

    Known keys go on working when a fetch fails; with no keys at all the answer is AuthUnavailable, never a way in.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[list[dict[str, object]]]] = fetch_key_set,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._renewing: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of that name, or None. Raises AuthUnavailable while no key set could be had yet."""
        age = self._clock() - self._fetched_at
        if self._keys is None or kid not in self._keys or age > 2 * KEEP_SECONDS:
            await self._renewed()
        elif age > KEEP_SECONDS:
            self._begin_to_renew()
        if self._keys is None:
            raise AuthUnavailable
        return self._keys.get(kid)

    async def known(self) -> bool:
        """Whether tokens can be verified with it; asks for it, within the cooldown, while it never could be had."""
        if self._keys is None:
            await self._renewed()
        return self._keys is not None

    async def _renewed(self) -> None:
        """Wait for the fetch that runs, if one may."""
        self._begin_to_renew()
        if self._renewing is not None:
            # A task of its own: whoever asked first may leave, and must not take the answer from the others.
            await asyncio.shield(self._renewing)

    def _begin_to_renew(self) -> None:
        """Fetch, unless a fetch runs already or the cooldown is not over. Whoever has a known key need not wait."""
        # A cold start waits for nobody's cooldown but its own short one.
        cooldown = COOLDOWN_SECONDS if self._keys is not None else 1
        if self._renewing is None and self._clock() - self._tried_at >= cooldown:
            self._tried_at = self._clock()
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            await self._replace()
        finally:
            self._renewing = None

    async def _replace(self) -> None:
        try:
            # The client's own timeout is for each read: a server that drips would never reach it.
            async with asyncio.timeout(settings.SUPABASE_TIMEOUT):
                published = await self._fetch()
        except (httpx.HTTPError, msgspec.MsgspecError, TimeoutError) as exc:
            log.warning("key_set_unavailable", reason=type(exc).__name__)
            return
        self._keys = dict(filter(None, map(_usable, published)))
        self._fetched_at = self._clock()


def _usable(entry: dict[str, object]) -> tuple[str, jwt.PyJWK] | None:
    """The key with its name; None for what is not a public key that signs with an algorithm we take."""
    algorithm = _ALGORITHMS.get(str(entry.get("kty")))
    kid = entry.get("kid")
    if algorithm is None or not isinstance(kid, str) or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        return kid, jwt.PyJWK(entry, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        log.warning("key_not_usable", algorithm=algorithm)
        return None
