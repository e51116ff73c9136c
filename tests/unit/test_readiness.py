"""What /readyz remembers between those who ask it."""

import asyncio

import pytest

from safycore_backend import readiness
from safycore_backend.readiness import Check


async def test_a_look_that_was_done_holds_though_a_newer_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()
    looks: list[asyncio.Event | None] = [None, never]

    async def look() -> bool:
        until = looks.pop(0)
        return until is None or await until.wait()

    check = Check("database", look)
    assert await check.holds()
    joined = asyncio.create_task(check.holds())
    await asyncio.sleep(0)  # it waits for the look that is done
    monkeypatch.setattr(readiness, "KEEP_SECONDS", -1.0)
    renewed = asyncio.create_task(check.holds())

    assert await joined
    assert looks == []  # the newer one had begun, and has not ended
    renewed.cancel()
