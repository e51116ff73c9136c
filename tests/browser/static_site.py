"""A host for files, on an origin of its own: what anybody's static host does."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web


class Origin:
    """An address that is held from now on, so that a server can be told of it before anything answers there."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"


@asynccontextmanager
async def static_site(origin: Origin, folder: Path, *, texts: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Serves the folder there; `texts` stand in for files, and a folder is its index.html. Yields the address."""
    application = web.Application()

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"]
        if texts and name in texts:
            return web.Response(text=texts[name], content_type="text/javascript")
        file = folder / name
        return web.FileResponse(file / "index.html" if file.is_dir() else file)

    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.SockSite(runner, origin.socket).start()
    try:
        yield origin.url
    finally:
        await runner.cleanup()
