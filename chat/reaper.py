"""Ends what dead processes left behind, so that a reply is not for ever about to come."""

import asyncio

import structlog

from chat import owners
from chat.store import Store

log = structlog.get_logger(__name__)
INTERVAL_SECONDS = 5.0
# Longer than the lease: after a failure of the database the living are heard of again before anybody is judged by it.
TRUST_AFTER_SECONDS = 20.0


class Reaper:
    """Looks every few seconds, at once the first time. Several may run: each row is ended once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        well_since = clock()
        while True:
            try:
                reaped = await self._store.reap(owners.is_dead, by_lease=clock() - well_since > TRUST_AFTER_SECONDS)
                if reaped:
                    log.warning("replies_of_dead_processes_interrupted", replies=reaped)
            except Exception as error:  # noqa: BLE001  # whatever it is, the next look may be better
                log.warning("reaping_failed", reason=type(error).__name__)
                well_since = clock()
            await asyncio.sleep(INTERVAL_SECONDS)
