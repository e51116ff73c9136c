"""The least that a Python server can do: pass a request on to the model, and what comes back to the client.

An ASGI application of one function over aiohttp: no sign-in, no database, no decoding. What SafyCore costs above this
is what it does. `python -m bench.relay --port 8080 --model 9000`
"""

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn

Message = MutableMapping[str, Any]
_HEADERS = [(b"content-type", b"text/event-stream")]


class Relay:
    """One HTTP client for all requests, as a good relay has."""

    def __init__(self, model_port: int) -> None:
        self._url = f"http://127.0.0.1:{model_port}/openai/v1/chat/completions"
        self._http: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["method"] == "GET":  # whoever started it asks whether it is there
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self._pass_on(body, send)

    async def _pass_on(self, body: bytes, send: Callable[[Message], Awaitable[None]]) -> None:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        async with self._http.post(self._url, data=body, headers={"Content-Type": "application/json"}) as answer:
            await send({"type": "http.response.start", "status": answer.status, "headers": _HEADERS})
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.relay", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=int, required=True, help="the port of the model")
    options = parser.parse_args()
    uvicorn.run(
        Relay(options.model),
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
