"""`/api/docs/` in a real browser, under its policy: `new_page` fails a test whose page breaks one."""

from playwright.async_api import expect

from tests.browser.conftest import NewPage


async def test_the_reference_shows_every_part_of_the_api_and_tries_a_call(new_page: NewPage) -> None:
    page = await new_page()
    await page.goto("/api/docs/")
    await expect(page.get_by_role("heading", name="SafyCore")).to_be_visible()
    for address in ("/api/auth/login/", "/api/chat/stream/", "/api/models/"):
        await expect(page.locator(f'[data-path="{address}"]').first).to_be_visible()
    models = page.locator(".opblock", has=page.locator('[data-path="/api/models/"]'))
    await models.locator(".opblock-summary-control").click()
    await models.get_by_role("button", name="Try it out").click()
    await models.get_by_role("button", name="Execute").click()
    await expect(models.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


async def test_no_script_can_be_brought_into_the_reference_by_its_address(new_page: NewPage) -> None:
    page = await new_page()
    attack = "</script><script>document.title='broken'</script>"
    await page.goto(f"/api/docs/?lang={attack}&version={attack}&url=https://evil.example.com/schema.json#{attack}")
    await expect(page.get_by_role("heading", name="SafyCore")).to_be_visible()
    assert await page.title() == "SafyCore"
