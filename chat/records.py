"""The list of a person's sessions, in Django's own database."""

import base64
import binascii
import datetime as dt
import functools
import uuid
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chat.domain import ExportPage
from chat.models import ConversationSession
from chat.touches import Touches
from safycore_backend.database import Claims
from safycore_backend.django_database import as_person, in_postgres
from safycore_backend.errors import InvalidInput, NotFound
from users.domain import Person
from users.profiles import profile_in_transaction, refuse_gone

TITLE_LENGTH = 80
_UTC = (None, dt.UTC)
EXPORT_ROWS = 500


class Listed(NamedTuple):
    """A session as the list shows it. Reading an object of the model takes half as long again."""

    pk: int
    session_id: str
    title: str
    created_at: dt.datetime
    updated_at: dt.datetime


def title_from(message: str) -> str:
    """The first words of the first message, on one line."""
    line = " ".join(message.split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"


async def touch(person: Person, session_id: str, message: str) -> None:
    """Put a session at the top of its owner's list, with a title from the message when it is new there."""
    await refuse_gone(person)
    title = title_from(message) or session_id
    # In Postgres each change is a transaction as one person; in a file many can be one.
    if in_postgres() or not await _touches().touch(person.id, session_id, title):
        # Again: who has no profile now may have been deleted since.
        await refuse_gone(person)
        await as_person(person, lambda: _touch(person, session_id, title))


@functools.cache
def _touches() -> Touches:
    """Those of this process."""
    return Touches()


def _touch(person: Person, session_id: str, title: str) -> None:
    now = timezone.now()
    if not _of(person).filter(session_id=session_id).update(updated_at=now):
        _add(person, session_id, title, now)


@transaction.atomic(savepoint=False)
def _add(person: Person, session_id: str, title: str, now: dt.datetime) -> None:
    profile_in_transaction(person)
    ConversationSession.objects.get_or_create(
        user_id=person.id,  # type: ignore[misc]  # the stubs take the key of the row, not of to_field
        session_id=session_id,
        defaults={"title": title, "updated_at": now},
    )


def _of(person: Person) -> QuerySet[ConversationSession]:
    return ConversationSession.objects.filter(user__user_id=person.id)


async def page(
    person: Person, limit: int, before: str | None, search: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """The newest sessions before the cursor, and the cursor of what follows (None when nothing does).

    `search` keeps those with that text in their title, in any case: of all letters in Postgres, of ASCII's in SQLite.
    """
    if before is None and search is None:
        found = await as_person(person, lambda: _first_page(person, limit + 1))
    else:
        cursor = None if before is None else _cursor(before)
        found = await as_person(person, lambda: _later_page(person, limit + 1, cursor, search))
    shown = found[:limit]
    return [_shown(row) for row in shown], _cursor_after(shown[-1]) if len(found) > limit else None


def _first_page(person: Person, count: int) -> list[Listed]:
    """What everybody asks for first. Django takes longer to put the query together than SQLite to answer it."""
    whose = ConversationSession._meta.get_field("user").get_db_prep_value(person.id, connection)  # noqa: SLF001  # Django's public name
    with connection.cursor() as cursor:
        cursor.execute(_first_page_sql(count), (whose,))
        return [Listed(*row) for row in cursor.fetchall()]


@functools.cache
def _first_page_sql(count: int) -> str:
    """With one parameter, the person; there are as many as a page can have rows."""
    anybody = Person(id=str(uuid.UUID(int=0)), email=None, claims=Claims("", "", 0.0, ""))
    statement, _ = _page_of(newest(anybody, None), count).query.sql_with_params()
    return str(statement)


def _later_page(person: Person, count: int, cursor: tuple[dt.datetime, int] | None, search: str | None) -> list[Listed]:
    rows = newest(person, cursor)
    if search is not None:
        rows = rows.filter(title__icontains=search)
    return [Listed(*row) for row in _page_of(rows, count)]


def _page_of(rows: QuerySet[ConversationSession], count: int) -> Any:
    return rows.values_list(*Listed._fields)[:count]


def newest(person: Person, cursor: tuple[dt.datetime, int] | None) -> QuerySet[ConversationSession]:
    """A person's sessions before the cursor, newest first: in the order of their index, from there on."""
    rows = _of(person).order_by("-updated_at", "-id")
    if cursor is None:
        return rows
    moment, last_id = cursor
    # The first condition follows from the other, which no index can be entered with.
    return rows.filter(updated_at__lte=moment).filter(Q(updated_at__lt=moment) | Q(id__lt=last_id))


async def rename(person: Person, session_id: str, title: str) -> dict[str, Any]:
    """Raises NotFound."""
    return _shown(await as_person(person, lambda: _rename(person, session_id, title)))


def _rename(person: Person, session_id: str, title: str) -> ConversationSession:
    row = _of(person).filter(session_id=session_id).first()
    if row is None:
        raise NotFound
    row.title = title
    row.save(update_fields=["title"])
    return row


async def delete(person: Person, session_id: str) -> bool:
    """Whether there was such a session."""
    gone, _ = await as_person(person, lambda: _of(person).filter(session_id=session_id).delete())
    return gone > 0


async def export_page(person: Person, after: str | None) -> ExportPage:
    """The person's sessions, the first made first; what happens in one meanwhile does not move it."""
    rows = _of(person).filter(pk__gt=int(after or 0)).order_by("pk")
    found = await as_person(person, lambda: list(rows[:EXPORT_ROWS]))
    return ExportPage([_shown(row) for row in found], str(found[-1].pk) if found else None)


def _shown(row: ConversationSession | Listed) -> dict[str, Any]:
    return {
        "session_id": row.session_id,
        "title": row.title,
        "created_at": _rfc3339(row.created_at),
        "updated_at": _rfc3339(row.updated_at),
    }


def _rfc3339(moment: dt.datetime) -> str:
    # A hundred of them make a page of the list. What SQLite tells without a zone is in UTC as well.
    utc = moment if moment.tzinfo in _UTC else moment.astimezone(dt.UTC)
    return f"{utc.isoformat(timespec='microseconds')[:26]}Z"


def _cursor_after(row: Listed) -> str:
    return base64.urlsafe_b64encode(f"{_rfc3339(row.updated_at)} {row.pk}".encode()).decode()


def _cursor(value: str) -> tuple[dt.datetime, int]:
    try:
        moment, _, last_id = base64.urlsafe_b64decode(value.encode()).decode().partition(" ")
        return dt.datetime.fromisoformat(moment).astimezone(dt.UTC), min(int(last_id), 2**62)
    except (ValueError, OverflowError, binascii.Error) as exc:
        raise InvalidInput(fields={"before": ["Use the `next` of an earlier answer."]}) from exc
