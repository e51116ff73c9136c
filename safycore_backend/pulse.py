"""What nothing that happens would tell of: taken once a second, in each process."""

import asyncio
import functools

from safycore_backend import metrics
from safycore_backend.doors import door

SECONDS = 1.0


class Pulse:
    """How late the event loop is, which is when there is more to do than one core can, and the door's connections."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _beat(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + SECONDS
            await asyncio.sleep(SECONDS)
            metrics.event_loop_lag_seconds.set(max(0.0, clock() - due))
            door().measure()


@functools.cache
def pulse() -> Pulse:
    """The one of this process."""
    return Pulse()
