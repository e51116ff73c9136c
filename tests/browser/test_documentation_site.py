"""The documentation as it is built: whole, and without a request to anybody else."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import Visit
from tests.browser.static_site import Origin, static_site
from tests.processes import CHECKOUT

# What a page fetches by itself. Links that somebody may follow are none of it.
FETCHED = re.compile(r"""<(?:script|img|iframe|source|audio|video)\b[^>]*?\bsrc=["']?([^"'\s>]+)""")
STYLED = re.compile(r"<link\b([^>]*)>")


@pytest.fixture(scope="session")
def built() -> Path:
    folder = Path(os.environ.get("DOCUMENTATION_DIR") or CHECKOUT / "site")
    if not (folder / "index.html").is_file():
        pytest.fail(f"There is no documentation in {folder}: run `make docs`.", pytrace=False)
    return folder


@pytest.fixture
async def address(built: Path) -> AsyncIterator[str]:
    async with static_site(Origin(), built) as url:
        yield url


@pytest.fixture
async def visit(browser: Browser, address: str) -> AsyncIterator[Visit]:
    """Fails the test when a page of it logs an error, throws, loses a request or asks another host."""
    visit = await Visit.begin(browser, address)
    yield visit
    await visit.context.close()
    assert visit.problems == []


def fetched(html: str) -> list[str]:
    links = [attributes for attributes in STYLED.findall(html) if "canonical" not in attributes]
    return FETCHED.findall(html) + re.findall(r"""\bhref=["']?([^"'\s>]+)""", " ".join(links))


def test_no_page_names_anything_of_another_host_to_fetch(built: Path) -> None:
    pages = sorted(built.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        found = fetched(page.read_text())
        assert found, page
        assert [each for each in found if re.match(r"(?:[a-z]+:)?//", each)] == [], page


def test_every_link_among_the_pages_leads_to_one(built: Path) -> None:
    links = 0
    for page in built.rglob("*.html"):
        if page.name == "404.html":
            continue
        place = f"/{page.parent.relative_to(built).as_posix()}/".replace("/./", "/")
        for link in re.findall(r"""<a\b[^>]*?\bhref=["']?([^"'\s>#]+)""", page.read_text()):
            if not re.match(r"[a-z]+:", link):
                target = built / urljoin(place, link).lstrip("/")
                assert target.is_file() or (target / "index.html").is_file(), f"{page}: {link}"
                links += 1
    assert links > 1000


async def test_the_first_page_draws_its_diagram(visit: Visit, address: str) -> None:
    page = await visit.context.new_page()
    await page.goto(address)
    await expect(page.get_by_role("heading", name="SafyCore").first).to_be_visible()
    diagram = page.locator("div.mermaid")
    await expect(diagram).to_be_visible()
    box = await diagram.bounding_box()
    assert box is not None
    assert box["height"] > 100
    assert box["width"] > 100


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("how-to/react/", "useChat"),
        ("how-to/vue/", "resumeStream"),
        ("how-to/plain-javascript/", "getReader"),
        ("how-to/python/", "client.stream"),
        ("how-to/curl/", "Idempotency-Key"),
        ("openapi/", "stream_message"),
        ("errors/", "reply_in_progress"),
        ("decisions/", "Two doors"),
    ],
)
async def test_a_page_says_what_it_is_about(visit: Visit, address: str, path: str, words: str) -> None:
    page = await visit.context.new_page()
    await page.goto(f"{address}/{path}")
    await expect(page.locator("article")).to_contain_text(words)


async def test_the_search_finds_a_setting(visit: Visit, address: str) -> None:
    page = await visit.context.new_page()
    await page.goto(address)
    box = page.get_by_role("textbox", name="Search")
    await box.click()
    # Until its index is there, the page takes no notice of what is typed.
    await expect(page.locator(".md-search-result__meta")).to_have_text("Type to start searching")
    await box.press_sequentially("CHECKPOINT_SECONDS")
    await expect(page.locator(".md-search-result__item").first).to_contain_text("CHECKPOINT_SECONDS")
