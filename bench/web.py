"""What the web app costs and whom it shuts out: sizes, first paint and accessibility. `make web-figures`

A browser that has never been here opens the sign-in page, and a chat as somebody signed in: several cold loads of each,
against the embedded stack on this machine. Sizes are of the scripts that such a load fetched before it was quiet, in
both compressed forms. First paint is the browser's own first-contentful-paint; medians over the loads.
"""

import asyncio
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page

from local_stack.stack import Stack
from tests.browser.chromium import Visit, axe, chromium
from tests.cast import Actor, sign_up
from tests.conftest import OPEN_DOORS
from tests.processes import CHECKOUT, Server

DIST = CHECKOUT / "frontend" / "dist"
LOADS = 5
FORMS = ("br", "gzip")
IMPACTS = ("critical", "serious", "moderate", "minor")
OPEN_SCREENS = ("/signin", "/signup", "/forgot-password", "/reset-password?token_hash=unknown&type=recovery")
SIGNED_IN_SCREENS = ("/", "/c/bench")
SCHEMES = ("light", "dark")
FIRST_PAINT = """() => new Promise(resolve =>
  new PerformanceObserver(entries => resolve(entries.getEntriesByName("first-contentful-paint")[0].startTime))
    .observe({ type: "paint", buffered: true }))"""


@dataclass(frozen=True)
class Load:
    """One cold load: milliseconds to the first paint, and the scripts that came."""

    first_paint_ms: float
    scripts: frozenset[str]


async def load(browser: Browser, site: str, path: str, actor: Actor | None) -> Load:
    visit = await Visit.begin(browser, site, actor)
    page = await visit.context.new_page()
    scripts: set[str] = set()
    page.on("response", lambda answer: scripts.add(answer.url) if answer.request.resource_type == "script" else None)
    await page.goto(path)
    await page.wait_for_load_state("networkidle")
    first_paint = await page.evaluate(FIRST_PAINT)
    await visit.context.close()
    return Load(float(first_paint), frozenset(scripts))


async def kilobytes(http: httpx.AsyncClient, scripts: Sequence[str], form: str) -> float:
    """How much the scripts are together in one compressed form, in thousands of bytes."""
    answers = [await http.head(script, headers={"Accept-Encoding": form}) for script in scripts]
    return sum(int(answer.headers["Content-Length"]) for answer in answers) / 1000


async def report_loads(browser: Browser, site: str, person: Actor) -> None:
    print(f"{'first load':<14} {'JS br':>9} {'JS gzip':>9} {'scripts':>8} {'first paint':>12}   ({LOADS} cold loads)")
    async with httpx.AsyncClient() as http:
        for name, path, actor in (("sign-in", "/signin", None), ("chat", "/", person)):
            loads = [await load(browser, site, path, actor) for _ in range(LOADS)]
            scripts = sorted(frozenset.union(*(each.scripts for each in loads)))
            br, gzip = [await kilobytes(http, scripts, form) for form in FORMS]
            paints = sorted(each.first_paint_ms for each in loads)
            spread = ", ".join(f"{paint:.0f}" for paint in paints)
            paint = statistics.median(paints)
            print(f"{name:<14} {br:6.1f} kB {gzip:6.1f} kB {len(scripts):8} {paint:9.0f} ms   ({spread})")


async def report_violations(browser: Browser, site: str, person: Actor) -> None:
    print(f"\n{'axe':<44} " + " ".join(f"{impact:>9}" for impact in IMPACTS))
    for scheme in SCHEMES:
        for paths, actor in ((OPEN_SCREENS, None), (SIGNED_IN_SCREENS, person)):
            visit = await Visit.begin(browser, site, actor, color_scheme=scheme)
            page = await visit.context.new_page()
            for path in paths:
                await report_screen(page, path, scheme)
            await visit.context.close()


async def report_screen(page: Page, path: str, scheme: str) -> None:
    await page.goto(path)
    await page.wait_for_load_state("networkidle")
    found = await axe(page)
    counted = Counter(violation.impact for violation in found)
    name = f"{path.partition('?')[0]}, {scheme}"
    print(f"{name:<44} " + " ".join(f"{counted[impact]:>9}" for impact in IMPACTS))
    for violation in found:
        print(f"    {violation}")


async def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="safycore-bench-"))
    stack = Stack(home / "home", site_url="http://127.0.0.1:8000")
    try:
        server = Server({**stack.start(), **OPEN_DOORS, "WEB_APP_DIR": str(DIST)}, home / "server.log")
        await server.start()
        await measure(server)
        await server.stop()
    finally:
        stack.stop()


async def measure(server: Server) -> None:
    person = await sign_up(server.url, "bench")
    await person.say("What can you do?", "bench")
    async with chromium() as browser:
        print(f"Chromium {browser.version}\n")
        await report_loads(browser, server.url, person)
        await report_violations(browser, server.url, person)
    await person.close()


if __name__ == "__main__":
    asyncio.run(main())
