"""Who and what a log line is about: bound once, and then on every line of the same task and of those that it starts.

A reply's task carries its request's id and its person's hash to the reply's end. Never content, an address or a token.
"""

from structlog.contextvars import bind_contextvars, clear_contextvars

from safycore_backend.security_log import hashed


def about_request(request_id: str) -> None:
    """A new request; what was bound for the one before on this connection is gone."""
    clear_contextvars()
    bind_contextvars(request_id=request_id)


def about_user(user_id: str) -> None:
    bind_contextvars(user=hashed(user_id))


def about_session(session_id: str) -> None:
    """A session id is a client's own words, so its hash."""
    bind_contextvars(session=hashed(session_id))


def about_turn(message_id: str) -> None:
    """The reply, by the id that the database made for its message."""
    bind_contextvars(turn=message_id)
