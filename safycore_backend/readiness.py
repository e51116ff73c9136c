"""What a process needs around it, looked at no more often than it changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

CHECK_SECONDS = 2.0
"""Whoever has not answered by then is not there."""
KEEP_SECONDS = 1.0
"""However often it is asked, and everybody may ask: what answers is looked at once in this time."""


class Check:
    """One thing that may be there or not: looked at once at a time, and told from memory for a second."""

    def __init__(
        self, name: str, look: Callable[[], Awaitable[bool]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._look = look
        self._clock = clock
        self._looking: asyncio.Task[bool] | None = None
        self._seen_at = float("-inf")

    async def holds(self) -> bool:
        """False as well when it takes longer than CHECK_SECONDS; the look goes on, and is the next one's, too."""
        if self._looking is None or (self._looking.done() and self._clock() - self._seen_at > KEEP_SECONDS):
            self._looking = asyncio.create_task(self._looked())
        # Meanwhile another may begin a newer look, which says nothing of this one.
        looking = self._looking
        await asyncio.wait([looking], timeout=CHECK_SECONDS)
        return looking.done() and looking.result()

    async def _looked(self) -> bool:
        try:
            return await self._look()
        finally:
            self._seen_at = self._clock()


async def failing(checks: Sequence[Check]) -> list[str]:
    """The names of those that do not hold, in their order; all are looked at together."""
    held = await asyncio.gather(*(check.holds() for check in checks))
    return [check.name for check, holds in zip(checks, held, strict=True) if not holds]
