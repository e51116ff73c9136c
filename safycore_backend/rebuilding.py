"""Makes the list of sessions anew from the messages, which are what there is to be lost."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone
from psycopg.rows import class_row

from chat.models import ConversationSession
from chat.records import title_from
from safycore_backend.django_owner import as_owner, lock_tables, owner_alias
from users.models import UserProfile

_BATCH = 500
_SESSIONS = """
select s.user_id, u.email, u.created_at as joined, s.session_id, s.began, s.latest, coalesce(f.content, '') as message
from (select user_id, session_id, min(created_at) as began, max(created_at) as latest
  from public.messages group by user_id, session_id) s
join auth.users u on u.id = s.user_id
left join lateral (select m.content from public.messages m
  where m.user_id = s.user_id and m.session_id = s.session_id and m.role = 'user' order by m.seq limit 1) f on true
order by s.began
"""


class Spoken(NamedTuple):
    """A session as its messages tell it, and whose it is."""

    user_id: uuid.UUID
    email: str | None
    joined: datetime
    session_id: str
    began: datetime
    latest: datetime
    message: str


@dataclass(slots=True)
class Rebuilt:
    sessions: int = 0
    made: int = 0
    changed: int = 0


def rebuild(*, replace_titles: bool, dry_run: bool) -> Iterator[Rebuilt]:
    """The sums so far, after each batch, which is a transaction of its own. Raises CommandError."""
    sums, begun = Rebuilt(), timezone.now()
    with _messages() as cursor:
        while batch := cursor.fetchmany(_BATCH):
            with as_owner() as connection:
                lock_tables(connection)
                _keep_profiles(batch)
                _keep_sessions(batch, sums, begun, replace_titles=replace_titles)
                transaction.set_rollback(dry_run, using=owner_alias())
            yield sums


@contextmanager
def _messages() -> Iterator[Any]:
    try:
        with psycopg.connect(settings.SUPABASE_DB_ADMIN_URL, prepare_threshold=None) as connection:
            bound = connection.execute("select row_security_active('public.messages')").fetchone()
            if bound is None or bound[0]:
                raise CommandError(
                    "SUPABASE_DB_ADMIN_URL logs in as a role that sees nobody's messages: use the owner."
                )
            with connection.cursor("sessions", row_factory=class_row(Spoken)) as cursor:
                cursor.execute(_SESSIONS)
                yield cursor
    except psycopg.Error as exc:
        raise CommandError(f"The messages cannot be read at SUPABASE_DB_ADMIN_URL: {exc}") from exc


def _keep_profiles(batch: Sequence[Spoken]) -> None:
    profiles = UserProfile.objects.using(owner_alias())
    known = set(profiles.filter(user_id__in={each.user_id for each in batch}).values_list("user_id", flat=True))
    missing = {each.user_id: each for each in batch if each.user_id not in known}
    emails = {each.email for each in missing.values()}
    taken = set(profiles.filter(email__in=emails).values_list("email", flat=True))
    made = [
        UserProfile(user_id=each.user_id, email=each.email if each.email not in taken else None)
        for each in missing.values()
    ]
    profiles.bulk_create(made)
    # The field takes the present when a row is made, whatever it was given.
    for profile in made:
        profile.created_at = missing[profile.user_id].joined
    profiles.bulk_update(made, ["created_at"])


def _keep_sessions(batch: Sequence[Spoken], sums: Rebuilt, begun: datetime, *, replace_titles: bool) -> None:
    rows = ConversationSession.objects.using(owner_alias())
    listed = rows.filter(user__user_id__in={each.user_id for each in batch})
    there = {(row.user_id, row.session_id): row for row in listed.filter(session_id__in={s.session_id for s in batch})}
    fresh = {_key(each): _new(each) for each in batch if _key(each) not in there}
    rows.bulk_create(fresh.values())
    known = there | fresh
    changed = [
        key
        for key, each in ((_key(each), each) for each in batch)
        if _told(known[key], each, begun, title=replace_titles or key in fresh)
    ]
    rows.bulk_update([known[key] for key in changed], ["title", "created_at", "updated_at"])
    sums.sessions += len(batch)
    sums.made += len(fresh)
    sums.changed += len(set(changed) - set(fresh))


def _key(spoken: Spoken) -> tuple[uuid.UUID, str]:
    return spoken.user_id, spoken.session_id


def _new(spoken: Spoken) -> ConversationSession:
    return ConversationSession(
        user_id=spoken.user_id,
        session_id=spoken.session_id,
        updated_at=spoken.latest,
    )


def _told(row: ConversationSession, spoken: Spoken, begun: datetime, *, title: bool) -> bool:
    """Make the row say what the messages do; whether it said something else. What was said meanwhile stays."""
    before = (row.title, row.created_at, row.updated_at)
    if title:
        row.title = title_from(spoken.message) or spoken.session_id
    row.created_at = spoken.began
    if row.updated_at < begun:
        row.updated_at = spoken.latest
    return before != (row.title, row.created_at, row.updated_at)
