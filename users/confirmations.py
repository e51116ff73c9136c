"""Asking Supabase about tokens that we cannot check ourselves, where the project's secret was not given to us.

A token is asked about once, however many requests bring it at that moment, and an address has a few asked about at a
time. What Supabase refuses counts against the address, and nothing else does: not what it confirms, and not what it
fails to answer.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from django.conf import settings

from safycore_backend.errors import NotAuthenticated
from users import limits
from users.errors import AuthUnavailable

LIMIT = "LIMIT_TOKEN_CHECKS_PER_ADDRESS"
AT_ONCE = 8
"""Of one address, by one process."""
Ask = Callable[[str], Awaitable[None]]
"""Whether a token is good: raises NotAuthenticated or AuthUnavailable where it is not, or where nobody knows."""


class Confirmations:
    """Of one process and its event loop."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._running: dict[tuple[str, bytes], asyncio.Task[None]] = {}
        self._turnstiles: WeakValueDictionary[str, _Turnstile] = WeakValueDictionary()

    async def confirm(self, token: str, address: str) -> None:
        """Raises NotAuthenticated, LimitReached where the address has had too many refused, or AuthUnavailable."""
        key = address, hashlib.sha256(token.encode()).digest()
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._at(address).let_through(self._ask, token))
            task.add_done_callback(lambda done: self._answered(key, done))
        # A request that leaves does not take the answer away from the others.
        await asyncio.shield(task)

    def _answered(self, key: tuple[str, bytes], task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # looked at, even where everybody who asked has left

    def _at(self, address: str) -> "_Turnstile":
        """Kept for as long as somebody stands at it."""
        turnstile = self._turnstiles.get(address) or _Turnstile(address)
        self._turnstiles[address] = turnstile
        return turnstile


class _Turnstile:
    """Of one address. Inside are never more than would reach the limit if all of them were refused."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._inside = 0
        self._changed = asyncio.Condition()

    async def let_through(self, ask: Ask, token: str) -> None:
        await self._enter()
        try:
            await ask(token)
        except NotAuthenticated:
            await limits.add(LIMIT, self._address, 1)
            raise
        finally:
            await self._leave()

    async def _enter(self) -> None:
        """Wait for a turn, but not for longer than Supabase itself may take: where it fails, the queue ends as well."""
        try:
            async with asyncio.timeout(settings.SUPABASE_TIMEOUT), self._changed:
                while self._inside >= min(AT_ONCE, await self._tries_left()):
                    await self._changed.wait()
                self._inside += 1
                self._changed.notify()
        except TimeoutError as exc:
            await self._wake_next()
            raise AuthUnavailable from exc

    async def _tries_left(self) -> int:
        standing = await limits.standing(LIMIT, self._address)
        if standing.used >= standing.most:
            # The next one hears the same.
            self._changed.notify()
            raise limits.reached(LIMIT, self._address, standing)
        return standing.most - standing.used

    async def _leave(self) -> None:
        self._inside -= 1
        await self._wake_next()

    async def _wake_next(self) -> None:
        async with self._changed:
            self._changed.notify()
