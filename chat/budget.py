"""What a person may have the models read and write: tokens, counted as their replies end."""

from collections.abc import Sequence
from dataclasses import replace

from rest_framework.request import Request

from chat.domain import Outcome, Usage
from chat.errors import TokenLimitReached
from chat.prompt import PromptMessage, tokens
from safycore_backend import metrics, security_log
from safycore_backend.rate_limits import Standing
from safycore_backend.security_log import hashed
from users import limits
from users.authentication import person_of

_LIMIT = "LIMIT_TOKENS_PER_PERSON"


async def tokens_left(request: Request) -> Standing:
    """A limit of a view: raises TokenLimitReached once nothing is left. What runs by then goes on to its end."""
    standing = _of_tokens(await limits.standing(_LIMIT, person_of(request).id))
    if standing.used >= standing.most:
        who = hashed(person_of(request).id)
        metrics.limit_reached(_LIMIT)
        security_log.refused("limit_reached", by="limit", limit=_LIMIT, subject_kind="person", subject=who)
        raise TokenLimitReached(standing)
    return standing


async def spend(user_id: str, amount: int) -> None:
    await limits.add(_LIMIT, user_id, amount)


def spent(outcome: Outcome, prompt: Sequence[PromptMessage], text: str) -> int:
    """The tokens of a reply as the model's server counted them, or else as its text lets us estimate them.

    A reply that failed before its first word, of which the server says nothing, has cost nothing.
    """
    known = counted(outcome.usage or {})
    if known is not None:
        return sum(known)
    if outcome.status == "error" and not text:
        return 0
    return sum(tokens(message["content"]) for message in prompt) + (tokens(text) if text else 0)


def counted(usage: Usage) -> tuple[int, int] | None:
    """Tokens of the prompt and of the reply; None unless the model's server said both."""
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    known = all(type(part) is int and part >= 0 for part in (prompt, completion))
    return (prompt, completion) if known else None  # type: ignore[return-value]  # both were looked at


def _of_tokens(standing: Standing) -> Standing:
    return replace(standing, unit="tokens")
