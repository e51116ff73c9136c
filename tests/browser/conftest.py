"""Fixtures of the tests that go through the web app: the built app, a server, and Chromium."""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import DEADLINE_MS, Visit, chromium
from tests.cast import Actor
from tests.processes import CHECKOUT, Server

NewPage = Callable[..., Awaitable[Page]]
Photograph = Callable[[Page, str], Awaitable[None]]
FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=DEADLINE_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers a failure for the fixtures that end after it."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def dist() -> Path:
    """The built web app: the checkout's own, or what WEB_APP_DIR names."""
    folder = Path(os.environ.get("WEB_APP_DIR") or CHECKOUT / "frontend" / "dist")
    if not (folder / "index.html").is_file():
        pytest.fail(f"There is no built web app in {folder}: run `make web`.", pytrace=False)
    return folder


@pytest.fixture(scope="session")
async def site(environment: Mapping[str, str], dist: Path, home: Path) -> AsyncIterator[Server]:
    """A server with the web app, over the Postgres door."""
    server = Server({**environment, "WEB_APP_DIR": str(dist)}, home / "site.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def new_page(
    request: pytest.FixtureRequest, browser: Browser, site: Server, tmp_path: Path
) -> AsyncIterator[NewPage]:
    """Opens a page in a fresh context: `await new_page()`, or `await new_page(alice, color_scheme="dark")` signed in.

    The test fails when a page logs an error, breaks its Content-Security-Policy, throws, loses a request or asks
    another host; `expected=[r"status of 401"]` names those that it is about. Pictures and a trace of a failure are
    kept. The page is blank yet: addresses are the site's, or those of the server `at`, as in `page.goto("/signin")`.
    """
    visits: list[Visit] = []

    async def open_page(
        actor: Actor | None = None, *, at: Server = site, expected: Sequence[str] = (), **options: Any
    ) -> Page:
        visits.append(await Visit.begin(browser, at.url, actor, expected=expected, **options))
        await visits[-1].context.tracing.start(snapshots=True)
        return await visits[-1].context.new_page()

    yield open_page
    problems = [problem for visit in visits for problem in visit.problems]
    failed = request.node.stash.get(FAILED, False) or bool(problems)
    for n, visit in enumerate(visits):
        await _end(visit, tmp_path / f"visit-{n}" if failed else None)
    if problems:
        pytest.fail("\n".join(["The pages did what none should:", *problems]), pytrace=False)


async def _end(visit: Visit, evidence: Path | None) -> None:
    """Close the context; first keep what it looked like, where that is wanted, and print where."""
    if evidence is not None:
        await visit.photograph(evidence)
        print(f"Pictures and trace.zip (for `playwright show-trace`): {evidence}")  # noqa: T201  # shown with a failure
    await visit.context.tracing.stop(path=evidence / "trace.zip" if evidence else None)
    await visit.context.close()


@pytest.fixture
def photograph() -> Photograph:
    """`await photograph(page, "chat, dark")` puts a picture into the folder SAFYCORE_SCREENSHOTS, where that is set."""
    folder = os.environ.get("SAFYCORE_SCREENSHOTS")

    async def take(page: Page, name: str) -> None:
        if folder:
            file = re.sub(r"\W+", "-", name).strip("-").lower()
            await page.screenshot(path=Path(folder) / f"{file}.png")

    return take
