"""A reply can say anything and do nothing: no script of it runs, nothing is fetched, no link leads astray."""

from typing import Any

import psycopg
import pytest
from playwright.async_api import Dialog, Page, Request, expect

from local_stack.groq_stand_in import Script, StandIn
from tests.browser.conftest import NewPage
from tests.browser.markdown_payloads import payloads
from tests.cast import Actor

PAYLOADS = payloads()
ALL = [text for texts in PAYLOADS.values() for text in texts]
# A page shows the last fifty messages.
AT_ONCE = 50

# In place before anything of the page: what a script would do, and what only the policy would have stopped.
WATCH = """
window.caught = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => { window.caught.push(name); };
document.addEventListener("securitypolicyviolation", (event) => {
  window.caught.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
"""

# What the replies are made of that none should be.
INSPECT = """
(replies) => {
  const MADE_OF = new Set([
    "a", "blockquote", "br", "button", "code", "del", "div", "em", "h3", "h4", "h5", "h6", "hr", "input", "li",
    "ol", "p", "path", "circle", "pre", "rect", "span", "strong", "sup", "svg", "table", "tbody", "td", "th", "thead",
    "tr", "ul",
  ]);
  const faults = [];
  for (const element of replies.flatMap((reply) => [...reply.querySelectorAll("*")])) {
    const tag = element.localName;
    if (!MADE_OF.has(tag)) faults.push(`<${tag}>`);
    if (tag === "svg" && !element.classList.contains("lucide")) faults.push("a foreign drawing");
    if (tag === "input" && !(element.type === "checkbox" && element.disabled)) faults.push("an input");
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || ["id", "name", "src", "srcset", "ping", "action"].includes(name)) {
        faults.push(`${tag} with ${name}="${value}"`);
      }
      if (name === "style" && !/^text-align: (left|right|center);$/.test(value)) faults.push(`style="${value}"`);
    }
    if (tag === "a") {
      const isAllowed = ["http:", "https:", "mailto:"].includes(element.protocol) && element.username === "";
      const isApart = element.target === "_blank" && element.rel === "noopener noreferrer nofollow";
      if (!isAllowed || !isApart || element.origin === location.origin) faults.push(element.outerHTML);
    }
  }
  return faults;
}
"""


async def watched(new_page: NewPage, actor: Actor) -> tuple[Page, list[str]]:
    """A page, and the list that fills with the dialogues that it opens and what it asks for outside of the web.

    What it asks of another host fails the test by itself; see `new_page`.
    """
    page = await new_page(actor)
    seen: list[str] = []

    async def on_dialog(dialog: Dialog) -> None:
        seen.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def on_request(request: Request) -> None:
        if not request.url.startswith("http"):
            seen.append(f"request: {request.url}")

    page.on("dialog", on_dialog)
    page.on("request", on_request)
    await page.add_init_script(WATCH)
    return page, seen


async def assert_harmless(page: Page, seen: list[str]) -> None:
    assert await page.locator(".markdown").evaluate_all(INSPECT) == []
    assert await page.evaluate("window.caught") == []
    assert seen == []
    assert len(page.context.pages) == 1


def test_there_are_enough_payloads() -> None:
    assert len(set(ALL)) >= 500


@pytest.mark.parametrize("first", range(0, len(ALL), AT_ONCE))
async def test_a_kept_reply_does_nothing(
    new_page: NewPage, alice: Actor, chat_id: str, owner_sql: psycopg.AsyncConnection[Any], first: int
) -> None:
    texts = ALL[first : first + AT_ONCE]
    await owner_sql.execute(
        """insert into public.messages (user_id, session_id, role, content, status)
           select %s, %s, 'assistant', text, 'complete' from unnest(%s::text[]) with ordinality as t (text, n)
           order by n""",
        (alice.id, chat_id, texts),
    )
    page, seen = await watched(new_page, alice)
    await page.goto(f"/c/{chat_id}")
    await expect(page.locator(".markdown")).to_have_count(len(texts))
    await assert_harmless(page, seen)


async def test_a_reply_does_nothing_while_it_grows(
    new_page: NewPage, alice: Actor, chat_id: str, model: StandIn
) -> None:
    page, seen = await watched(new_page, alice)
    await page.goto(f"/c/{chat_id}")
    for name, texts in PAYLOADS.items():
        model.queue(Script(text="\n\n".join([*texts, "```\n```", f"The end of {name}."])))
        await page.get_by_label("Message", exact=True).fill("Go on")
        await page.keyboard.press("Enter")
        await expect(page.locator(".markdown").last).to_contain_text(f"The end of {name}.")
        await expect(page.get_by_role("button", name="Answer again")).to_be_visible()
    await assert_harmless(page, seen)
