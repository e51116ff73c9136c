"""chat/pauses.py: many pauses that end a few at a time."""

import asyncio
import functools
import time

import pytest
import uvloop

from chat.pauses import AT_A_TIME, Pauses

CLOCK_SECONDS = 0.001


async def ended_by_turn(pauses: list[asyncio.Future[None]]) -> list[int]:
    """How many ended in each turn of the loop in which any did, until all have."""
    turns, before = [], 0
    async with asyncio.timeout(20):
        while before < len(pauses):
            await asyncio.sleep(0)
            ended = sum(pause.done() for pause in pauses)
            if ended > before:
                turns.append(ended - before)
            before = ended
    return turns


async def test_a_pause_is_over_after_its_time_and_not_before() -> None:
    pauses, loop = Pauses(), asyncio.get_running_loop()
    for seconds in (0.02, 0.05, 0.02):
        begun = loop.time()
        await asyncio.wait_for(pauses.over(seconds), 20)
        assert loop.time() - begun > seconds - CLOCK_SECONDS


async def test_many_that_are_due_end_a_few_in_each_turn_of_the_loop_and_in_their_order() -> None:
    pauses = Pauses()
    several = [pauses.over(0.001) for _ in range(1_000)]
    order: list[int] = []
    for number, pause in enumerate(several):
        pause.add_done_callback(functools.partial(_note, order, number))
    _block(0.01)
    turns = await ended_by_turn(several)
    assert AT_A_TIME <= turns[0] < 500
    await asyncio.sleep(0)
    assert order == list(range(1_000))


def _block(seconds: float) -> None:
    """A turn of the loop that takes long, as those of a busy process do."""
    time.sleep(seconds)


def _note(order: list[int], number: int, _: asyncio.Future[None]) -> None:
    order.append(number)


async def test_the_later_they_are_the_more_of_them_end_at_a_time() -> None:
    pauses = Pauses()
    several = [pauses.over(0.001) for _ in range(500)]
    _block(0.5)
    assert (await ended_by_turn(several))[0] > 10 * AT_A_TIME


async def test_one_that_was_given_up_takes_the_turn_of_no_other() -> None:
    pauses = Pauses()
    given_up, wanted = [pauses.over(0.001) for _ in range(50)], [pauses.over(0.001) for _ in range(AT_A_TIME)]
    for pause in given_up:
        pause.cancel()
    _block(0.005)
    assert await ended_by_turn(wanted) == [AT_A_TIME]


@pytest.mark.parametrize("seconds", [0.001, 0.03])
async def test_after_all_are_over_a_new_one_ends_as_well(seconds: float) -> None:
    pauses = Pauses()
    for _ in range(3):
        await asyncio.wait_for(pauses.over(seconds), 20)


@pytest.mark.parametrize("seconds", [0.0333333, 0.1, 0.9])
def test_on_the_clock_of_uvloop_one_pause_wakes_the_loop_once(seconds: float) -> None:
    """That clock goes in milliseconds: what is due a little after one of them must not be looked at until the next."""

    async def wakings() -> list[None]:
        looks: list[None] = []
        pauses = _Counting(looks)
        for _ in range(3):
            await pauses.over(seconds / 3)
        return looks

    assert len(uvloop.run(wakings())) == 3


async def test_one_that_begins_after_longer_ones_that_were_given_up_ends_in_its_time() -> None:
    pauses = Pauses()
    for pause in [pauses.over(600) for _ in range(5)]:
        pause.cancel()
    await asyncio.wait_for(pauses.over(0.01), 60)
    long, first = [pauses.over(600) for _ in range(5)], pauses.over(0.01)
    for pause in long:
        pause.cancel()
    await asyncio.wait_for(asyncio.gather(first, pauses.over(0.01)), 60)


class _Counting(Pauses):
    def __init__(self, looks: list[None]) -> None:
        super().__init__()
        self._looks = looks

    def _end_some(self) -> None:
        self._looks.append(None)
        super()._end_some()
