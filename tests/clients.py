"""The HTTP clients of the cast, and of those who have no account yet."""

import asyncio

import httpx

asked_again: list[str] = []
"""What was sent a second time, since nginx had said that an instance was gone."""
OF_NGINX = b"The server did not answer. Try again in a moment."
_patient: list[bool] = []


def be_patient() -> None:
    """From now on each new client does what nginx tells it when an instance ends under its request: wait, ask again.

    For runs in which instances are killed. An answer of the server itself, and a stream that is cut, stay as they are.
    """
    _patient.append(True)


def http_client(base_url: str) -> httpx.AsyncClient:
    """A client of this server; after `be_patient` one that asks again.

    Nothing here is TLS, and reading the machine's certificates would cost each client some 25 ms.
    """
    transport = _AsksAgain(verify=False) if _patient else httpx.AsyncHTTPTransport(verify=False)
    return httpx.AsyncClient(base_url=base_url, timeout=20, transport=transport)


class _AsksAgain(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if response.status_code != 503 or OF_NGINX not in await response.aread():
            return response
        asked_again.append(f"{request.method} {request.url.path}")
        await asyncio.sleep(float(response.headers["Retry-After"]))
        return await super().handle_async_request(request)
