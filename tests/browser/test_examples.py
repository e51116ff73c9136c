"""The examples of front ends, as their documents start them: an origin of their own, nothing but CORS between."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from local_stack import node
from local_stack.groq_stand_in import Script, StandIn
from tests.browser.conftest import NewPage
from tests.browser.static_site import Origin, static_site
from tests.cast import PASSWORD, Actor
from tests.conftest import NewActor, NewServer
from tests.processes import CHECKOUT, Server

EXAMPLES = CHECKOUT / "examples"
WITH_AI_SDK = ("react-ai-sdk", "vue")
ALL = ("plain-javascript", *WITH_AI_SDK)
SESSION = "chat"


@pytest.fixture(scope="module")
def hosts() -> Iterator[Mapping[str, Origin]]:
    """An origin for each example."""
    origins = {name: Origin() for name in ALL}
    yield origins
    for origin in origins.values():
        origin.socket.close()


@pytest.fixture(scope="module")
async def api(module_server: NewServer, hosts: Mapping[str, Origin]) -> Server:
    return await module_server(CORS_ALLOWED_ORIGINS=",".join(host.url for host in hosts.values()))


@pytest.fixture
async def carol(newcomer: NewActor) -> Actor:
    """The examples use one session id, which is a new session for a new person."""
    return await newcomer("carol")


@pytest.fixture(scope="module")
async def example(
    request: pytest.FixtureRequest, api: Server, hosts: Mapping[str, Origin], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The address of the example that is named, built where it is built."""
    name: str = request.param
    config = (EXAMPLES / "plain-javascript" / "config.js").read_text()
    texts = {"config.js": config.replace("http://127.0.0.1:8000", api.url)}
    folder = EXAMPLES / name
    if name in WITH_AI_SDK:
        texts, folder = {}, tmp_path_factory.mktemp("dist")
        await asyncio.to_thread(_build, name, folder, api.url)
    async with static_site(hosts[name], folder, texts=texts) as url:
        yield url


def _build(name: str, folder: Path, api_url: str) -> None:
    build = ("run", "--silent", "build", "--workspace", name, "--", "--outDir", str(folder), "--emptyOutDir")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITE_API_URL", api_url)
        built = node.npm(EXAMPLES, *build, quiet=True)
    assert built.returncode == 0, built.stdout


async def sign_in(page: Page, address: str, person: Actor) -> None:
    await page.goto(address)
    await page.get_by_label("E-mail address").fill(person.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Message")).to_be_visible()


async def ask(page: Page, message: str) -> None:
    await page.get_by_label("Message").fill(message)
    await page.get_by_role("button", name="Send").click()


def said(page: Page, role: str) -> Locator:
    return page.locator(f"li[data-role={role}]")


@pytest.mark.parametrize("example", ALL, indirect=True)
async def test_somebody_signs_in_asks_and_finds_it_again(
    example: str, api: Server, new_page: NewPage, carol: Actor, model: StandIn
) -> None:
    elsewhere = rf"another host: {example}/"
    page = await new_page(at=api, expected=[elsewhere])
    await sign_in(page, example, carol)
    hold = f"example-{carol.id}"
    model.queue(Script(text="It opens at nine.", after=2, hold=hold))
    await ask(page, "When does it open?")
    await model.reached(hold)
    await expect(said(page, "assistant")).to_have_text("It opens")
    model.release(hold)
    await expect(said(page, "assistant")).to_have_text("It opens at nine.")
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()
    again = await new_page(at=api, expected=[elsewhere])
    await sign_in(again, example, carol)
    await expect(said(again, "user")).to_have_text("When does it open?")
    await expect(said(again, "assistant")).to_have_text("It opens at nine.")


@pytest.mark.parametrize("example", ALL, indirect=True)
async def test_a_reply_that_breaks_off_is_told(
    example: str, api: Server, new_page: NewPage, carol: Actor, model: StandIn
) -> None:
    lost = ["another host", "lost", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    page = await new_page(at=api, expected=lost)
    await sign_in(page, example, carol)
    model.queue(Script(tokens=20, after=5, clean_end=True))
    await ask(page, "Break off")
    await expect(page.get_by_role("alert")).not_to_be_empty()
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()


@pytest.mark.parametrize("example", ALL, indirect=True)
async def test_a_refused_sign_in_is_told_in_the_words_of_the_api(
    example: str, api: Server, new_page: NewPage, carol: Actor
) -> None:
    page = await new_page(at=api, expected=["another host", "status of 401"])
    await page.goto(example)
    await page.get_by_label("E-mail address").fill(carol.email)
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("This address and password do not fit together.")


@pytest.mark.parametrize("example", WITH_AI_SDK, indirect=True)
async def test_a_running_reply_is_found_again_from_its_start_and_stopped(
    example: str, api: Server, new_page: NewPage, carol: Actor, model: StandIn
) -> None:
    first = await new_page(at=api, expected=["another host"])
    await sign_in(first, example, carol)
    hold = f"example-{carol.id}"
    model.queue(Script(text="one two three four", after=2, hold=hold))
    await ask(first, "Count")
    await model.reached(hold)
    second = await new_page(at=api, expected=["another host"])
    await sign_in(second, example, carol)
    await expect(said(second, "assistant")).to_have_text("one two")
    await second.get_by_role("button", name="Stop").click()
    for page in (first, second):
        await expect(page.get_by_role("button", name="Send")).to_be_enabled()
    assert [row["status"] for row in await carol.history(SESSION)] == ["sent", "stopped"]


@pytest.mark.parametrize("example", WITH_AI_SDK, indirect=True)
async def test_a_question_is_answered_again(
    example: str, api: Server, new_page: NewPage, carol: Actor, model: StandIn
) -> None:
    page = await new_page(at=api, expected=["another host"])
    await sign_in(page, example, carol)
    model.queue(Script(text="At eight."))
    await ask(page, "When does it open?")
    await expect(said(page, "assistant")).to_have_text("At eight.")
    model.queue(Script(text="At nine."))
    await page.get_by_role("button", name="Answer again").click()
    await expect(said(page, "assistant")).to_have_text("At nine.")
    assert [row["content"] for row in await carol.history(SESSION)] == ["When does it open?", "At nine."]
