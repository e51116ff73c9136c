"""chat/breaker.py: while the model is down, everybody but one is told so at once."""

from chat.breaker import Breaker


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=3, seconds=10, clock=clock)
    for _ in range(3):
        assert breaker.remaining() == 0
        breaker.failed()
    return breaker


def test_it_stays_closed_until_enough_failures_came_in_a_row() -> None:
    breaker = Breaker(failures=3, seconds=10, clock=Clock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.remaining() == 0


def test_it_opens_and_tells_how_long_it_will_stay_so() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert breaker.remaining() == 10
    clock.now += 4
    assert breaker.remaining() == 6


def test_when_the_time_is_over_one_try_is_let_through_and_the_others_wait() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.remaining() == 0
    assert breaker.remaining() == 10


def test_the_one_try_closes_it_when_it_succeeds() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.remaining() == 0
    breaker.succeeded()
    assert breaker.remaining() == 0
    assert breaker.remaining() == 0


def test_the_one_try_opens_it_again_when_it_fails() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.remaining() == 0
    breaker.failed()
    assert breaker.remaining() == 10


def test_a_try_that_was_stopped_leaves_the_next_one_free() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.remaining() == 0
    breaker.abandoned()
    assert breaker.remaining() == 0
