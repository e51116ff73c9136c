"""A Redis that all instances share. Loaded where one is configured: its client is as large as a tenth of the server.

Django's own RedisCache is not fit for the event loop: its async methods change the thread, and its `aincr` reads, adds
and writes in three steps, which counts two tries as one.
"""

import asyncio
import functools
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from safycore_backend import metrics
from safycore_backend.cache import CacheAway, InProcessCache

log = structlog.get_logger(__name__)
_T = TypeVar("_T")
# A request asks a few times; one that waits for Redis must still be answered.
ANSWER_SECONDS = 2.0
# Once Redis has failed, no request waits for it; this often, and for so long, one look is had whether it is back.
LOOK_SECONDS = 0.25
_LOOK_ANSWER_SECONDS = 0.5
_LOOK_KEY = "safycore:looking"
_CONNECTIONS = 64
# What waits for Redis to be back: at some hundred bytes each, a few megabytes.
MOST_KEPT = 10_000
_TOLD_AT_ONCE = 500
_DELETED_SECONDS = 300


class SharedCache(BaseCache):
    """A Redis. While it is away, this process goes on with a memory of its own: limits count, but for each process."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        # Django makes one of these per task; connections, and what is known of their failures, belong to the process.
        self._redis = _connection(server)
        self._own = InProcessCache("while-the-shared-cache-is-away", params)

    async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            found = await self._found(key, version)
        except CacheAway:
            return await self._own.aget(key, default, version)
        return default if found is None else found

    async def aset(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        name, written = self.make_and_validate_key(key, version), msgspec.json.encode(value)
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        try:
            await self._redis.ask(lambda redis: redis.set(name, written, px=_milliseconds(seconds)))
        except CacheAway:
            await self._own.aset(key, value, timeout, version)

    async def adelete(self, key: Any, version: int | None = None) -> bool:
        name = self.make_and_validate_key(key, version)
        own = await self._own.adelete(key, version)
        try:
            return bool(await self._redis.tell(name, None, _DELETED_SECONDS))
        except CacheAway:
            return own

    async def acount(self, key: str, amount: int, timeout: float) -> int:
        name = self.make_and_validate_key(key)

        async def add(redis: Redis) -> int:
            async with redis.pipeline(transaction=True) as steps:
                steps.set(name, 0, px=_milliseconds(timeout), nx=True)
                steps.incrby(name, amount)
                return int((await steps.execute())[1])

        try:
            return await self._redis.ask(add)
        except CacheAway:
            return await self._own.acount(key, amount, timeout)

    async def aagreed(self, key: str) -> Any:
        return await self._found(key, None)

    async def asettled(self, key: str, value: Any, timeout: float) -> Any:
        name, written = self.make_and_validate_key(key), msgspec.json.encode(value)

        async def settle(redis: Redis) -> bytes:
            async with redis.pipeline(transaction=True) as steps:
                steps.set(name, written, px=_milliseconds(timeout), nx=True)
                steps.get(name)
                found: bytes = (await steps.execute())[1]
                return found

        return msgspec.json.decode(await self._redis.ask(settle))

    async def atell(self, key: str, value: Any, timeout: float) -> None:
        try:
            await self._redis.tell(self.make_and_validate_key(key), msgspec.json.encode(value), timeout)
        except CacheAway:
            await self._own.aset(key, value, timeout)

    async def aready(self) -> bool:
        try:
            return bool(await self._redis.ask(lambda redis: redis.ping()))
        except CacheAway:
            return False

    async def aclose(self, **kwargs: Any) -> None:
        await self._redis.close()

    async def _found(self, key: Any, version: int | None) -> Any:
        name = self.make_and_validate_key(key, version)
        written = await self._redis.ask(lambda redis: redis.get(name))
        return None if written is None else msgspec.json.decode(written)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Something that Redis has not been told yet; without a value, that a key is to be deleted."""

    value: bytes | None
    until: float


class _Connection:
    """One Redis, asked with a short deadline. Once it has failed it is left alone until a look finds it back."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._client: Redis | None = None
        self._away = False
        self._looking: asyncio.Task[None] | None = None
        self._kept: dict[str, _Kept] = {}
        self._dropped = 0

    async def ask(self, work: Callable[[Redis], Awaitable[_T]]) -> _T:
        """Raises CacheAway."""
        if self._away:
            self._look_out()
            raise CacheAway
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await work(self._opened())
        except (RedisError, OSError, TimeoutError) as exc:
            if not self._away:
                self._away = True
                metrics.cache_away.set(True)
                log.error("shared_cache_away", reason=type(exc).__name__)
            metrics.cache_failures.inc()
            self._look_out()
            raise CacheAway from exc

    async def tell(self, name: str, value: bytes | None, seconds: float) -> Any:
        """Write, or without a value delete; raises CacheAway, and does it once Redis is back."""
        kept = _Kept(value, time.monotonic() + seconds)
        try:
            return await self.ask(lambda redis: _written(redis, name, kept))
        except CacheAway:
            self._keep(name, kept)
            raise

    def _keep(self, name: str, kept: _Kept) -> None:
        self._kept.pop(name, None)
        if len(self._kept) >= MOST_KEPT:
            # The oldest, which is needed for the shortest time.
            del self._kept[next(iter(self._kept))]
            self._dropped += 1
        self._kept[name] = kept

    def _look_out(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._until_it_is_back())

    async def _until_it_is_back(self) -> None:
        while self._away:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_LOOK_ANSWER_SECONDS):
                    await self._tell_what_was_kept()
                self._away = False
                metrics.cache_away.set(False)
                log.warning("shared_cache_back", never_told=self._dropped)
                self._dropped = 0

    async def _tell_what_was_kept(self) -> None:
        """What was told goes, so that the next look goes on where this one is cut off."""
        redis = self._opened()
        # Not a ping: a Redis that is full, or a copy of another one, answers that and takes nothing.
        await redis.set(_LOOK_KEY, b"", px=1_000)
        while some := dict(itertools.islice(self._kept.items(), _TOLD_AT_ONCE)):
            async with redis.pipeline(transaction=False) as steps:
                for name, kept in some.items():
                    _written(steps, name, kept)
                await steps.execute()
            self._kept = {name: kept for name, kept in self._kept.items() if some.get(name) is not kept}

    def _opened(self) -> Redis:
        """Made on first use, on the server's event loop."""
        if self._client is None:
            pool = BlockingConnectionPool.from_url(
                self._server,
                max_connections=_CONNECTIONS,
                timeout=ANSWER_SECONDS,
                # A connection that Redis has closed in the meantime is opened again at once.
                retry=Retry(NoBackoff(), 1),
            )
            self._client = Redis.from_pool(pool)
        return self._client

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _written(redis: Redis, name: str, kept: _Kept) -> Any:
    """The command; what has had its time by now is deleted, for something older may stand there."""
    left = kept.until - time.monotonic()
    return (
        redis.delete(name) if kept.value is None or left <= 0 else redis.set(name, kept.value, px=_milliseconds(left))
    )


@functools.cache
def _connection(server: str) -> _Connection:
    return _Connection(server)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, int(seconds * 1000))
