"""The two people of a verification: made for it and removed after it, or given by the operator and left tidy."""

import base64
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from django.conf import settings
from supabase_auth.errors import AuthError

from safycore_backend.database import Claims
from safycore_backend.isolation.http import Client
from safycore_backend.isolation.report import CannotVerify
from safycore_backend.supabase_client import get_supabase_admin_client, shared_http

_GIVE = (
    "Give two accounts with --email and --password, each twice; or set SUPABASE_SECRET_KEY, "
    "so that two can be made and removed."
)


@dataclass(slots=True)
class Person:
    """Somebody signed in. `sessions` are those that the verification has used."""

    email: str
    password: str = field(repr=False)
    claims: Claims
    made: bool
    sessions: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return self.claims.user_id

    @property
    def token(self) -> str:
        return self.claims.token


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of an account that the operator gives; `password` is secret."""

    email: str
    password: str = field(repr=False)


@contextlib.asynccontextmanager
async def two_people(
    api: Client, given: list[Credentials], domain: str, left: list[str]
) -> AsyncIterator[tuple[Person, Person]]:
    """The owner of the rows and the intruder. At the end they are gone; `left` gets a sentence for what is not.

    Raises CannotVerify when there cannot be two.
    """
    async with contextlib.AsyncExitStack() as stack:
        people = []
        wanted: list[Credentials | None] = [*given] or [None, None]
        for name, credentials in zip(("owner", "intruder"), wanted, strict=True):
            person = await (_signed_in(api, credentials, made=False) if credentials else _made(api, name, domain, left))
            stack.push_async_callback(_removed if person.made else _tidied, api, person, left)
            people.append(person)
        if people[0].id == people[1].id:
            raise CannotVerify("Both accounts are the same person: give two different ones.")
        yield people[0], people[1]


async def _made(api: Client, name: str, domain: str, left: list[str]) -> Person:
    credentials = Credentials(f"verify-isolation-{name}-{secrets.token_hex(8)}@{domain}", secrets.token_urlsafe(24))
    closed = await _closed()
    if not closed:
        return await _signed_up(api, credentials, left)
    if not settings.SUPABASE_SECRET_KEY:
        raise CannotVerify(f"{closed} {_GIVE}")
    return await _made_by_admin(api, credentials, left)


async def _closed() -> str:
    """Why nobody can sign up and be signed in at once, as the project says itself; nothing where it does not say."""
    try:
        answer = await shared_http().get(
            f"{settings.SUPABASE_URL}/auth/v1/settings", headers={"apikey": settings.SUPABASE_KEY}
        )
        facts = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return ""
    if facts.get("disable_signup"):
        return "The project takes no new accounts."
    return "The project asks for confirmation of e-mail addresses." if facts.get("mailer_autoconfirm") is False else ""


async def _signed_up(api: Client, credentials: Credentials, left: list[str]) -> Person:
    answer = await api.call("POST", "/api/auth/signup/", body=_body(credentials))
    if answer.status_code != 201:
        raise CannotVerify(f"Nobody can sign up: {_error(answer)} {_GIVE}")
    if not answer.json()["access_token"]:
        left.append(f"{credentials.email} waits for its confirmation; remove it in Supabase's dashboard.")
        raise CannotVerify(f"The project asks for confirmation of e-mail addresses. {_GIVE}")
    return _person(credentials, answer.json(), made=True)


async def _made_by_admin(api: Client, credentials: Credentials, left: list[str]) -> Person:
    try:
        made = await get_supabase_admin_client().auth.admin.create_user({**_body(credentials), "email_confirm": True})  # type: ignore[typeddict-item]  # the same names
    except (AuthError, httpx.HTTPError) as exc:
        raise CannotVerify(f"SUPABASE_SECRET_KEY could not make an account ({type(exc).__name__}). {_GIVE}") from exc
    try:
        return await _signed_in(api, credentials, made=True)
    except CannotVerify:
        await _removed_by_admin(made.user.id, credentials.email, left)
        raise


async def _signed_in(api: Client, credentials: Credentials, *, made: bool) -> Person:
    answer = await api.call("POST", "/api/auth/login/", body=_body(credentials))
    if answer.status_code != 200:
        raise CannotVerify(f"{credentials.email} cannot sign in: {_error(answer)}")
    return _person(credentials, answer.json(), made=made)


async def _removed(api: Client, person: Person, left: list[str]) -> None:
    try:
        answer = await api.call("DELETE", "/api/auth/account/", token=person.token, body={"password": person.password})
        if answer.status_code == 200:
            return
        why = _error(answer)
    except CannotVerify as exc:
        why = str(exc)
    if settings.SUPABASE_SECRET_KEY:
        await _removed_by_admin(person.id, person.email, left)
    else:
        left.append(f"The account {person.email} could not be removed ({why}); remove it by hand.")


async def _removed_by_admin(user_id: str, email: str, left: list[str]) -> None:
    try:
        await get_supabase_admin_client().auth.admin.delete_user(user_id)
    except (AuthError, httpx.HTTPError) as exc:
        left.append(f"The account {email} could not be removed ({type(exc).__name__}); remove it by hand.")


async def _tidied(api: Client, person: Person, left: list[str]) -> None:
    """An account of the operator's: what the verification has put there goes."""
    try:
        for session in sorted(person.sessions):
            await api.call("DELETE", f"/api/chat/conversation/{session}/clear/", token=person.token)
        await api.call("PATCH", "/api/auth/profile/", token=person.token, body={"default_session_id": None})
        await api.call("POST", "/api/auth/logout/", token=person.token)
    except CannotVerify as exc:
        left.append(f"What was tried as {person.email} could not be cleared away: {exc}")


def _body(credentials: Credentials) -> dict[str, Any]:
    return {"email": credentials.email, "password": credentials.password}


def _person(credentials: Credentials, answer: dict[str, Any], *, made: bool) -> Person:
    return Person(credentials.email, credentials.password, _claims(answer["access_token"]), made)


def _claims(token: str) -> Claims:
    """What our own token says; the servers that it is shown to verify it."""
    payload = token.split(".")[1]
    said = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Claims(str(said["sub"]), str(said.get("session_id", "")), float(said["exp"]), token)


def _error(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}."
