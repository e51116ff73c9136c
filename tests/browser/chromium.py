"""Debian's Chromium under Playwright, for the browser tests and for bench/web.py."""

import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError, async_playwright

from tests.api.accounts import log_in
from tests.cast import Actor
from tests.processes import CHECKOUT

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = CHECKOUT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
DEADLINE_MS = 20_000
# Nothing but this machine is looked up or asked, whatever a page tries.
LOCAL_ONLY = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "--no-proxy-server")


class ChromiumMissing(Exception):
    """There is no Chromium; the message says what to install."""


def executable() -> str:
    """CHROMIUM, else the first of the usual names on the PATH; raises ChromiumMissing."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise ChromiumMissing(
            "The browser tests need Chromium: install Debian's package chromium, or set CHROMIUM to another one's path."
        )
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(),
            # Chromium refuses to sandbox what root runs.
            chromium_sandbox=os.geteuid() != 0,
            args=list(LOCAL_ONLY),
        )
        try:
            yield browser
        finally:
            await browser.close()


async def storage_of(site: str, actor: Actor) -> dict[str, Any]:
    """What a browser has kept in which this person signed in just now: tokens of its own, so that it may end them."""
    response = await log_in(site, actor.email)
    assert response.status_code == 200, response.text
    answer = response.json()
    kept = {
        "access_token": answer["access_token"],
        "refresh_token": answer["refresh_token"],
        "expires_at": Actor(site, actor.email, answer).claims["exp"],
        "user": {"id": actor.id, "email": actor.email},
    }
    return {
        "cookies": [],
        "origins": [{"origin": site, "localStorage": [{"name": "safycore.tokens", "value": json.dumps(kept)}]}],
    }


class Visit:
    """One browser context at the site, and what its pages did that none of ours should.

    `expected` are regular expressions of problems that the test is about.
    """

    def __init__(self, context: BrowserContext, site: str, expected: Sequence[str] = ()) -> None:
        self.context = context
        self._site = site
        self._expected = [re.compile(each) for each in expected]
        self._seen: list[str] = []
        context.set_default_timeout(DEADLINE_MS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failed_request)

    @classmethod
    async def begin(
        cls, browser: Browser, site: str, actor: Actor | None = None, *, expected: Sequence[str] = (), **options: Any
    ) -> Self:
        """A fresh context, signed in as the actor where there is one; `options` are those of Browser.new_context."""
        options = {"locale": "en-US", "reduced_motion": "reduce", **options}
        if actor is not None:
            options["storage_state"] = await storage_of(site, actor)
        return cls(await browser.new_context(base_url=site, **options), site, expected)

    @property
    def problems(self) -> list[str]:
        """Errors on the console (a violated Content-Security-Policy is one), exceptions, lost and foreign requests."""
        return [problem for problem in self._seen if not any(each.search(problem) for each in self._expected)]

    async def photograph(self, folder: Path) -> None:
        """A picture of each page that is still open."""
        for n, page in enumerate(self.context.pages):
            await page.screenshot(path=folder / f"page-{n}.png")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._seen.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_error(self, error: WebError) -> None:
        self._seen.append(f"exception: {error.error}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._site}/", "data:", "blob:")):
            self._seen.append(f"another host: {request.url}")

    def _on_failed_request(self, request: Request) -> None:
        # Aborted is what the page, or leaving it, did itself.
        if request.failure != "net::ERR_ABORTED":
            self._seen.append(f"lost: {request.method} {request.url} {request.failure}")


@dataclass(frozen=True)
class Violation:
    """A rule of axe that a page breaks: minor, moderate, serious or critical, and where."""

    impact: str
    rule: str
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.impact}: {self.rule} at {', '.join(self.places)}"


async def axe(page: Page) -> list[Violation]:
    """Every violation that axe finds in the page as it is now."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run().then(({ violations }) => violations)")
    return [_violation(each) for each in found]


def _violation(found: Mapping[str, Any]) -> Violation:
    places = tuple(" ".join(map(str, node["target"])) for node in found["nodes"])
    return Violation(str(found["impact"]), str(found["id"]), places)


async def assert_accessible(page: Page) -> None:
    """Raises AssertionError where axe finds something serious or critical."""
    found = [str(each) for each in await axe(page) if each.impact in {"serious", "critical"}]
    assert not found, "\n".join(found)
