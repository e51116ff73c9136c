"""Five hundred tries of each kind: the time of an answer does not tell whether an address has an account."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cast import PASSWORD
from tests.conftest import OPEN_DOORS, ConfirmingStack
from tests.processes import Server
from tests.timing import Try, addresses, asking, compared, people, share_late, timed

TRIES = 500
# What is tried at once must have been worked off before its answers are due: on a machine that cannot, the second.
MINIMUM_SECONDS = (3.0, 9.0)
AT_ONCE = 60
CONTROL_TRIES = 60

Owner = psycopg.AsyncConnection[Any]


@pytest.fixture
async def confirming_sql(confirming_stack: ConfirmingStack) -> AsyncIterator[Owner]:
    address = confirming_stack[1]["SUPABASE_DB_ADMIN_URL"]
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture
def confirming_environment(confirming_stack: ConfirmingStack) -> dict[str, str]:
    return {**confirming_stack[1], **OPEN_DOORS}


async def every_kind(owner: Owner, tries: int) -> dict[str, Try]:
    known = await people(owner, tries)
    return {
        "login: known": asking("login", known, password="not the password"),
        "login: unknown": asking("login", addresses(tries), password="not the password"),
        "signup: known": asking("signup", known, password=PASSWORD),
        "signup: unknown": asking("signup", addresses(tries), password=PASSWORD),
        "password-reset: known": asking("password-reset", known),
        "password-reset: unknown": asking("password-reset", addresses(tries)),
    }


async def measured(
    environment: Mapping[str, str], owner: Owner, log: Path, tries: int, at_once: int
) -> dict[str, list[float]]:
    server = Server({**environment, "SUPABASE_TIMEOUT": "60"}, log)
    await server.start()
    try:
        return await timed(server.url, await every_kind(owner, tries), tries, at_once)
    finally:
        await server.stop()


def telling(times: dict[str, list[float]]) -> dict[str, bool]:
    """Which doors tell the two apart."""
    found = compared(times)
    print(*found, sep="\n")  # noqa: T201  # shown when the test fails
    return {each.one.partition(":")[0]: each.differ for each in found}


async def test_no_door_tells_known_from_unknown_addresses_by_its_time(
    confirming_environment: dict[str, str], confirming_sql: Owner, tmp_path: Path
) -> None:
    for minimum in MINIMUM_SECONDS:
        environment = {**confirming_environment, "AUTH_MINIMUM_SECONDS": str(minimum)}
        times = await measured(environment, confirming_sql, tmp_path / "server.log", TRIES, AT_ONCE)
        if share_late(times, minimum) < 0.02:
            break
    assert telling(times) == {"login": False, "signup": False, "password-reset": False}


async def test_without_the_setting_every_door_tells_them_apart(
    confirming_environment: dict[str, str], confirming_sql: Owner, tmp_path: Path
) -> None:
    """So the comparison above can fail."""
    times = await measured(confirming_environment, confirming_sql, tmp_path / "server.log", CONTROL_TRIES, 1)
    assert telling(times) == {"login": True, "signup": True, "password-reset": True}
