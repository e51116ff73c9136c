"""All that a person has, as JSON lines, read page by page: memory does not grow with it.

The first line is the account, the last one says how many lines of each kind there were.
"""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import django.db
import msgspec
import structlog

from chat import records
from chat.domain import ExportPage
from chat.service import store
from safycore_backend import security_log
from safycore_backend.errors import ApiError, TokenExpiring
from users.domain import Person
from users.profiles import profile_of

log = structlog.get_logger(__name__)
Pages = Callable[[str | None], Awaitable[ExportPage]]
# Over the Data API the token is asked about with every page; an export of a hundred thousand messages takes this long.
_TOKEN_SECONDS = 60
_TYPES = {"sessions": "session", "messages": "message", "training_data": "training_data"}


class ExportBroken(Exception):
    """An export that cannot be brought to its end: the server closes the connection without one."""


async def export(person: Person) -> AsyncIterator[bytes]:
    """The lines, a page of them at a time. Raises TokenExpiring or what the database says, before the first one.

    An error later ends the iteration with ExportBroken.
    """
    if store().needs_token and person.claims.seconds_left() < _TOKEN_SECONDS:
        raise TokenExpiring
    account = {"type": "account", **await profile_of(person), "exported_at": _now()}
    first = await records.export_page(person, None)
    return _lines(person, account, first)


async def _lines(person: Person, account: dict[str, Any], sessions: ExportPage) -> AsyncIterator[bytes]:
    counts = {"sessions": 0, "messages": 0, "training_data": 0}
    yield _line(account)
    try:
        async for table, page in _pages(person, sessions):
            counts[table] += len(page.rows)
            yield b"".join(_line({"type": _TYPES[table], **row}) for row in page.rows)
    except (ApiError, django.db.Error) as exc:
        # Without its cause: a driver's words may quote what people wrote, and the server logs what escapes here.
        log.error("export_broken", error=type(exc).__name__)
        raise ExportBroken from None
    security_log.happened("export_made", person=security_log.hashed(person.id), **counts)
    yield _line({"type": "end", "counts": counts})


async def _pages(person: Person, sessions: ExportPage) -> AsyncIterator[tuple[str, ExportPage]]:
    async def sessions_after(after: str | None) -> ExportPage:
        return sessions if after is None else await records.export_page(person, after)

    async def messages_after(after: str | None) -> ExportPage:
        return await store().export_messages(person.claims, after)

    async def training_data_after(after: str | None) -> ExportPage:
        return await store().export_training_data(person.claims, after)

    tables: dict[str, Pages] = {
        "sessions": sessions_after,
        "messages": messages_after,
        "training_data": training_data_after,
    }
    for table, page_after in tables.items():
        async for page in _to_the_end(page_after):
            yield table, page


async def _to_the_end(page_after: Pages) -> AsyncIterator[ExportPage]:
    """Every page that has rows, one after the other."""
    page = await page_after(None)
    while page.next is not None:
        yield page
        page = await page_after(page.next)


def _line(row: dict[str, Any]) -> bytes:
    return msgspec.json.encode(row) + b"\n"


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
