"""Pauses of many replies that have begun, which end behind what somebody waits for."""

import asyncio
import math
from collections import deque

# So many end in one turn of the event loop, and as many more for each time that the first of them is late by this.
AT_A_TIME = 4
_LATE_SECONDS = 0.02
# uvloop's clock goes in whole milliseconds: a timer for less would come at once, again and again until the next.
_CLOCK_SECONDS = 0.001


class Pauses:
    """All pauses of a process. They end in the order in which they began, as those do that are about equally long.

    Where all that are due went on in one turn, it would be a long one; and a reply that begins needs several turns, one
    for each answer that it waits for, while in one that has begun the next words may come a little later.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._next: asyncio.Handle | None = None
        # When the first was due as `_next` was set.
        self._due = 0.0

    def over(self, seconds: float) -> asyncio.Future[None]:
        """Done after so many seconds, within a millisecond; later where many are due or a longer one began before."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        self._waiting.append((loop.time() + seconds, over))
        self._wait_for_first(loop)
        return over

    def _end_some(self) -> None:
        loop = asyncio.get_running_loop()
        self._next, now, ended = None, loop.time(), 0
        most = AT_A_TIME * (1 + (now - self._due) / _LATE_SECONDS)
        while ended < most and self._waiting and now >= self._waiting[0][0] - _CLOCK_SECONDS:
            over = self._waiting.popleft()[1]
            if not over.done():
                over.set_result(None)
                ended += 1
        self._wait_for_first(loop)

    def _wait_for_first(self, loop: asyncio.AbstractEventLoop) -> None:
        """The first of those that were not given up."""
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        due = self._waiting[0][0] if self._waiting else math.inf
        if self._next is not None and due != self._due:
            self._next.cancel()
            self._next = None
        if self._next is None and self._waiting:
            self._due, self._next = due, loop.call_later(due - loop.time(), self._end_some)
