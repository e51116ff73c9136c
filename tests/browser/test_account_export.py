"""The account's page gives a person everything they have, as a file."""

import json
import re
from typing import Literal

from playwright.async_api import Locator, Page, Route, expect

from tests.browser.chromium import assert_accessible
from tests.browser.conftest import NewPage, Photograph
from tests.conftest import NewActor, NewServer
from tests.processes import Server

EXPORT = "**/api/auth/export/"
PRESS = "Download everything"


async def press(page: Page) -> None:
    await page.get_by_role("button", name=PRESS).click()


def told(page: Page, role: Literal["status", "alert"] = "status") -> Locator:
    """What stands below the button."""
    return page.get_by_role("region", name="Your data").get_by_role(role)


async def test_the_file_has_all_that_was_said(new_page: NewPage, newcomer: NewActor, photograph: Photograph) -> None:
    carol = await newcomer("carol")
    await carol.say("Is anything lost? 👩‍👩‍👧‍👦 \u2028 é", "chat", training_data="A fact.")
    page = await new_page(carol)
    await page.goto("/account")
    await expect(page.get_by_role("region", name="Your data")).to_be_visible()
    async with page.expect_download() as waiting:
        await press(page)
    download = await waiting.value
    await expect(page.get_by_text("The file is with your downloads.")).to_be_visible()
    await assert_accessible(page)
    await photograph(page, "account, export")
    assert re.fullmatch(r"safycore-export-\d{4}-\d\d-\d\d\.jsonl", download.suggested_filename)
    lines = [json.loads(line) for line in (await download.path()).read_text(encoding="utf-8").split("\n")[:-1]]
    assert [line["type"] for line in lines] == ["account", "session", "message", "message", "training_data", "end"]
    assert lines[0]["email"] == carol.email
    assert lines[2]["content"] == "Is anything lost? 👩‍👩‍👧‍👦 \u2028 é"


async def test_it_says_that_it_runs(new_page: NewPage, newcomer: NewActor) -> None:
    page = await new_page(await newcomer("carol"))
    held: list[Route] = []
    await page.route(EXPORT, lambda route: held.append(route))  # noqa: PLW0108  # Playwright sets attributes on it
    await page.goto("/account")
    await press(page)
    await expect(told(page)).to_have_text("Your data is being gathered.")
    await expect(page.get_by_role("button", name=PRESS)).to_be_focused()
    await expect(page.get_by_role("button", name=PRESS)).to_have_attribute("aria-busy", "true")
    async with page.expect_download():
        await held[0].continue_()
    await expect(told(page)).to_have_text("The file is with your downloads.")


async def test_a_limit_is_told_of_in_place(
    new_server: NewServer, new_page: NewPage, newcomer: NewActor, site: Server
) -> None:
    strict = await new_server(WEB_APP_DIR=site.environment["WEB_APP_DIR"], LIMIT_EXPORT_PER_PERSON="1/36000")
    page = await new_page((await newcomer("carol")), at=strict, expected=["status of 429"])
    await page.goto("/account")
    async with page.expect_download():
        await press(page)
    await press(page)
    await expect(told(page, "alert")).to_contain_text("That was too often.")


async def test_a_file_that_is_cut_is_not_saved(new_page: NewPage, newcomer: NewActor) -> None:
    page = await new_page(await newcomer("carol"))
    saved: list[object] = []
    page.on("download", lambda download: saved.append(download))  # noqa: PLW0108  # Playwright sets attributes on it
    await page.route(
        EXPORT, lambda route: route.fulfill(content_type="application/x-ndjson", body='{"type":"account"}\n')
    )
    await page.goto("/account")
    await press(page)
    await expect(told(page, "alert")).to_have_text("The file did not arrive whole. Try again.")
    assert saved == []
