"""DRF's authentication by Supabase's access tokens."""

import functools
import hashlib
import secrets
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from cachetools import TTLCache
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from safycore_backend import metrics
from safycore_backend.cache import CacheAway, agreed, settled, tell
from safycore_backend.database import SessionEnded
from safycore_backend.doors import door
from safycore_backend.errors import ApiError, NotAuthenticated
from users import limits
from users.domain import Person
from users.tokens import verifier

REMEMBER_SECONDS = 60
# One that is settled just before a token is remembered outlives it.
_EPOCH_SECONDS = 2 * REMEMBER_SECONDS


@dataclass(frozen=True, slots=True)
class _Remembered:
    person: Person
    epoch: str


class Identity:
    """Turns a bearer token into a person, and remembers for at most 60 seconds that it did.

    A person's epoch, in the cache that all instances share, changes when any of their sessions ends. A token remembered
    under another epoch is asked about again, and the database says whether its session still stands. So it is where the
    cache knows of no epoch: it may have been told of one, and have lost it.
    """

    def __init__(self) -> None:
        self._remembered: TTLCache[bytes, _Remembered] = TTLCache(maxsize=50_000, ttl=REMEMBER_SECONDS)

    async def person(self, token: str, *, address: str, ask: bool = False) -> Person:
        """Whose token it is that comes from that address; with `ask` the database says that its session still stands.

        Raises NotAuthenticated, LimitReached, AuthUnavailable or DatabaseUnavailable.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._remembered.get(digest)
        try:
            if known and await self._still_good(known):
                return await self._again(known.person, ask=ask)
            person = await self._asked(digest, token, address)
        except ApiError as error:
            metrics.token_checked("refused" if isinstance(error, NotAuthenticated) else "undecided")
            raise
        metrics.token_checked("verified")
        return person

    async def _still_good(self, known: _Remembered) -> bool:
        return known.person.claims.seconds_left() > 0 and known.epoch == await _epoch(known.person.id)

    async def _again(self, person: Person, *, ask: bool) -> Person:
        """Of a token that is remembered, for no longer than it was: its signature has not changed."""
        if ask:
            await _refuse_ended(person)
        metrics.token_checked("remembered")
        return person

    async def _asked(self, digest: bytes, token: str, address: str) -> Person:
        verified = await verifier().verify(token, asked_by=address)
        if verified.only_recovers:
            raise NotAuthenticated
        person = verified.person
        # Settled before the database is asked: a session that ends in between leaves an epoch that no longer fits.
        epoch = await _settled_epoch(person.id)
        await _refuse_ended(person)
        self._remembered[digest] = _Remembered(person, epoch)
        return person


async def _refuse_ended(person: Person) -> None:
    if not await door().call(person.claims, "session_is_live", {}):
        raise SessionEnded


async def forget_sessions(user_id: str) -> None:
    """Call after any of a person's sessions ended: from now on every instance asks about their tokens again."""
    await tell(_epoch_key(user_id), secrets.token_hex(8), _EPOCH_SECONDS)


async def _epoch(user_id: str) -> str | None:
    """None too while the shared cache is away: then nothing remembered is believed."""
    try:
        epoch: str | None = await agreed(_epoch_key(user_id))
    except CacheAway:
        return None
    return epoch


async def _settled_epoch(user_id: str) -> str:
    """While the shared cache is away, one that equals no other."""
    new = secrets.token_hex(8)
    try:
        return str(await settled(_epoch_key(user_id), new, _EPOCH_SECONDS))
    except CacheAway:
        return new


def _epoch_key(user_id: str) -> str:
    return f"epoch:{user_id}"


def person_of(request: Request) -> Person:
    """Who asks; raises NotAuthenticated for anything else than a person, so that a forgotten check lets nobody in."""
    if not isinstance(request.user, Person):
        raise NotAuthenticated
    return request.user


@functools.cache
def identity() -> Identity:
    """The one of this process."""
    return Identity()


class SupabaseAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; sets `request.user` (a Person) and `request.supabase_token`."""

    def authenticate(self, request: Request) -> tuple[Person, str] | None:
        """For DRF's own synchronous views."""
        return async_to_sync(self.authenticate_async)(request)

    async def authenticate_async(self, request: Request, *, ask: bool = False) -> tuple[Person, str] | None:
        """None without a token; raises NotAuthenticated for anything that is not one good token.

        With `ask` the database is asked whether the session stands, whatever is remembered of the token.
        """
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        # Two Authorization headers arrive joined by a comma, which no token has in it.
        if scheme.lower() != "bearer" or not token:
            raise NotAuthenticated
        person = await identity().person(token, address=limits.client_address(request), ask=ask)
        # The remembered one: an equal one of its own for every request would be held as long as its answer takes.
        request.supabase_token = person.claims.token  # type: ignore[attr-defined]  # the specification's name
        return person, person.claims.token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
