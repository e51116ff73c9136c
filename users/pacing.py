"""Answers whose time tells nothing: none before a fixed time after the question, whatever there was to do."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings

# A part of the minimum, at random: it covers what little the machine itself lets through.
_JITTER = 0.1


class Pace:
    """Begun with the question; `rest` waits for the time of the answer."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self.due = self._clock() + settings.AUTH_MINIMUM_SECONDS * random.uniform(1, 1 + _JITTER)  # noqa: S311  # noise

    @property
    def left(self) -> float:
        return max(0.0, self.due - self._clock())

    async def rest(self) -> None:
        await asyncio.sleep(self.left)


@asynccontextmanager
async def unhurried_refusals() -> AsyncIterator[Pace]:
    """An error that is raised within goes on no sooner than at the time of the answer."""
    pace = Pace()
    try:
        yield pace
    except Exception:
        await pace.rest()
        raise
