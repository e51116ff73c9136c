"""A circuit breaker: while a service is down, everybody but one is told so at once."""

import time
from collections.abc import Callable


class Breaker:
    """Opens after so many failures in a row, for so many seconds; then one try decides.

    `remaining()` is 0 when a try may be made, else the seconds to wait. Each try that was let through is followed by
    `succeeded()` or `failed()`, or by `abandoned()` when it says nothing of the service.
    """

    def __init__(self, failures: int = 5, seconds: float = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """From the last of so many failures until something goes well again."""
        return self._failures >= self._most

    def remaining(self) -> float:
        if not self.is_open:
            return 0.0
        left = self._open_until - self._clock()
        if left > 0:
            return left
        # The one try: the others wait for what becomes of it.
        self._open_until = self._clock() + self._seconds
        return 0.0

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        self._open_until = self._clock() + self._seconds

    def abandoned(self) -> None:
        if self.is_open:
            self._open_until = self._clock()
