"""How often a door may be tried: fixed windows, counted in the cache that all instances share.

A window begins at a multiple of its length, for everybody, so that two full ones can meet: at their edge twice the
number passes in a moment, and never more.
"""

import hashlib
import ipaddress
import re
import time
from dataclasses import replace

from django.conf import settings
from rest_framework.request import Request

from safycore_backend import metrics, security_log
from safycore_backend.cache import counted, process_cache
from safycore_backend.errors import NotAuthenticated
from safycore_backend.rate_limits import Limit, LimitReached, Standing
from safycore_backend.security_log import hashed
from users.domain import Person

# Some proxies write the port of the client, too.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[\d.]+):\d+")


async def count(limit: str, subject: str) -> Standing:
    """Count one try of `subject` against the setting `limit`; raises LimitReached with the seconds left."""
    standing = await add(limit, subject, 1)
    if standing.used > standing.most:
        raise reached(limit, subject, standing)
    return standing


def reached(limit: str, subject: str, standing: Standing) -> LimitReached:
    # The setting's name says what is counted: LIMIT_LOGIN_PER_ADDRESS.
    kind = limit.rpartition("_")[2].lower()
    metrics.limit_reached(limit)
    security_log.refused("limit_reached", by="limit", limit=limit, subject_kind=kind, subject=hashed(subject))
    return LimitReached(standing)


async def add(limit: str, subject: str, amount: int) -> Standing:
    """Count so many, whether that is too many or not."""
    key, seconds, reset = _window(limit, subject)
    return replace(_standing(limit, await counted(key, amount, seconds + 1), reset), key=key)


async def take_back(standing: Standing) -> Standing:
    """One try less, in the window in which it was counted."""
    return replace(standing, used=await counted(standing.key, -1, standing.seconds + 1))


async def standing(limit: str, subject: str) -> Standing:
    """What has been counted so far."""
    key, _, reset = _window(limit, subject)
    return _standing(limit, int(await process_cache().aget(key, 0)), reset)


def _window(limit: str, subject: str) -> tuple[str, int, int]:
    """The key of the present window, the window's length, and the seconds to its end."""
    _, seconds = getattr(settings, limit)
    window, passed = divmod(int(time.time()), seconds)
    digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{limit}:{digest}:{window}", seconds, seconds - passed


def _standing(limit: str, used: int, reset: int) -> Standing:
    most, seconds = getattr(settings, limit)
    name = limit.removeprefix("LIMIT_").lower().replace("_", "-")
    return Standing(name, most, seconds, used, reset)


def per_address(limit: str) -> Limit:
    """A limit of a view, counted by the client's address."""

    async def check(request: Request) -> Standing:
        return await count(limit, client_address(request))

    return check


def per_person(limit: str) -> Limit:
    """A limit of a view, counted by the signed-in person."""

    async def check(request: Request) -> Standing:
        if not isinstance(request.user, Person):
            raise NotAuthenticated
        return await count(limit, request.user.id)

    return check


def client_address(request: Request) -> str:
    """Who is counted: the peer, or what the outermost of TRUSTED_PROXIES saw; what a client writes is ignored.

    Of IPv6 the network, since one subscriber has 2^64 addresses; IPv4 written as IPv6 is IPv4.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return _counted_as(peer)
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    seen = forwarded[-settings.TRUSTED_PROXIES] if len(forwarded) >= settings.TRUSTED_PROXIES else peer
    return _counted_as(seen)


def _counted_as(address: str) -> str:
    with_port = _WITH_PORT.fullmatch(address)
    host = (with_port["v6"] or with_port["v4"]) if with_port else address
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, 64), strict=False))
