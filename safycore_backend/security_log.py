"""What an operator wants to know of tries at the doors: one structured line each, as docs/security-log.md lists them.

People and addresses stand in it as keyed hashes. No line has a token, an e-mail address, or anything that people wrote.
"""

import asyncio
import contextvars
import functools
from typing import TYPE_CHECKING, Any

import structlog
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    # The errors need this module, and DRF's views, when they are loaded, the errors.
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)
LINES_A_SECOND = 5
_SALT = "safycore.security_log"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# How many lines each kind of refusal has had in the second that is running.
_counts: dict[tuple[str, str], int] = {}


# Every line about a person has theirs.
@functools.lru_cache(maxsize=10_000)
def hashed(value: str) -> str:
    """The same for the same value everywhere that DJANGO_SECRET_KEY is; nobody without that key can try values out."""
    return salted_hmac(_SALT, value.encode("utf-8", "surrogatepass"), algorithm="sha256").hexdigest()[:16]


def happened(event: str, **facts: Any) -> None:
    """A line for something that an account's owner did."""
    log.info(event, **facts)


def refused(event: str, by: str, **facts: Any) -> None:
    """A line for a refusal: LINES_A_SECOND for each value of the fact that `by` names, then one with how many more.

    For the event loop. That fact must have few values, and none that a client can make up.
    """
    kind = event, str(facts[by])
    if kind not in _counts:
        # In no request's context: what was left out is not the first one's.
        asyncio.get_running_loop().call_later(1, _tell_rest, kind, by, context=contextvars.Context())
    _counts[kind] = _counts.get(kind, 0) + 1
    if _counts[kind] <= LINES_A_SECOND:
        log.warning(event, **facts)


def _tell_rest(kind: tuple[str, str], by: str) -> None:
    left_out = _counts.pop(kind) - LINES_A_SECOND
    if left_out > 0:
        event, value = kind
        log.warning(event, **{by: value}, left_out=left_out)


def note(exc: Exception, status: int, code: str, view: "APIView | None") -> None:
    """Tell of an error answer where it is a token refused, or an id tried that is not the person's."""
    if view is None:
        return
    if code == "not_authenticated":
        _note_token(exc, view)
    elif status == 404 and view.kwargs and view.request.method not in _SAFE_METHODS:
        person = hashed(str(getattr(view.request.user, "id", "")))
        refused("not_found", by="route", route=_route(view), method=view.request.method, person=person)


def _note_token(exc: Exception, view: "APIView") -> None:
    cause = exc.__cause__
    if cause is None and "HTTP_AUTHORIZATION" not in view.request.META:
        return  # nothing was tried
    # Our own subclasses say it best: SessionEnded.
    named = type(exc) if type(exc).__name__ != "NotAuthenticated" or cause is None else type(cause)
    refused("token_refused", by="reason", reason=named.__name__, route=_route(view))


def _route(view: "APIView") -> str:
    """As the URLconf writes it: with the names of ids, not with what was tried for them."""
    match = view.request.resolver_match
    return str(match.route) if match else ""
