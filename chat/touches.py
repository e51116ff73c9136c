"""Sessions put at the top of their lists, in Django's SQLite file: many with one write.

The file has one writer at a time. Replies that begin in the same second would each take a thread and a commit of their
own, and wait for each other; so what is asked for while a write is under way is done by the next one.
"""

import asyncio
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from safycore_backend.own_database import in_own_database

_Place = tuple[str, str]
# Nothing for a person without a profile.
_TOUCH = """
insert into conversation_sessions (user_id, session_id, title, created_at, updated_at)
select user_id, %s, %s, %s, %s from user_profiles where user_id = %s
on conflict (user_id, session_id) do update set updated_at = excluded.updated_at
"""


@dataclass(frozen=True, slots=True)
class Touch:
    """Something is said in a person's session: when, and what the session is called where it is new."""

    user_id: str
    session_id: str
    title: str
    moment: dt.datetime


class Touches:
    def __init__(self) -> None:
        self._asked: dict[_Place, Touch] = {}
        self._waiting: dict[_Place, asyncio.Future[bool]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def touch(self, user_id: str, session_id: str, title: str) -> bool:
        """Whether it is at the top now; it is not where the person has no profile yet. Raises what Django does."""
        place = user_id, session_id
        self._asked[place] = Touch(user_id, session_id, title, timezone.now())
        written = self._waiting.setdefault(place, asyncio.get_running_loop().create_future())
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        # Several may wait for the same write: one that gives up must not take it from the others.
        return await asyncio.shield(written)

    async def _write(self) -> None:
        while self._waiting:
            asked, self._asked = self._asked, {}
            waiting, self._waiting = self._waiting, {}
            try:
                done = await in_own_database(_written, asked)
            except Exception as error:  # noqa: BLE001  # theirs who wait
                _fail(waiting.values(), error)
            else:
                for place, written in waiting.items():
                    written.set_result(place in done)


def _fail(waiting: Iterable[asyncio.Future[bool]], error: Exception) -> None:
    for written in waiting:
        written.set_exception(error)


@transaction.atomic(savepoint=False)
def _written(asked: Mapping[_Place, Touch]) -> set[_Place]:
    """Those that could be. Blocks."""
    done: set[_Place] = set()
    with connection.cursor() as cursor:
        for place, touch in asked.items():
            cursor.execute(_TOUCH, _parameters(touch))
            if cursor.rowcount:
                done.add(place)
    return done


def _parameters(touch: Touch) -> tuple[Any, ...]:
    """As Django stores them there. For it to put the statements together takes many times what the write does."""
    moment = connection.ops.adapt_datetimefield_value(touch.moment)
    return touch.session_id, touch.title, moment, moment, uuid.UUID(touch.user_id).hex
