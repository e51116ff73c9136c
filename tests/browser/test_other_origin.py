"""The web app on a static host of its own, and the API elsewhere: nothing but CORS between them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import expect

from local_stack import node
from tests.browser.conftest import NewPage
from tests.browser.test_chat import ask, ended, said
from tests.cast import PASSWORD, Actor
from tests.conftest import NewServer
from tests.processes import CHECKOUT, Server


@pytest.fixture(scope="module")
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def api(new_server: NewServer, free_port: int) -> Server:
    return await new_server(CORS_ALLOWED_ORIGINS=f"http://127.0.0.1:{free_port}")


@pytest.fixture
async def host(api: Server, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Any static host: the files, and the page for every address that is none."""
    monkeypatch.setenv("VITE_API_URL", api.url)
    arguments = ("run", "--silent", "build", "--", "--logLevel", "warn", "--outDir", str(tmp_path / "dist"))
    built = await asyncio.to_thread(node.npm, CHECKOUT / "frontend", *arguments, quiet=True)
    assert built.returncode == 0, built.stdout

    async def answer(request: web.Request) -> web.FileResponse:
        file = tmp_path / "dist" / request.match_info["path"]
        return web.FileResponse(file if file.is_file() else tmp_path / "dist" / "index.html")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", free_port).start()
    yield f"http://127.0.0.1:{free_port}"
    await runner.cleanup()


async def test_the_whole_journey_works_across_origins(api: Server, host: str, new_page: NewPage, alice: Actor) -> None:
    page = await new_page(at=api, expected=[rf"another host: {host}/"])
    await page.goto(f"{host}/c/some-chat")
    await page.get_by_label("E-mail address").fill(alice.email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await ask(page, "Hello from elsewhere")
    await ended(page)
    await expect(said(page)).to_contain_text("Hello from elsewhere")
    await page.reload()
    await expect(said(page)).to_contain_text("Hello from elsewhere")
    assert page.url == f"{host}/c/some-chat"
