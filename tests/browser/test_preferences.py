"""What a browser or a person prefers: the keyboard, a theme, less motion."""

import pytest
from playwright.async_api import expect

from local_stack.groq_stand_in import Script, StandIn
from tests.browser.conftest import NewPage
from tests.browser.test_chat import ask, box, button, row
from tests.cast import Actor
from tests.conftest import NewActor

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(251, 250, 248)", "rgb(22, 24, 27)"


async def test_a_chat_is_renamed_and_deleted_by_keyboard_alone(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    await carol.say("Hello", chat_id)
    page = await new_page(carol)
    await page.goto(f"/c/{chat_id}")
    await page.get_by_role("link", name="Hello").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.type("Greetings")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Greetings").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(row(page, "Greetings")).to_have_count(0)
    await button(page, "Undo").focus()
    await page.keyboard.press("Enter")
    await expect(row(page, "Greetings")).to_be_visible()


@pytest.mark.parametrize(
    ("system", "chosen", "shown"), [("dark", None, DARK), ("dark", "light", LIGHT), ("light", "dark", DARK)]
)
async def test_the_theme_is_there_before_the_app_is(
    new_page: NewPage, system: str, chosen: str | None, shown: str
) -> None:
    page = await new_page(color_scheme=system, expected=["main", "ERR_FAILED"])
    if chosen:
        await page.add_init_script(f"localStorage.setItem('safycore.theme', '{chosen}')")
    # Without the app's own code: what is seen is the page before it.
    await page.route("**/assets/*.js", lambda route: route.abort())
    await page.goto("/signin")
    assert await page.evaluate(BACKGROUND) == shown


async def test_nothing_moves_for_whoever_wants_less_motion(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(alice, reduced_motion="reduce")
    await page.goto(f"/c/{chat_id}")
    await expect(box(page)).to_be_visible()
    model.queue(Script(text="Done.", hold=chat_id))
    await ask(page, "Hello")
    thinking = page.get_by_role("img", name="The bot is thinking").locator("span").first
    await expect(thinking).to_have_css("animation-duration", "1e-05s")
    model.release(chat_id)
