"""Whether this process can make one more reply well."""

import asyncio
import time
from collections.abc import Callable

from django.conf import settings

# So few replies are not why anything is late.
FEW_REPLIES = 50
_TICK_SECONDS = 0.05
_SMOOTHING_SECONDS = 0.5
# One long turn of the event loop, such as a collection of garbage makes, or one slow answer refuses nobody.
_MOST_WEIGHT = 0.25


class Admission:
    """Open up to MAX_REPLIES, and while neither the event loop nor the database is late by MAX_DELAY_SECONDS.

    How many replies a machine can serve depends on the pace of the model. Beyond that each one more makes all of them
    slower; what is refused at once can be asked elsewhere, or a little later.

    `replies` is how many there are now; `database_delay` how long calls wait for the database, in seconds.
    """

    def __init__(self, replies: Callable[[], int], database_delay: Callable[[], float]) -> None:
        self._replies = replies
        self._database_delay = database_delay
        self._delay = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def reached(self) -> str | None:
        """The setting that forbids one more reply; None when it can begin."""
        replies = self._replies()
        if replies >= settings.MAX_REPLIES:
            return "MAX_REPLIES"
        if replies < FEW_REPLIES:
            return None
        self._watch()
        return "MAX_DELAY_SECONDS" if self._delay > settings.MAX_DELAY_SECONDS else None

    def _watch(self) -> None:
        if self._timer is None:
            due = time.monotonic() + _TICK_SECONDS
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick, due)

    def _tick(self, due: float) -> None:
        self._timer = None
        if self._replies() < FEW_REPLIES:
            self._delay = 0.0
            return
        late = max(0.0, time.monotonic() - due)
        weight = min(_MOST_WEIGHT, (_TICK_SECONDS + late) / _SMOOTHING_SECONDS)
        self._delay += weight * (max(late, self._database_delay()) - self._delay)
        self._watch()
