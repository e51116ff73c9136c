"""What the bot answers from: pasted, chosen and dropped texts, seen, removed and put back."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from local_stack.groq_stand_in import StandIn
from tests.browser.chromium import assert_accessible
from tests.browser.conftest import NewPage, Photograph
from tests.cast import Actor

BAKERY = "Sunrise Bakery\nOn Sundays it opens at 9.\nOn weekdays it opens at 7. 🥐"
PRICES = b"item,price\r\nroll,0.50\r\nrye,4.20\r\n"
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
# The same files on any page: as the browser hands them over when they are dropped.
DROPPED = """files => {
    const held = new DataTransfer();
    for (const [name, type, text] of files) held.items.add(new File([text], name, { type }));
    return held;
}"""

OpenPanel = Callable[..., Coroutine[Any, Any, Locator]]


@pytest.fixture
def open_panel(new_page: NewPage, alice: Actor, chat_id: str) -> OpenPanel:
    """Opens what the bot answers from in Alice's chat: `await open_panel(color_scheme="dark")`."""

    async def open_it(**options: Any) -> Locator:
        page = await new_page(alice, **options)
        await page.goto(f"/c/{chat_id}")
        await page.get_by_role("button", name="Training data").click()
        panel = page.get_by_role("dialog", name="What the bot answers from")
        await expect(panel).to_be_visible()
        return panel

    return open_it


async def contents(actor: Actor, session_id: str) -> list[str]:
    """What the server holds, oldest first."""
    response = await actor.call("GET", "/api/chat/training-data/", params={"session_id": session_id})
    return [text["content"] for text in response.json()["training_data"]]


async def paste(panel: Locator, text: str) -> None:
    await panel.get_by_label("Add a text").fill(text)
    await panel.get_by_role("button", name="Add", exact=True).click()


async def drag(page: Page, event: str, *files: tuple[str, str, str]) -> None:
    held = await page.evaluate_handle(DROPPED, files)
    await page.dispatch_event("body", event, {"dataTransfer": held})


def file(name: str, content: bytes, mime: str = "") -> dict[str, Any]:
    return {"name": name, "mimeType": mime, "buffer": content}


async def test_a_pasted_text_is_kept_to_the_character(open_panel: OpenPanel, alice: Actor, chat_id: str) -> None:
    panel = await open_panel()
    await expect(panel.get_by_text("Nothing here yet.")).to_be_visible()
    await paste(panel, BAKERY)
    await expect(panel.get_by_text("On Sundays it opens at 9.")).to_be_visible()
    await expect(panel.get_by_text(f"{len(BAKERY)} of 100,000 characters")).to_be_visible()
    await expect(panel.get_by_label("Add a text")).to_have_value("")
    assert await contents(alice, chat_id) == [BAKERY]


async def test_the_chat_shows_how_many_texts_it_has(open_panel: OpenPanel) -> None:
    panel = await open_panel()
    await paste(panel, "one")
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await panel.page.keyboard.press("Escape")
    await expect(panel).not_to_be_visible()
    await expect(panel.page.get_by_role("button", name=re.compile(r"Training data\b.*\b1\b"))).to_be_visible()


async def test_a_long_text_is_shown_in_part_until_it_is_asked_for(open_panel: OpenPanel) -> None:
    panel = await open_panel()
    await paste(panel, "\n".join(f"line {n}" for n in range(200)))
    await expect(panel.get_by_text("line 199")).not_to_be_visible()
    await panel.get_by_role("button", name="Show all").click()
    await expect(panel.get_by_text("line 199")).to_be_visible()
    await panel.get_by_role("button", name="Show less").click()
    await expect(panel.get_by_text("line 199")).not_to_be_visible()


async def test_a_removed_text_is_put_back_by_undo(open_panel: OpenPanel, alice: Actor, chat_id: str) -> None:
    panel = await open_panel()
    await paste(panel, BAKERY)
    await panel.get_by_role("button", name="Remove: Sunrise Bakery").click()
    undo = panel.page.get_by_role("button", name="Undo")
    await expect(undo).to_be_visible()
    assert await contents(alice, chat_id) == []
    await undo.click()
    await expect(panel.get_by_text("On Sundays it opens at 9.")).to_be_visible()
    assert await contents(alice, chat_id) == [BAKERY]


async def test_the_keyboard_alone_adds_removes_and_puts_back(open_panel: OpenPanel, alice: Actor, chat_id: str) -> None:
    panel = await open_panel()
    keyboard = panel.page.keyboard
    await panel.get_by_label("Add a text").focus()
    await keyboard.type("closed on Mondays")
    await keyboard.press("Control+Enter")
    await panel.get_by_role("button", name="Remove: closed on Mondays").press("Enter")
    await expect(panel.page.get_by_role("button", name="Undo")).to_be_visible()
    for key in ("F6", "Tab", "Tab", "Enter"):
        await keyboard.press(key)
    await expect(panel.get_by_role("button", name="Remove: closed on Mondays")).to_be_visible()
    assert await contents(alice, chat_id) == ["closed on Mondays"]


async def test_escape_in_a_toast_leaves_the_panel_open(open_panel: OpenPanel) -> None:
    panel = await open_panel()
    await paste(panel, "closed on Mondays")
    await panel.get_by_role("button", name="Remove: closed on Mondays").click()
    undo = panel.page.get_by_role("button", name="Undo")
    await undo.focus()
    await undo.press("Escape")
    await expect(undo).not_to_be_visible()
    await expect(panel).to_be_visible()


async def test_chosen_files_are_added_and_those_that_cannot_be_say_why(
    open_panel: OpenPanel, alice: Actor, chat_id: str
) -> None:
    panel = await open_panel()
    async with panel.page.expect_file_chooser() as chooser:
        await panel.get_by_role("button", name="Choose files").click()
    files = [
        file("prices.csv", PRICES, "text/csv"),
        file("photo.txt", PICTURE),
        file("old.txt", "Straße".encode("latin-1"), "text/plain"),
        file("broken.json", b'{"a": ', "application/json"),
        file("empty.md", b" \n"),
        file("notes.md", b"\xef\xbb\xbf# Notes", "text/markdown"),
    ]
    await (await chooser.value).set_files(files)  # type: ignore[arg-type]  # a TypedDict that playwright keeps private
    await expect(panel.get_by_text("2 files added.")).to_be_visible()
    for name, sentence in {
        "photo.txt": "This is not a text file.",
        "old.txt": "Its characters cannot be read.",
        "broken.json": "This is not valid JSON.",
        "empty.md": "There is no text in it.",
    }.items():
        await expect(panel.get_by_role("listitem").filter(has_text=name)).to_contain_text(sentence)
    assert await contents(alice, chat_id) == [PRICES.decode(), "# Notes"]


async def test_files_are_dropped_into_the_panel(open_panel: OpenPanel, alice: Actor, chat_id: str) -> None:
    panel = await open_panel()
    files = [("menu.txt", "text/plain", "soup 5.00"), ("hours.txt", "text/plain", "from 7 to 18")]
    await drag(panel.page, "dragenter", *files)
    await expect(panel.get_by_text("Let go to add")).to_be_visible()
    await drag(panel.page, "drop", *files)
    await expect(panel.get_by_text("Let go to add")).not_to_be_visible()
    await expect(panel.get_by_text("2 files added.")).to_be_visible()
    assert await contents(alice, chat_id) == ["soup 5.00", "from 7 to 18"]


async def test_a_file_dropped_on_the_chat_opens_the_panel_and_is_added_once(
    new_page: NewPage, alice: Actor, chat_id: str
) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    await expect(page.get_by_role("button", name="Training data")).to_be_visible()
    await drag(page, "drop", ("menu.txt", "text/plain", "soup 5.00"))
    panel = page.get_by_role("dialog", name="What the bot answers from")
    await expect(panel.get_by_text("1 file added.")).to_be_visible()
    assert await contents(alice, chat_id) == ["soup 5.00"]


async def test_a_text_that_does_not_fit_stays_in_the_box(open_panel: OpenPanel, alice: Actor, chat_id: str) -> None:
    panel = await open_panel(expected=["status of 400"])
    await paste(panel, "x" * 60_000)
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await paste(panel, "y" * 60_000)
    await expect(panel.get_by_text("This chat holds as much training data as it can.")).to_be_visible()
    await expect(panel.get_by_label("Add a text")).to_have_value("y" * 60_000)
    await panel.get_by_label("Add a text").fill("z" * 100_001)
    await panel.get_by_role("button", name="Add", exact=True).click()
    await expect(panel.get_by_text("This is too much for one chat.")).to_be_visible()
    assert await contents(alice, chat_id) == ["x" * 60_000]


async def test_the_next_reply_answers_from_the_text(open_panel: OpenPanel, model: StandIn) -> None:
    panel = await open_panel()
    await paste(panel, BAKERY)
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await panel.page.keyboard.press("Escape")
    await expect(panel).not_to_be_visible()
    box = panel.page.get_by_role("textbox", name="Message")
    await box.fill("When does it open?")
    await box.press("Enter")
    await expect(panel.page.get_by_role("main").get_by_text("On weekdays it opens at 7.")).to_be_visible()
    body: Any = model.requests[-1]
    assert any(BAKERY in message["content"] for message in body["messages"])


async def test_markup_in_a_text_is_shown_and_not_run(open_panel: OpenPanel) -> None:
    panel = await open_panel()
    await paste(panel, "<img src=x onerror='window.ran = true'><b>bold</b>")
    await expect(panel.get_by_text("<b>bold</b>")).to_be_visible()
    assert await panel.page.evaluate("window.ran") is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("light, narrow", NARROW),
        ("dark, narrow", NARROW | {"color_scheme": "dark"}),
    ],
)
async def test_the_panel_is_accessible_and_fits(
    open_panel: OpenPanel, photograph: Photograph, name: str, options: dict[str, Any]
) -> None:
    panel = await open_panel(**options)
    await expect(panel.get_by_text("Nothing here yet.")).to_be_visible()
    await assert_accessible(panel.page)
    await photograph(panel.page, f"training data, empty, {name}")
    await paste(panel, BAKERY)
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await drag(panel.page, "drop", ("prices.csv", "text/csv", PRICES.decode()), ("broken.json", "", "{"))
    await expect(panel.get_by_text("1 file added.")).to_be_visible()
    await assert_accessible(panel.page)
    assert await panel.evaluate("panel => panel.getBoundingClientRect().width <= innerWidth")
    assert await panel.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await photograph(panel.page, f"training data, {name}")
    await panel.get_by_role("button", name="Remove: Sunrise Bakery").click()
    await expect(panel.page.get_by_role("button", name="Undo")).to_be_visible()
    await assert_accessible(panel.page)
    await photograph(panel.page, f"training data, removed, {name}")
