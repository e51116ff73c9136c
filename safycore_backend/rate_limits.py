"""How often something may be done, as it is told: the fields of draft-ietf-httpapi-ratelimit-headers-10."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rest_framework.request import Request

from safycore_backend.errors import TooManyRequests


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with one limit: `used` of `most` in a window that ends `reset` seconds from now."""

    name: str
    most: int
    seconds: int
    used: int
    reset: int
    unit: str | None = None
    """What is counted, where that is not requests."""
    key: str = ""
    """Where it is counted, for taking it back."""


Limit = Callable[[Request], Awaitable[Standing]]
"""Of a view: lets a request pass, or raises LimitReached."""


class LimitReached(TooManyRequests):
    def __init__(self, standing: Standing) -> None:
        super().__init__(retry_after=standing.reset)
        self.standing = standing


def rate_limit_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """`RateLimit-Policy` (what is allowed) and `RateLimit` (what is left); none where nothing is limited."""
    if not standings:
        return {}
    return {
        "RateLimit-Policy": ", ".join(map(_policy, standings)),
        "RateLimit": ", ".join(f'"{each.name}";r={max(0, each.most - each.used)};t={each.reset}' for each in standings),
    }


def _policy(standing: Standing) -> str:
    unit = f';qu="{standing.unit}"' if standing.unit else ""
    return f'"{standing.name}";q={standing.most}{unit};w={standing.seconds}'
