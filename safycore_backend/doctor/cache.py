"""The cache that server processes share."""

import secrets
import statistics
import time
from urllib.parse import urlsplit

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from safycore_backend.doctor.examination import Check, Facts
from safycore_backend.doctor.report import Outcome, fail, ok, warn
from safycore_backend.environment import is_this_machine

# A request asks a few times: beyond this, people notice.
_SLOW_MS = 20.0
_URL = "See CACHE_URL: redis://host:6379/0, or rediss:// where it is on another network; start the server behind it."
_RIGHTS = "See the user and the password in CACHE_URL; the user needs GET, SET, INCRBY, DEL and MULTI on safycore:*."


async def shared(facts: Facts) -> Outcome:
    if not settings.CACHE_URL:
        return ok("memory of the process: right for one server process, and for one only")
    client = Redis.from_url(settings.CACHE_URL, socket_connect_timeout=3, socket_timeout=3, retry=Retry(NoBackoff(), 0))
    try:
        return _judged(await _median_ms(client))
    except (AuthenticationError, NoPermissionError):
        return fail("CACHE_URL: Redis refuses this user", _RIGHTS)
    except (RedisError, OSError) as exc:
        return fail(f"CACHE_URL: Redis cannot be used ({type(exc).__name__})", _URL)
    finally:
        await client.aclose()


async def _median_ms(client: Redis) -> float:
    """Of writing, counting, reading and deleting under a name of nobody's, as requests do."""
    name, times = f"safycore:doctor:{secrets.token_hex(8)}", []
    for _ in range(5):
        begun = time.perf_counter()
        await client.set(name, 0, px=10_000)
        await client.incrby(name, 1)
        await client.get(name)
        await client.delete(name)
        times.append((time.perf_counter() - begun) * 1000 / 4)
    return statistics.median(times)


def _judged(milliseconds: float) -> Outcome:
    told = f"Redis answers in {milliseconds:.1f} ms"
    if not settings.CACHE_URL.startswith("rediss://") and not is_this_machine(settings.CACHE_URL):
        return warn(
            f"{told}, and the connection is not encrypted: {urlsplit(settings.CACHE_URL).hostname}",
            "Use rediss://, unless that network is nobody else's.",
        )
    if milliseconds > _SLOW_MS:
        return warn(told, "Run Redis in the same place as the server.")
    return ok(told)


CHECKS = (Check("cache.shared", "Cache", shared, silent=_URL),)
