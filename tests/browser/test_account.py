"""Signing up and in, a new password, leaving for good: what people do with their account."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.api.accounts import Mailbox, fresh_address, log_in
from tests.browser.chromium import assert_accessible
from tests.browser.conftest import NewPage, Photograph
from tests.cast import PASSWORD
from tests.conftest import NewActor
from tests.processes import Server

NEW_PASSWORD = "something completely different"
# The browser tells of every refused request on the console.
REFUSED = r"status of 40[01]"
PHONE: ViewportSize = {"width": 360, "height": 720}


async def fill_in(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)


async def change_password(page: Page, current: str, new: str) -> None:
    await page.get_by_label("Current password").fill(current)
    await page.get_by_label("New password").fill(new)
    await page.get_by_role("button", name="Change password").click()


async def ask_for_mail(page: Page, email: str, mailbox: Mailbox) -> str:
    """Ask for a new password; the address, without its host, that the link in the mail leads to."""
    await page.goto("/forgot-password")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_role("button", name="Send the mail").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_focused()
    link = re.search(r"https?://[^/\s]+(/reset-password\S+)", mailbox.to(email)[0]["text"])
    assert link is not None
    return link[1]


async def assert_signed_in(page: Page, email: str) -> None:
    await page.goto("/account")
    await expect(page.get_by_role("heading", name="Account", exact=True)).to_be_focused()
    await expect(page.get_by_text(email)).to_be_visible()


async def test_somebody_new_signs_up_and_is_in(new_page: NewPage, site: Server) -> None:
    page, email = await new_page(), fresh_address("dora")
    await page.goto("/")
    await expect(page).to_have_url(f"{site.url}/signin")
    await page.get_by_role("link", name="Create one").click()
    await expect(page).to_have_title("Create an account · SafyCore")
    await fill_in(page, email, PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await expect(page).to_have_url(f"{site.url}/")
    await assert_signed_in(page, email)


async def test_a_taken_address_and_a_short_password_are_told_of_in_place(new_page: NewPage, newcomer: NewActor) -> None:
    carol = await newcomer("carol")
    page = await new_page(expected=[REFUSED])
    await page.goto("/signup")
    await fill_in(page, carol.email, "short")
    await page.get_by_role("button", name="Create account").click()
    password = page.get_by_label("Password", exact=True)
    await expect(password).to_be_focused()
    await expect(password).to_have_accessible_description("At least 8 characters. This is too short.")
    await password.fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert")).to_contain_text("Do you have one already?")
    await expect(page.get_by_label("E-mail address")).to_have_value(carol.email)


async def test_a_wrong_password_is_told_of_and_the_address_is_kept(new_page: NewPage, newcomer: NewActor) -> None:
    carol = await newcomer("carol")
    page = await new_page(expected=[REFUSED])
    await page.goto("/signin")
    await fill_in(page, carol.email, "wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await expect(page.get_by_label("E-mail address")).to_have_value(carol.email)
    await fill_in(page, carol.email, PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await assert_signed_in_at_last(page)


async def assert_signed_in_at_last(page: Page) -> None:
    await expect(page.get_by_role("heading", name="Sign in")).to_be_hidden()
    assert await page.evaluate("localStorage.getItem('safycore.tokens')") is not None


async def test_signing_in_leads_to_where_one_wanted_to_go(new_page: NewPage, newcomer: NewActor, site: Server) -> None:
    carol, page = await newcomer("carol"), await new_page()
    await page.goto("/account")
    await expect(page).to_have_url(f"{site.url}/signin?next=%2Faccount")
    await fill_in(page, carol.email, PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{site.url}/account")


async def test_the_keyboard_alone_signs_in(new_page: NewPage, newcomer: NewActor) -> None:
    carol, page = await newcomer("carol"), await new_page()
    await page.goto("/signin")
    await expect(page.get_by_label("E-mail address")).to_be_focused()
    await page.keyboard.type(carol.email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Show password")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    await page.keyboard.press("Enter")
    await assert_signed_in_at_last(page)


async def test_a_forgotten_password_is_replaced_by_mail(
    new_page: NewPage, newcomer: NewActor, mailbox: Mailbox, site: Server
) -> None:
    carol, page = await newcomer("carol"), await new_page(expected=[REFUSED])
    link = await ask_for_mail(page, carol.email, mailbox)
    await page.goto(link)
    await expect(page).to_have_url(f"{site.url}/reset-password")
    await page.get_by_label("New password").fill(NEW_PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("status")).to_have_text("Your password is changed. Sign in with the new one.")

    await fill_in(page, carol.email, PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await fill_in(page, carol.email, NEW_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await assert_signed_in_at_last(page)


async def test_a_password_that_is_refused_by_the_server_does_not_cost_the_link(
    new_page: NewPage, newcomer: NewActor, mailbox: Mailbox
) -> None:
    carol, page = await newcomer("carol"), await new_page(expected=[REFUSED])
    await page.goto(await ask_for_mail(page, carol.email, mailbox))
    for password in (carol.email, PASSWORD):
        await page.get_by_label("New password").fill(password)
        async with page.expect_response("**/password-reset/confirm/") as answer:
            await page.get_by_role("button", name="Change password").click()
        assert (await answer.value).status == 400
        await expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("New password").fill(NEW_PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("status")).to_have_text("Your password is changed. Sign in with the new one.")
    await fill_in(page, carol.email, NEW_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await assert_signed_in_at_last(page)


async def test_a_link_that_is_used_up_leads_to_a_new_one(
    new_page: NewPage, newcomer: NewActor, mailbox: Mailbox
) -> None:
    carol, page = await newcomer("carol"), await new_page(expected=[REFUSED])
    link = await ask_for_mail(page, carol.email, mailbox)
    for _ in range(2):
        await page.goto(link)
        await page.get_by_label("New password").fill(NEW_PASSWORD)
        await page.get_by_role("button", name="Change password").click()
        await expect(page.get_by_role("status").or_(page.get_by_role("alert"))).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_text("This link is not good any more. Ask for a new one.")
    await page.get_by_role("link", name="Ask for a new link").click()
    await expect(page.get_by_label("E-mail address")).to_be_focused()


async def test_a_changed_password_ends_the_login_elsewhere_and_tells_so_there(
    new_page: NewPage, newcomer: NewActor
) -> None:
    carol = await newcomer("carol")
    here, elsewhere = await new_page(carol, expected=[REFUSED]), await new_page(carol, expected=[REFUSED])
    await assert_signed_in(elsewhere, carol.email)
    await assert_signed_in(here, carol.email)

    await change_password(here, "not my password", NEW_PASSWORD)
    await expect(here.get_by_label("Current password")).to_be_focused()
    await expect(here.get_by_text("This is not your password.")).to_be_visible()
    await expect(here.get_by_label("New password")).to_have_value(NEW_PASSWORD)
    await change_password(here, PASSWORD, NEW_PASSWORD)
    await expect(here.get_by_text("Your password is changed.")).to_be_visible()
    await expect(here.get_by_label("New password")).to_have_value("")

    await elsewhere.get_by_role("link", name="To the chat").click()
    await expect(elsewhere.get_by_text("Your login has ended. Sign in again; what you wrote is kept.")).to_be_visible()
    await here.reload()
    await expect(here.get_by_role("heading", name="Change password")).to_be_visible()


async def test_signing_out_signs_out_the_other_tabs(new_page: NewPage, newcomer: NewActor, site: Server) -> None:
    carol = await newcomer("carol")
    page = await new_page(carol)
    other_tab = await page.context.new_page()
    await assert_signed_in(other_tab, carol.email)
    await assert_signed_in(page, carol.email)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{site.url}/signin")
    await expect(page.get_by_role("status")).to_be_hidden()
    await expect(other_tab.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_an_account_goes_after_typed_confirmation_and_leaves_a_receipt(
    new_page: NewPage, newcomer: NewActor, photograph: Photograph, site: Server
) -> None:
    carol = await newcomer("carol")
    for session_id in ("first", "second"):
        await carol.on(site.url).say("Hello", session_id)
    page = await new_page(carol, expected=[REFUSED])
    await assert_signed_in(page, carol.email)
    await page.get_by_role("button", name="Delete account").click()
    dialog = page.get_by_role("dialog", name="Delete account")
    await dialog.get_by_label("Password", exact=True).fill("not my password")
    await dialog.get_by_role("button", name="Delete everything").click()
    await expect(dialog.get_by_text("This is not the address of this account.")).to_be_visible()

    await dialog.get_by_label(f"Type {carol.email}").fill(carol.email)
    await dialog.get_by_role("button", name="Delete everything").click()
    await expect(dialog.get_by_text("This is not your password.")).to_be_visible()
    await dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    await dialog.get_by_role("button", name="Delete everything").click()

    await expect(page.get_by_role("heading", name="Your account is deleted")).to_be_focused()
    await expect(page.get_by_role("listitem")).to_have_text(["4 messages", "2 chats", "1 profile", "1 account"])
    await photograph(page, "account, deleted")
    await page.reload()
    await expect(page.get_by_role("listitem")).to_have_count(4)
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    assert await page.evaluate("localStorage.getItem('safycore.tokens')") is None
    assert (await log_in(site.url, carol.email)).status_code == 401


async def test_a_german_browser_is_answered_in_german_and_the_language_can_be_changed(
    new_page: NewPage, newcomer: NewActor
) -> None:
    carol = await newcomer("carol")
    page = await new_page(carol, locale="de-DE")
    await page.goto("/account")
    await expect(page.get_by_role("heading", name="Konto", exact=True)).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await page.get_by_role("radio", name="English").check()
    await expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()


async def test_a_chosen_theme_holds_against_the_system_and_after_a_reload(
    new_page: NewPage, newcomer: NewActor
) -> None:
    carol = await newcomer("carol")
    page = await new_page(carol, color_scheme="light")
    await page.goto("/account")
    await page.get_by_role("radio", name="Dark").check()
    for _ in range(2):
        await expect(page.locator("body")).to_have_css("background-color", "rgb(22, 24, 27)")
        await page.reload()
    await page.get_by_role("radio", name="System").check()
    await expect(page.locator("body")).to_have_css("background-color", "rgb(251, 250, 248)")


async def show_wrong_password(page: Page) -> None:
    await page.goto("/signin")
    await fill_in(page, "nobody@example.com", "wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()


async def show_empty_sign_up(page: Page) -> None:
    await page.goto("/signup")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_label("E-mail address")).to_be_focused()


async def show_mail_sent(page: Page) -> None:
    await page.goto("/forgot-password")
    await page.get_by_label("E-mail address").fill(fresh_address("nobody-with-a-rather-long-name"))
    await page.get_by_role("button", name="Send the mail").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()


def show(address: str) -> Callable[[Page], Awaitable[None]]:
    async def open_it(page: Page) -> None:
        await page.goto(address)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()

    return open_it


async def show_deletion(page: Page) -> None:
    await show("/account")(page)
    await page.get_by_role("button", name="Delete account").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete everything").click()
    await expect(page.get_by_text("Enter your password.")).to_be_visible()


OUTSIDE = {
    "sign in": show("/signin"),
    "sign in, wrong password": show_wrong_password,
    "sign up": show("/signup"),
    "sign up, empty": show_empty_sign_up,
    "forgot password": show("/forgot-password"),
    "forgot password, sent": show_mail_sent,
    "reset password": show("/reset-password?token_hash=abc&type=recovery"),
    "reset password, no link": show("/reset-password"),
}
INSIDE = {"account": show("/account"), "account, delete": show_deletion}


async def assert_fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "It scrolls sideways."
    await assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", OUTSIDE)
async def test_every_page_outside_is_accessible_and_fits(
    new_page: NewPage, photograph: Photograph, screen: str, scheme: str
) -> None:
    page = await new_page(color_scheme=scheme, expected=[REFUSED])
    await OUTSIDE[screen](page)
    await assert_fits(page)
    await photograph(page, f"{screen}, {scheme}")
    await page.set_viewport_size(PHONE)
    await assert_fits(page)
    await photograph(page, f"{screen}, {scheme}, narrow")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", INSIDE)
async def test_every_page_of_the_account_is_accessible_and_fits(
    new_page: NewPage, newcomer: NewActor, photograph: Photograph, screen: str, scheme: str
) -> None:
    page = await new_page(await newcomer("carol"), color_scheme=scheme)
    await INSIDE[screen](page)
    await assert_fits(page)
    await photograph(page, f"{screen}, {scheme}")
    await page.set_viewport_size(PHONE)
    await assert_fits(page)
    await photograph(page, f"{screen}, {scheme}, narrow")
