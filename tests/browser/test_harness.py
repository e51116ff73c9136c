"""What the other browser tests rely on: a page that does what none should is caught at it."""

from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import Visit, assert_accessible
from tests.browser.conftest import NewPage
from tests.processes import Server

INLINE = "document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))"
# What a page does, the event by which its browser tells, and what must be among the problems then.
MISDEEDS: dict[str, tuple[str, Literal["console", "pageerror", "request"], str]] = {
    "an error on the console": ("console.error('boom')", "console", "^console: boom"),
    "an uncaught exception": ("setTimeout(() => { throw new Error('boom') })", "pageerror", "^exception: .*boom"),
    "an inline script": (INLINE, "console", "^console: .*Content Security Policy"),
    "a forbidden request": ("void fetch('https://example.com/').catch(() => {})", "console", "example\\.com"),
    "a way to another host": ("location.href = 'https://example.com/'", "request", "example\\.com"),
    "a refused request": ("void fetch('/api/auth/profile/')", "console", "^console: .*status of 401"),
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
async def test_a_misdeed_is_seen_unless_it_is_expected(browser: Browser, site: Server, misdeed: str) -> None:
    deed, event, problem = MISDEEDS[misdeed]
    strict, forewarned = await Visit.begin(browser, site.url), await Visit.begin(browser, site.url, expected=[problem])
    for visit in (strict, forewarned):
        page = await visit.context.new_page()
        await page.goto("/")
        async with page.expect_event(event):
            await page.evaluate(deed)
        await visit.context.close()
    assert strict.problems
    assert forewarned.problems == []


async def test_an_inaccessible_page_is_told_apart(new_page: NewPage) -> None:
    page = await new_page()
    await page.goto("/")
    await assert_accessible(page)
    await page.evaluate("document.body.append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="critical: button-name at"):
        await assert_accessible(page)
