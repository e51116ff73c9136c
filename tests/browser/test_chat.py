"""What people do in a chat: ask, watch, stop, come back, find it again."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.async_api import Locator, Page, Route, expect

from local_stack.groq_stand_in import Script, StandIn
from tests.api.test_chat import script
from tests.browser.chromium import assert_accessible
from tests.browser.conftest import NewPage, Photograph
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer

OpenThread = Callable[[int], Awaitable[Page]]
WORDS = "one two three four five six seven eight nine ten eleven twelve"


def box(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def said(page: Page) -> Locator:
    """The conversation: what was asked and answered."""
    return page.get_by_label("Conversation", exact=True)


def scroller(page: Page) -> Locator:
    return said(page).locator("xpath=../..")


async def resting_place(page: Page) -> float:
    """How far the conversation is scrolled, once it is so for some frames."""
    place: float = await scroller(page).evaluate(
        """async (box) => {
          for (let last = -1, frames = 0; frames < 10; frames = box.scrollTop === last ? frames + 1 : 0) {
            last = box.scrollTop
            await new Promise(requestAnimationFrame)
          }
          return box.scrollTop
        }"""
    )
    return place


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("button", name=name, exact=isinstance(name, str))


async def ask(page: Page, message: str) -> None:
    await box(page).fill(message)
    await box(page).press("Enter")


async def ended(page: Page) -> None:
    await expect(button(page, "Answer again")).to_be_visible()


async def last_reply(actor: Actor, chat_id: str) -> dict[str, Any]:
    return (await actor.history(chat_id))[-1]


def row(page: Page, title: str) -> Locator:
    """A chat of the list."""
    return page.get_by_role("listitem").filter(has_text=title)


def chat_of(page: Page) -> str:
    return page.url.rsplit("/", 1)[1]


async def test_from_signing_up_to_a_first_grounded_answer(new_page: NewPage, photograph: Photograph) -> None:
    page = await new_page()
    await page.goto("/signup")
    await page.get_by_label("E-mail address").fill(f"carol-{asyncio.get_running_loop().time():.6f}@example.com")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="What should the bot know?")).to_be_visible()
    await assert_accessible(page)
    await photograph(page, "first screen")
    await page.get_by_label("What the bot answers from").fill("The library lends 12 books at a time, for four weeks.")
    await button(page, "Give it").click()
    await expect(page.get_by_text("The bot has 1 text to answer from.")).to_be_visible()
    await ask(page, "How many books does the library lend?")
    await expect(said(page)).to_contain_text("lends 12 books at a time")
    await ended(page)
    await expect(page).to_have_title("How many books does the library lend? · SafyCore")
    await assert_accessible(page)
    await photograph(page, "first answer")


async def test_the_message_and_stop_are_there_before_the_first_word(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, hold=chat_id))
    await ask(page, "Count")
    await model.reached(chat_id)
    await expect(said(page).get_by_text("Count", exact=True)).to_be_visible()
    await expect(page.get_by_role("img", name="The bot is thinking")).to_be_visible()
    await expect(button(page, "Stop")).to_be_visible()
    await expect(box(page)).to_be_focused()
    model.release(chat_id)
    await expect(said(page)).to_contain_text(WORDS)
    await ended(page)


@pytest.mark.parametrize("by_key", [False, True], ids=["by its button", "by Escape"])
async def test_a_stopped_reply_stays_as_it_was_seen_and_can_be_made_again(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn, *, by_key: bool
) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(page, "Count")
    await expect(said(page)).to_contain_text("one two three")
    await (page.keyboard.press("Escape") if by_key else button(page, "Stop").click())
    await expect(said(page)).to_contain_text("Stopped")
    stored = await last_reply(alice, chat_id)
    assert stored["status"] == "stopped"
    assert WORDS.startswith(stored["content"])
    await expect(said(page)).to_contain_text(stored["content"].strip())
    model.queue(Script(text="Here it is again."))
    await button(page, "Answer again").click()
    await expect(said(page)).to_contain_text("Here it is again.")
    await expect(said(page)).not_to_contain_text("one two")
    await ended(page)


async def test_a_reload_in_mid_reply_loses_nothing(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(page, "Count")
    await expect(said(page)).to_contain_text("one two three")
    await page.reload()
    await expect(said(page)).to_contain_text("one two three")
    await expect(button(page, "Stop")).to_be_visible()
    model.release(chat_id)
    await ended(page)
    await expect(said(page)).to_contain_text(WORDS)
    assert await said(page).get_by_text("one two three").count() == 1


async def test_a_second_device_reads_the_running_reply_from_its_start(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    desk, phone = await new_page(alice), await new_page(alice, viewport={"width": 360, "height": 740}, has_touch=True)
    await desk.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(desk, "Count")
    await expect(said(desk)).to_contain_text("one two three")
    await phone.goto(f"/c/{chat_id}")
    await expect(said(phone)).to_contain_text("one two three")
    model.release(chat_id)
    await ended(phone)
    for page in (desk, phone):
        await expect(said(page)).to_contain_text(WORDS)


async def test_the_list_shows_which_chats_are_replying(
    new_page: NewPage, newcomer: NewActor, chat_id: str, model: StandIn
) -> None:
    carol = await newcomer("carol")
    page = await new_page(carol)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(page, "Count slowly")
    chat = row(page, "Count slowly")
    await expect(chat.get_by_label("Replying")).to_be_visible()
    await button(page, "New chat").click()
    await expect(page.get_by_role("heading", name="What should the bot know?")).to_be_visible()
    await expect(chat.get_by_label("Replying")).to_be_visible()
    other = await new_page(carol)
    await other.goto("/")
    await expect(other.get_by_role("listitem").get_by_label("Replying")).to_be_visible()
    model.release(chat_id)
    await expect(chat.get_by_label("Replying")).to_have_count(0)
    await chat.get_by_role("link").click()
    await expect(said(page)).to_contain_text(WORDS)


async def test_a_chat_begun_before_the_list_has_come_is_in_it(
    new_page: NewPage, newcomer: NewActor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(await newcomer("carol"))
    sent = asyncio.Event()

    async def late(route: Route) -> None:
        await sent.wait()
        await route.continue_()

    await page.route("**/api/chat/sessions/**", late)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(page, "Count slowly")
    await expect(said(page)).to_contain_text("one two three four five")
    sent.set()
    # Sooner than the list is looked at again by itself.
    await expect(row(page, "Count slowly").get_by_label("Replying")).to_be_visible(timeout=10_000)
    model.release(chat_id)


async def test_a_failing_model_is_told_in_its_place_and_tried_again(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn, photograph: Photograph
) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(status=401))
    await ask(page, "Hello")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The model is not set up rightly.")
    await photograph(page, "failing model")
    await page.reload()
    await expect(alert).to_contain_text("The model is not set up rightly.")
    await assert_accessible(page)
    model.queue(Script(text="Now it works."))
    await button(page, "Try again").click()
    await expect(said(page)).to_contain_text("Now it works.")
    await expect(alert).to_have_count(0)


async def test_a_reply_that_broke_off_keeps_what_was_said(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=4, cut=True))
    await ask(page, "Count")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(said(page)).to_contain_text("one two three")
    await expect(button(page, "Try again")).to_be_visible()


async def test_a_message_that_is_not_accepted_goes_back_into_the_box(
    new_page: NewPage, newcomer: NewActor, chat_id: str, model: StandIn
) -> None:
    carol = await newcomer("carol")
    page = await new_page(carol, expected=["status of 409"])
    # On another device, of which the list here does not tell, a reply runs.
    nothing = json.dumps({"sessions": [], "next": None})
    await page.route(
        "**/api/chat/sessions/**", lambda route: route.fulfill(content_type="application/json", body=nothing)
    )
    await page.goto(f"/c/{chat_id}")
    await expect(page.get_by_text("Your chats will be listed here.")).to_be_visible()
    elsewhere = asyncio.create_task(carol.say(script(text=WORDS, after=5, hold=chat_id), chat_id))
    await model.reached(chat_id)
    await ask(page, "This must not be lost")
    await expect(page.get_by_role("alert")).to_contain_text("A reply is running in this chat.")
    await expect(box(page)).to_have_value("This must not be lost")
    model.release(chat_id)
    await elsewhere
    # The refusal has told of the other reply, and the page has joined it.
    await ended(page)
    await box(page).press("Enter")
    await expect(said(page).get_by_text("This must not be lost", exact=True)).to_be_visible()
    await ended(page)


async def test_a_lost_network_is_told_and_the_reply_found_again(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(alice, expected=["ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED", "ERR_INCOMPLETE"])
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(page, "Count")
    await expect(said(page)).to_contain_text("one two three")
    await page.context.set_offline(True)
    await expect(page.get_by_text("You are offline.")).to_be_visible()
    model.release(chat_id)
    await page.context.set_offline(False)
    await expect(page.get_by_text("You are offline.")).to_have_count(0)
    await expect(said(page)).to_contain_text(WORDS)
    await ended(page)


async def test_offline_a_message_stays_in_the_box(new_page: NewPage, alice: Actor, chat_id: str) -> None:
    page = await new_page(alice, expected=["ERR_INTERNET_DISCONNECTED"])
    await page.goto(f"/c/{chat_id}")
    await expect(box(page)).to_be_visible()
    await page.context.set_offline(True)
    await ask(page, "Hello")
    await expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    await expect(box(page)).to_have_value("Hello")
    await page.context.set_offline(False)
    await box(page).press("Enter")
    await ended(page)
    assert (await alice.history(chat_id))[0]["content"] == "Hello"


async def test_a_limit_says_when_it_resets(
    new_server: NewServer, new_page: NewPage, dist: Path, newcomer: NewActor, chat_id: str
) -> None:
    strict = await new_server(LIMIT_MESSAGES_PER_PERSON="1/31536000", WEB_APP_DIR=str(dist))
    page = await new_page(await newcomer("carol"), at=strict, expected=["status of 429"])
    await page.goto(f"/c/{chat_id}")
    await ask(page, "The first is fine")
    await ended(page)
    await ask(page, "The second is one too many")
    await expect(page.get_by_role("alert")).to_contain_text(re.compile(r"too often\. You can try again in \d+ days?\."))
    await expect(box(page)).to_have_value("The second is one too many")


async def test_a_draft_is_kept_per_chat_over_a_reload(new_page: NewPage, alice: Actor, chat_id: str) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    await box(page).fill("Half a thought")
    await page.goto("/")
    await expect(box(page)).to_have_value("")
    await page.goto(f"/c/{chat_id}")
    await expect(box(page)).to_have_value("Half a thought")


async def stored_tokens(page: Page) -> dict[str, Any]:
    tokens: dict[str, Any] = json.loads(await page.evaluate("localStorage.getItem('safycore.tokens')"))
    return tokens


async def store_tokens(page: Page, **changes: Any) -> None:
    tokens = json.dumps({**await stored_tokens(page), **changes})
    await page.evaluate("text => localStorage.setItem('safycore.tokens', text)", tokens)


async def test_a_token_that_has_ended_in_mid_draft_is_renewed_once(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    page = await new_page(await newcomer("carol"))
    renewals: list[str] = []
    page.on("request", lambda request: renewals.append(request.url) if "/refresh/" in request.url else None)
    await page.goto(f"/c/{chat_id}")
    await box(page).fill("Hello")
    before = await stored_tokens(page)
    await store_tokens(page, expires_at=0)
    await box(page).press("Enter")
    await ended(page)
    after = await stored_tokens(page)
    assert (len(renewals), after["refresh_token"] != before["refresh_token"]) == (1, True)


async def test_a_refused_token_is_renewed_and_the_message_sent(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    page = await new_page(await newcomer("carol"), expected=["status of 401"])
    await page.goto(f"/c/{chat_id}")
    await expect(box(page)).to_be_visible()
    await store_tokens(page, access_token="not.a.token")
    await ask(page, "Hello")
    await ended(page)


async def test_a_login_that_has_ended_is_renewed_by_hand_without_losing_the_draft(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    page = await new_page(carol, expected=["status of 401"])
    await page.goto(f"/c/{chat_id}")
    await box(page).fill("Dear diary")
    await store_tokens(page, expires_at=0, refresh_token="used-up")
    await page.reload()
    await expect(page.get_by_text("Your login has ended.")).to_be_visible()
    await page.get_by_label("E-mail address").fill(carol.email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("Dear diary")
    assert chat_of(page) == chat_id


async def test_signing_out_in_one_tab_signs_out_the_others(new_page: NewPage, newcomer: NewActor) -> None:
    one = await new_page(await newcomer("carol"))
    await one.goto("/account")
    two = await one.context.new_page()
    await two.goto("/")
    await expect(box(two)).to_be_visible()
    await button(one, "Sign out").click()
    for page in (one, two):
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_mallory_sees_nothing_behind_alices_link(
    new_page: NewPage, alice: Actor, mallory: Actor, chat_id: str
) -> None:
    await alice.say("My secret is zanzibar", chat_id, training_data="The safe opens with zanzibar.")
    page = await new_page(mallory)
    await page.goto(f"/c/{chat_id}")
    await expect(page.get_by_role("heading", name="What should the bot know?")).to_be_visible()
    assert "zanzibar" not in await page.content()


async def test_another_person_in_the_same_browser_sees_nothing_of_the_first(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    carol, dave = await newcomer("carol"), await newcomer("dave")
    await carol.say("My secret is zanzibar", chat_id)
    page = await new_page(carol)
    await page.goto(f"/c/{chat_id}")
    await expect(said(page)).to_contain_text("zanzibar")
    await box(page).fill("draft about zanzibar")
    await page.goto("/account")
    await button(page, "Sign out").click()
    await page.get_by_label("E-mail address").fill(dave.email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("")
    await page.goto(f"/c/{chat_id}")
    await expect(page.get_by_role("heading", name="What should the bot know?")).to_be_visible()
    assert "zanzibar" not in await page.content()
    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "zanzibar" not in kept


async def test_a_chat_is_renamed_in_place(new_page: NewPage, newcomer: NewActor, chat_id: str) -> None:
    carol = await newcomer("carol")
    await carol.say("Hello", chat_id)
    page = await new_page(carol)
    await page.goto(f"/c/{chat_id}")
    await row(page, "Hello").hover()
    await button(page, "Rename “Hello”").click()
    await page.get_by_label("Title").fill("Greetings")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Hello")).to_be_visible()
    await row(page, "Hello").hover()
    await button(page, "Rename “Hello”").click()
    await page.get_by_label("Title").fill("Greetings")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Greetings")).to_be_visible()
    await expect(page.get_by_role("heading", name="Greetings")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("link", name="Greetings")).to_be_visible()


async def test_a_deleted_chat_can_be_brought_back_for_some_seconds(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    await carol.say("Hello", chat_id)
    page = await new_page(carol)
    await page.goto("/")
    await row(page, "Hello").hover()
    await button(page, "Delete “Hello”").click()
    await expect(row(page, "Hello")).to_have_count(0)
    await button(page, "Undo").click()
    await expect(row(page, "Hello")).to_be_visible()
    assert len(await carol.history(chat_id)) == 2


async def test_on_a_phone_a_deleted_chat_can_be_brought_back_too(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    await carol.say("Hello", chat_id)
    page = await new_page(carol, viewport={"width": 360, "height": 740}, has_touch=True)
    await page.goto("/")
    await button(page, "Show the chats").tap()
    await button(page, "Delete “Hello”").tap()
    await button(page, "Undo").tap()
    await button(page, "Show the chats").tap()
    await expect(row(page, "Hello")).to_be_visible()
    assert len(await carol.history(chat_id)) == 2


async def test_an_answer_and_its_code_are_copied(new_page: NewPage, alice: Actor, chat_id: str, model: StandIn) -> None:
    answer = "Try **this**:\n\n```sh\nls -l\n```"
    model.queue(Script(text=answer))
    await alice.say("How do I list files?", chat_id)
    page = await new_page(alice, permissions=["clipboard-write"])
    await page.goto(f"/c/{chat_id}")
    for name, copied in (("Copy code", "ls -l"), ("Copy", answer)):
        await button(page, name).click()
        await expect(page.get_by_text("Copied").first).to_be_visible()
        await pasted(page, copied)
    await box(page).fill("something else")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await page.keyboard.press("Control+Shift+y")
    await expect(page.get_by_label("Notifications").get_by_text("Copied")).to_be_visible()
    await pasted(page, answer)


async def pasted(page: Page, text: str) -> None:
    """What is in the clipboard, as whoever pastes it sees it: the page itself may not read it."""
    await box(page).fill("")
    await box(page).press("Control+v")
    assert (await box(page).input_value()).strip() == text


async def test_signing_out_in_mid_reply_leaves_nothing_behind(
    new_page: NewPage, newcomer: NewActor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(await newcomer("carol"))
    await page.goto(f"/c/{chat_id}")
    model.queue(Script(text=WORDS, after=5, hold=chat_id))
    await ask(page, "My secret is zanzibar")
    await expect(said(page)).to_contain_text("one two three")
    await page.get_by_role("link", name="Account").click()
    await button(page, "Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    model.release(chat_id)
    assert "zanzibar" not in await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")


async def test_a_chat_that_was_deleted_is_gone_even_when_the_page_is_left_at_once(
    new_page: NewPage, newcomer: NewActor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    await carol.say("Hello", chat_id)
    page = await new_page(carol)
    await page.goto(f"/c/{chat_id}")
    await row(page, "Hello").hover()
    await button(page, "Delete “Hello”").click()
    await expect(page.get_by_role("heading", name="What should the bot know?")).to_be_visible()
    await page.goto("/account")
    async with asyncio.timeout(10):
        while await carol.history(chat_id):  # the request is on its way
            await page.evaluate("new Promise(requestAnimationFrame)")


async def test_chats_are_found_by_their_title(new_page: NewPage, newcomer: NewActor) -> None:
    carol = await newcomer("carol")
    for number in range(60):
        await carol.say(f"Question {number:02}", f"chat-{number}")
    page = await new_page(carol)
    await page.goto("/")
    await expect(page.get_by_role("link", name="Question 59")).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("question 00")
    await expect(page.get_by_role("link", name="Question 59")).to_have_count(0)
    await expect(page.get_by_role("link", name="Question 00")).to_be_visible()
    await page.get_by_label("Search chats").fill("")
    await expect(page.get_by_role("link", name="Question 59")).to_be_visible()
    # More of them as the list is scrolled.
    await page.get_by_role("link", name="Question 12").scroll_into_view_if_needed()
    await expect(page.get_by_role("link", name="Question 00")).to_be_attached()


async def seed(owner_sql: psycopg.AsyncConnection[Any], actor: Actor, chat_id: str, count: int) -> None:
    """A long conversation, put into the table by its owner."""
    await owner_sql.execute(
        """insert into public.messages (user_id, session_id, role, content, status)
           select %(user)s, %(chat)s, case when n %% 2 = 1 then 'user' else 'assistant' end,
                  'Message ' || n || repeat(E'\\n\\nA paragraph with **bold** and `code`.', (n %% 3)::int),
                  case when n %% 2 = 1 then 'sent' else 'complete' end
           from generate_series(1, %(count)s) n order by n""",
        {"user": actor.id, "chat": chat_id, "count": count},
    )


@pytest.fixture
def thread(new_page: NewPage, newcomer: NewActor, chat_id: str, owner_sql: psycopg.AsyncConnection[Any]) -> OpenThread:
    """Opens a chat of somebody new with so many messages, at its end."""

    async def opened(count: int) -> Page:
        carol = await newcomer("carol")
        await seed(owner_sql, carol, chat_id, count)
        page = await new_page(carol)
        await page.goto(f"/c/{chat_id}")
        await expect(said(page).get_by_text(f"Message {count}")).to_be_in_viewport()
        return page

    return opened


async def test_a_thread_of_500_messages_opens_at_its_end_and_reads_back_to_its_start(
    thread: OpenThread, model: StandIn
) -> None:
    page = await thread(500)
    first = said(page).get_by_text(re.compile(r"^Message 1\b"))
    # Older messages come in above what is read, which stays where it is.
    await scroller(page).evaluate("box => { box.scrollTop = 0 }")
    await expect(said(page).get_by_text(re.compile(r"^Message 402\b"))).to_be_attached()
    await expect(said(page).get_by_text(re.compile(r"^Message 451\b"))).to_be_in_viewport()
    shown = said(page).get_by_text(re.compile(r"^Message \d+"))
    while not await first.count():
        known = await shown.count()
        await scroller(page).evaluate("box => { box.scrollTop = 0 }")
        await expect(shown).not_to_have_count(known)
    await first.scroll_into_view_if_needed()
    numbers = await shown.all_text_contents()
    assert [text.split("\n")[0] for text in numbers] == [f"Message {n}" for n in range(1, 501)]
    await button(page, "Jump to the latest").click()
    await expect(said(page).get_by_text("Message 500")).to_be_in_viewport()
    model.queue(Script(text=WORDS))
    await ask(page, "One more")
    await expect(said(page)).to_contain_text(WORDS)
    await ended(page)


@pytest.mark.parametrize(
    "change",
    [
        """box.firstElementChild.append(Object.assign(document.createElement("p"), {textContent: "More"}))""",
        """box.querySelector("section").lastElementChild.style.display = 'none'""",
    ],
    ids=["grows", "shrinks"],
)
async def test_a_scroll_upwards_holds_though_the_page_changes_in_the_same_moment(
    thread: OpenThread, change: str
) -> None:
    page = await thread(40)
    # In a frame's callback: the scroll is told of in the next frame, and the change at the end of this one.
    await scroller(page).evaluate(
        f"""box => new Promise(done => requestAnimationFrame(() => {{
             box.scrollTop = 0;
             {change};
             requestAnimationFrame(() => requestAnimationFrame(done));
           }}))"""
    )
    await expect(said(page).get_by_text(re.compile(r"^Message 1\b"))).to_be_in_viewport()


async def test_a_scroll_upwards_by_a_little_holds_when_the_page_grows_by_a_little(
    thread: OpenThread,
) -> None:
    page = await thread(40)
    await resting_place(page)
    await scroller(page).evaluate("box => { box.scrollTop -= 10 }")
    await expect(button(page, "Jump to the latest")).to_be_visible()
    place = await resting_place(page)
    await scroller(page).evaluate(
        """box => {
             box.firstElementChild.append(
               Object.assign(document.createElement("p"), {style: "height: 20px", textContent: "More"}));
           }"""
    )
    assert await resting_place(page) == place
    await expect(button(page, "Jump to the latest")).to_be_visible()


async def test_the_page_follows_a_reply_until_the_reader_scrolls_up(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page = await new_page(alice, viewport={"width": 900, "height": 500})
    await page.goto(f"/c/{chat_id}")
    long = "\n\n".join(f"Paragraph {n} of the reply." for n in range(60))
    model.queue(Script(text=long, after=200, hold=chat_id))
    await ask(page, "Tell me a lot")
    await model.reached(chat_id)
    await expect(button(page, "Jump to the latest")).to_have_count(0)
    await page.mouse.move(600, 200)
    await page.mouse.wheel(0, -300)
    await expect(button(page, "Jump to the latest")).to_be_visible()
    place = await resting_place(page)
    model.release(chat_id)
    await ended(page)
    assert await scroller(page).evaluate("box => box.scrollTop") == place
    await button(page, "Jump to the latest").click()
    await expect(said(page).get_by_text("Paragraph 59 of the reply.")).to_be_in_viewport()


async def test_a_sent_message_moves_to_the_top_of_the_page(new_page: NewPage, alice: Actor, chat_id: str) -> None:
    for n in range(6):
        await alice.say(f"Question {n}\n" * 8, chat_id)
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    await ended(page)
    await ask(page, "The newest")
    await expect(said(page).get_by_text("The newest", exact=True)).to_be_in_viewport()
    await page.wait_for_function(
        """() => {
          const asked = [...document.querySelectorAll('section p')].find((p) => p.textContent === 'The newest')
          return asked.getBoundingClientRect().top < 160
        }"""
    )


async def test_everything_works_by_keyboard_alone(new_page: NewPage, newcomer: NewActor, model: StandIn) -> None:
    page = await new_page(await newcomer("carol"))
    await page.goto("/")
    await expect(box(page)).to_be_focused()
    await page.keyboard.type("First line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line")
    await page.keyboard.press("Enter")
    await ended(page)
    await expect(said(page).get_by_text("First line second line", exact=True)).to_be_visible()
    await page.keyboard.press("Control+Shift+o")
    await expect(page.get_by_role("heading", name="What should the bot know?")).to_be_visible()
    await page.keyboard.press("Control+b")
    await expect(page.get_by_role("navigation")).to_have_count(0)
    await page.keyboard.press("Control+b")
    await expect(page.get_by_role("navigation")).to_be_visible()
    await page.keyboard.press("Control+/")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await assert_accessible(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_reply_is_read_aloud_when_it_is_done(new_page: NewPage, alice: Actor, chat_id: str) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    await ask(page, "Hello")
    await expect(page.get_by_role("log")).to_contain_text("The reply is done.")


async def test_words_that_an_input_method_composes_are_not_sent(new_page: NewPage, alice: Actor, chat_id: str) -> None:
    page = await new_page(alice)
    await page.goto(f"/c/{chat_id}")
    await box(page).fill("かな")
    await box(page).dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    await expect(box(page)).to_have_value("かな")
    assert await alice.history(chat_id) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_the_chat_is_usable_at_every_width_and_in_both_themes(
    new_page: NewPage, newcomer: NewActor, chat_id: str, model: StandIn, photograph: Photograph, scheme: str, width: int
) -> None:
    carol = await newcomer("carol")
    model.queue(Script(text=SAMPLE))
    await carol.say("How do I bake a simple bread?", chat_id, training_data="Bread costs 4 euros.")
    page = await new_page(carol, color_scheme=scheme, viewport={"width": width, "height": 760}, has_touch=width < 400)
    await page.goto(f"/c/{chat_id}")
    await ended(page)
    await expect(said(page).get_by_role("table")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await assert_accessible(page)
    await photograph(page, f"chat {scheme} {width}")
    if width < 400:
        await button(page, "Show the chats").click()
        await expect(page.get_by_role("link", name="How do I bake a simple bread?")).to_be_visible()
        await assert_accessible(page)
        await photograph(page, f"chats {scheme} {width}")


SAMPLE = """Here is a *short* plan with **three** parts.

## Ingredients

| What | How much | Price |
|---|---:|---:|
| Flour | 500 g | 0.90 € |
| Water | 330 ml | 0 € |

1. Mix, and wait for [an hour](https://example.com/dough).
2. Bake at `230 °C`.

```python
def hydration(flour: float, water: float) -> float:
    return water / flour  # 0.66 is a good start
```

> Salt comes last.
"""
