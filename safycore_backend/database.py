"""What the two doors to the people's rows have in common: who calls, what a call is, and what can go wrong.

A door calls one SQL function as one person and returns what the function's JSON says. Row level security decides what
it can touch. The errors of drivers stop at the doors.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from rest_framework import status

from safycore_backend.errors import ApiError, NotAuthenticated, Unavailable

log = structlog.get_logger(__name__)
INVALID_AUTHORIZATION = "PT401"
"""The SQLSTATE by which our functions say that the signed-in session has ended; gateways answer it with a 401."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose rows a call may touch: the token, and its user, signed-in session and end (Unix time)."""

    user_id: str
    auth_session_id: str
    expires_at: float
    token: str = field(repr=False)

    def seconds_left(self) -> float:
        """How long the token is good for, from now."""
        return self.expires_at - time.time()


class Door(Protocol):
    """One way to the database."""

    needs_token: bool
    """Whether calls are made with the person's token, which must then outlive a whole reply."""

    async def open(self) -> None:
        """Connect and check; raises ImproperlyConfigured when this way must not be used."""

    async def call(
        self,
        claims: Claims,
        function: str,
        arguments: Mapping[str, Any],
        kind: Any = Any,
        *,
        gives_way: bool = False,
    ) -> Any:
        """The function's result, where that is JSON as the type that is asked for (as msgspec knows types).

        One that gives way is made after those that somebody waits for, where there is a queue.
        Raises DatabaseUnavailable, SessionEnded or DatabaseError.
        """

    async def maintain(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Call one of the functions that work across people; None at a door that is open to people only."""

    async def ready(self) -> bool:
        """Whether calls can be made at this moment."""

    def look(self) -> None:
        """Take the answers that have arrived, before the event loop comes round to them. Cheap: call it often."""

    def delay(self) -> float:
        """How long calls wait now before they are made, in seconds, as far as that is known."""

    def measure(self) -> None:
        """Tell the metrics how its connections do."""

    async def close(self) -> None:
        """Let go of every connection."""


class DatabaseUnavailable(Unavailable):
    default_code = "database_unavailable"
    default_detail = "The database does not answer. Try again in a moment."


class SessionEnded(NotAuthenticated):
    """The database says that the session behind a valid token has ended; the client sees any other 401."""


class DatabaseError(ApiError):
    """The database refused a call that should have worked: a fault of ours, told to nobody but the log."""

    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR


def refused(function: str, code: str | None) -> DatabaseError:
    """A DatabaseError, with a line in the log: never the database's own words, which quote what people wrote."""
    log.error("database_refused", function=function, code=code)
    return DatabaseError()
