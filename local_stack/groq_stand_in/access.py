"""Who may ask for which model, and how much: keys, models, rate limits."""

import secrets

from aiohttp import web

from .catalog import MODELS, Model
from .errors import by_status

REQUESTS_PER_DAY = 14_400
TOKENS_PER_MINUTE = 250_000


def check_key(request: web.Request, key: str) -> None:
    """Raise GroqError unless the request carries the key, or any key where none is set."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    right = secrets.compare_digest(given.encode(), key.encode()) if key else bool(given.strip())
    if scheme.lower() != "bearer" or not right:
        raise by_status(401, model="")


def known_model(name: str) -> Model:
    """The model of that name; raise GroqError where there is none."""
    if name not in MODELS:
        raise by_status(404, model=name)
    return MODELS[name]


def rate_limits(prompt_tokens: int, *, exhausted: bool) -> dict[str, str]:
    """Groq's headers: requests are counted per day, tokens per minute."""
    left = 0 if exhausted else max(0, TOKENS_PER_MINUTE - prompt_tokens)
    return {
        "x-ratelimit-limit-requests": str(REQUESTS_PER_DAY),
        "x-ratelimit-limit-tokens": str(TOKENS_PER_MINUTE),
        "x-ratelimit-remaining-requests": str(REQUESTS_PER_DAY - 1),
        "x-ratelimit-remaining-tokens": str(left),
        "x-ratelimit-reset-requests": "2m59.56s",
        "x-ratelimit-reset-tokens": "7.66s" if exhausted else "240ms",
    }
