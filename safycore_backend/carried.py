"""Work that is done to its end, whatever becomes of the request that asked for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_running: set[asyncio.Task[Any]] = set()


async def carried_through(work: Coroutine[Any, Any, _T]) -> _T:
    """Await work that a client's leaving must not cut in two."""
    return await asyncio.shield(carried(work))


def carried(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Begin work that nobody need wait for."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def all_carried_through(seconds: float) -> None:
    """Wait for what runs, but no longer than this."""
    if _running:
        await asyncio.wait(set(_running), timeout=seconds)
