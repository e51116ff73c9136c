"""Who is asking."""

from dataclasses import dataclass
from typing import Literal

from safycore_backend.database import Claims


@dataclass(frozen=True, slots=True)
class Person:
    """The owner of a verified token; DRF's `request.user`."""

    id: str
    email: str | None
    claims: Claims
    is_authenticated: Literal[True] = True


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What Supabase gives to whoever signs in; all but the address is None while that waits for confirmation."""

    user_id: str | None
    email: str
    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None
