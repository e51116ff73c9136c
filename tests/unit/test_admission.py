"""chat/admission.py: who may begin a reply, by how many run and how late everything is."""

import asyncio
import time
from dataclasses import dataclass, field

from django.test import override_settings

from chat.admission import FEW_REPLIES, Admission


@dataclass
class Process:
    """How a process is doing."""

    replies: int
    database_delay: float = 0.0
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self.admission = Admission(lambda: self.replies, lambda: self.database_delay)

    async def until(self, reached: str | None) -> None:
        async with asyncio.timeout(20):
            while self.admission.reached() != reached:  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(0)


@override_settings(MAX_REPLIES=60, MAX_DELAY_SECONDS=0.1)
async def test_as_many_replies_begin_as_are_allowed_and_the_next_when_one_has_ended() -> None:
    process = Process(replies=59)
    assert process.admission.reached() is None
    process.replies = 60
    assert process.admission.reached() == "MAX_REPLIES"
    process.replies = 59
    assert process.admission.reached() is None


@override_settings(MAX_REPLIES=1_000, MAX_DELAY_SECONDS=0.1)
async def test_while_the_database_is_late_no_reply_begins_and_then_they_do_again() -> None:
    process = Process(replies=FEW_REPLIES)
    assert process.admission.reached() is None
    process.database_delay = 1.0
    await process.until("MAX_DELAY_SECONDS")
    process.database_delay = 0.0
    await process.until(None)


@override_settings(MAX_REPLIES=1_000, MAX_DELAY_SECONDS=0.1)
async def test_while_the_event_loop_is_late_no_reply_begins() -> None:
    process = Process(replies=FEW_REPLIES)
    async with asyncio.timeout(20):
        while process.admission.reached() is None:
            # Turns of the loop that take too long; to block it is what is meant.
            time.sleep(0.3)  # noqa: ASYNC251
            await asyncio.sleep(0)
    await process.until(None)


@override_settings(MAX_REPLIES=1_000, MAX_DELAY_SECONDS=1.0)
async def test_a_single_long_turn_of_the_loop_refuses_nobody() -> None:
    process = Process(replies=FEW_REPLIES)
    assert process.admission.reached() is None
    time.sleep(0.3)  # noqa: ASYNC251
    for _ in range(10):
        await asyncio.sleep(0)
        assert process.admission.reached() is None


@override_settings(MAX_REPLIES=1_000, MAX_DELAY_SECONDS=0.1)
async def test_a_process_with_few_replies_takes_more_however_late_it_is_and_forgets_that_it_was() -> None:
    process = Process(replies=FEW_REPLIES, database_delay=60.0)
    await process.until("MAX_DELAY_SECONDS")
    process.replies = FEW_REPLIES - 1
    assert process.admission.reached() is None
    # A mean that only faded would take some four seconds to come from so high to what is allowed.
    await asyncio.sleep(0.3)
    process.replies, process.database_delay = FEW_REPLIES, 0.0
    assert process.admission.reached() is None
