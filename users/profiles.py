"""Profiles, in Django's own database. Made on a person's first request with a verified token, never from a sign-up."""

import asyncio
import uuid
from typing import Any
from weakref import WeakValueDictionary

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from safycore_backend.cache import process_cache, tell
from safycore_backend.database import SessionEnded
from safycore_backend.django_database import as_person, in_postgres
from users.domain import Person
from users.models import UserProfile

# What another instance may still show after a change, where each has a memory of its own.
REMEMBER_SECONDS = 5
# As long as an access token can be good for.
GONE_SECONDS = 3_600
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def profile_of(person: Person) -> dict[str, Any]:
    """`{id, email, created_at, default_session_id}`; makes the profile when there is none.

    Raises SessionEnded for a person who has just been deleted: what still runs for them makes nothing anew.
    """
    await refuse_gone(person)
    known = await _known(person)
    if known is None:
        async with _lock(person):
            known = await _known(person) or await _looked_up(person)
    return known


async def refuse_gone(person: Person) -> None:
    """Raises SessionEnded for a person who has just been deleted."""
    if await process_cache().aget(_gone_key(person)):
        raise SessionEnded


async def _known(person: Person) -> dict[str, Any] | None:
    known: dict[str, Any] | None = await process_cache().aget(_key(person))
    return known if known is not None and known["email"] == person.email else None


async def _looked_up(person: Person) -> dict[str, Any]:
    found = await as_person(person, lambda: profile_in_transaction(person))
    await process_cache().aset(_key(person), found, timeout=REMEMBER_SECONDS)
    return found


async def set_default_session(person: Person, session_id: str | None) -> dict[str, Any]:
    """The profile with its new `default_session_id`; None takes it away."""
    await profile_of(person)
    changed = {"default_session_id": session_id, "updated_at": timezone.now()}
    async with _lock(person):
        await as_person(person, lambda: _own(person).update(**changed))
        return await _looked_up(person)


async def delete_profile(person: Person) -> dict[str, int]:
    """How many rows went, per table; what hangs on the profile goes with it."""
    await tell(_gone_key(person), value=True, seconds=GONE_SECONDS)
    async with _lock(person):
        _, per_model = await as_person(person, lambda: _own(person).delete())
        await process_cache().adelete(_key(person))
    return {"conversation_sessions": 0, "user_profiles": 0} | {
        _table(label): count for label, count in per_model.items()
    }


def _lock(person: Person) -> asyncio.Lock:
    """Held from reading a profile until it is remembered, and while it changes: a former one is never remembered."""
    return _locks.setdefault(person.id, asyncio.Lock())


def _key(person: Person) -> str:
    return f"profile:{person.id}"


def _gone_key(person: Person) -> str:
    return f"gone:{person.id}"


def _table(label: str) -> str:
    return {
        "users.UserProfile": "user_profiles",
        "chat.ConversationSession": "conversation_sessions",
    }[label]


def _own(person: Person) -> QuerySet[UserProfile]:
    return UserProfile.objects.filter(user_id=person.id)


@transaction.atomic(savepoint=False)
def profile_in_transaction(person: Person) -> dict[str, Any]:
    """As profile_of, within `as_person`. Blocks."""
    profile = _kept_by_postgres(person) if in_postgres() else _kept(person)
    return {
        "id": person.id,
        "email": profile.email,
        "created_at": profile.created_at.isoformat().replace("+00:00", "Z"),
        "default_session_id": profile.default_session_id,
    }


def _kept_by_postgres(person: Person) -> UserProfile:
    """There nobody's queries reach another person's profile: a function does what `_kept` does, from the claims."""
    with connection.cursor() as cursor:
        cursor.execute("select keep_profile()")
    return _own(person).get()


def _kept(person: Person) -> UserProfile:
    profile, _ = UserProfile.objects.get_or_create(user_id=uuid.UUID(person.id))
    if profile.email != person.email:
        # Supabase knows an address once; a profile of another person that still has it is out of date.
        UserProfile.objects.filter(email=person.email).exclude(pk=profile.pk).update(email=None)
        profile.email = person.email
        profile.save(update_fields=["email", "updated_at"])
    return profile
