"""The web app opens."""

from playwright.async_api import expect

from tests.browser.chromium import assert_accessible
from tests.browser.conftest import NewPage, Photograph
from tests.cast import Actor


async def test_the_page_opens_for_everybody(new_page: NewPage, photograph: Photograph) -> None:
    page = await new_page()
    await page.goto("/")
    await expect(page.locator("#root")).not_to_be_empty()
    await assert_accessible(page)
    await photograph(page, "opened")


async def test_the_page_opens_for_somebody_signed_in(new_page: NewPage, alice: Actor, photograph: Photograph) -> None:
    page = await new_page(alice)
    await page.goto("/")
    await expect(page.locator("#root")).not_to_be_empty()
    await assert_accessible(page)
    await photograph(page, "opened, signed in")
