"""The API and the Data API over HTTP: every request is counted, and waits its turn where there is a limit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Self

import httpx

from safycore_backend.isolation.operations import Request
from safycore_backend.isolation.report import CannotVerify

# A limit of ours is over within a minute; one that lasts longer is not waited for.
_LONGEST_WAIT_SECONDS = 70
_TRIES = 3
# A reply of a slow model, to its end.
_TIMEOUT = httpx.Timeout(120, connect=10)


class Client:
    """One address. Raises CannotVerify when it is out of reach, or refuses for too many requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = 0
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, request: Request, token: str | None = None) -> httpx.Response:
        for _ in range(_TRIES):
            response = await self._asked(request, token)
            if response.status_code != 429:
                return response
            await asyncio.sleep(_seconds(response))
        raise CannotVerify(f"{self.url} goes on answering 429 to {request.method} {request.path}. Try again later.")

    async def call(
        self, method: str, path: str, *, token: str | None = None, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        return await self.ask(Request(method, path, {}, {}, body), token)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, body: dict[str, Any], token: str) -> AsyncIterator[httpx.Response]:
        self.requests += 1
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        try:
            async with self._http.stream("POST", path, json=body, headers=headers) as response:
                yield response
        except httpx.HTTPError as exc:
            raise CannotVerify(f"{self.url} broke off POST {path} ({type(exc).__name__}).") from exc

    async def _asked(self, request: Request, token: str | None) -> httpx.Response:
        self.requests += 1
        headers = {**request.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        # httpx would take an empty query for "remove the one in the path".
        options: dict[str, Any] = {"params": request.query} if request.query else {}
        try:
            return await self._http.request(request.method, request.path, json=request.body, headers=headers, **options)
        except httpx.HTTPError as exc:
            raise CannotVerify(
                f"{self.url} does not answer {request.method} {request.path} ({type(exc).__name__}). Is it running?"
            ) from exc


def _seconds(response: httpx.Response) -> float:
    given = response.headers.get("Retry-After", "1")
    seconds = int(given) if given.isdecimal() else 1
    if seconds > _LONGEST_WAIT_SECONDS:
        raise CannotVerify(f"A limit is reached ({response.url.path}); try again in {seconds} seconds.")
    return seconds + 0.1
