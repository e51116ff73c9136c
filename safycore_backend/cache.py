"""What is kept for a while: in memory, or in a Redis that instances share (shared_cache.py). Fit for the event loop."""

import functools
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache


class CacheAway(Exception):
    """The shared cache does not answer."""


@functools.cache
def process_cache() -> Any:
    """The one of this process: Django's `caches` makes, and keeps, one for every task that asks."""
    return caches.create_connection("default")


async def counted(key: str, amount: int, seconds: int) -> int:
    """Add to a number that all instances share, in one step, and return the sum; it lives for so many seconds.

    While the shared cache is away each process counts for itself.
    """
    cache = process_cache()
    return int(await cache.acount(key, amount, seconds))


async def agreed(key: str) -> Any:
    """What every instance reads there now, None for nothing; raises CacheAway when that cannot be known."""
    cache = process_cache()
    return await cache.aagreed(key)


async def settled(key: str, value: Any, seconds: float) -> Any:
    """What every instance reads there from now on: what is there already, or else this value, for so many seconds.

    Raises CacheAway.
    """
    cache = process_cache()
    return await cache.asettled(key, value, seconds)


async def tell(key: str, value: Any, seconds: float) -> None:
    """Write what every instance must know.

    While the shared cache is away it is known to this process, and written as soon as that is back, before anything is
    read there again.
    """
    cache = process_cache()
    await cache.atell(key, value, seconds)


async def shared_cache_ready() -> bool:
    """Whether what instances share can be shared at this moment; alone, a process needs nothing for that."""
    cache = process_cache()
    return bool(await cache.aready())


class InProcessCache(LocMemCache):
    """LocMemCache whose async methods run at once: they only touch memory, so a change of thread would be pure cost."""

    def validate_key(self, key: str) -> None:
        """Django warns of keys that memcached would refuse, at a tenth of what a look-up costs."""

    async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self.get(key, default, version)

    async def aset(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        self.set(key, value, timeout, version)

    async def adelete(self, key: Any, version: int | None = None) -> bool:
        return self.delete(key, version)

    async def acount(self, key: str, amount: int, timeout: float) -> int:
        return amount if self.add(key, amount, timeout) else self.incr(key, amount)

    async def aagreed(self, key: str) -> Any:
        return self.get(key)

    async def asettled(self, key: str, value: Any, timeout: float) -> Any:
        return self.get_or_set(key, value, timeout)

    async def atell(self, key: str, value: Any, timeout: float) -> None:
        self.set(key, value, timeout)

    async def aready(self) -> bool:
        return True
