"""What /readyz remembers between those who ask it."""

import asyncio

from safycore_backend.readiness import KEEP_SECONDS, Check


async def test_a_look_that_was_done_holds_though_a_newer_one_begins() -> None:
    now = 0.0
    going_on = asyncio.Event()
    looks: list[asyncio.Event | None] = [None, going_on]

    async def look() -> bool:
        until = looks.pop(0)
        return until is None or await until.wait()

    check = Check("database", look, clock=lambda: now)
    assert await check.holds()
    joined = asyncio.create_task(check.holds())
    await asyncio.sleep(0)  # it waits for the look that is done
    now = KEEP_SECONDS + 1
    renewed = asyncio.create_task(check.holds())

    assert await joined
    assert looks == []  # the newer one had begun, and has not ended
    going_on.set()
    assert await renewed
