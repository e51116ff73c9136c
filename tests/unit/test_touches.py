"""chat/touches.py: what becomes of those who wait for one write."""

import asyncio
from pathlib import Path

import django
import pytest
from django.db import OperationalError, connections

django.setup()

from chat.touches import Touches  # noqa: E402  # needs the apps
from safycore_backend.own_database import in_own_database  # noqa: E402

PERSON = "0d4f6dc6-6a7a-4e5c-8f0e-3a4c1f6f6a01"


@pytest.fixture(autouse=True)
async def _a_file_without_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "NAME", tmp_path / "db.sqlite3")
    await in_own_database(connections.close_all)


async def test_a_write_that_fails_fails_for_all_who_wait_and_the_next_is_tried_again() -> None:
    touches = Touches()
    for _ in range(2):
        waiting = [touches.touch(PERSON, f"{n % 3}", "title") for n in range(6)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [OperationalError] * 6


async def test_one_that_gives_up_takes_nothing_from_the_others() -> None:
    touches = Touches()
    leaving, staying = (asyncio.create_task(touches.touch(PERSON, "same", "title")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(OperationalError):
        await staying
    assert leaving.cancelled()
