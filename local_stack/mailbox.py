"""A page with the mails the local Supabase would have sent. It answers on loopback only."""

import asyncio
import json
import re
from html import escape
from pathlib import Path
from typing import Final, TypedDict

from aiohttp import web
from aiohttp.typedefs import Handler

LOCAL_NAMES: Final = {"127.0.0.1", "localhost"}
DIRECTORY: Final = web.AppKey("directory", Path)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LINK: Final = re.compile(r"https?://[^\s<]+")
PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>SafyCore: caught mails</title>
<style>body {{ font: 16px/1.5 system-ui; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }}
article {{ border-top: 1px solid #ccc; padding: 1rem 0 }} h2 {{ margin: 0; font-size: 1rem }}
pre {{ font: inherit; white-space: pre-wrap; overflow-wrap: anywhere }}</style>
<h1>Caught mails</h1>
<p>Nothing was sent. Reload to see newer ones.</p>
{mails}
</html>
"""
ARTICLE: Final = "<article><h2>{subject}</h2><small>to {to}, {sent_at}</small><pre>{text}</pre></article>"


class Mail(TypedDict):
    """One mail as `supabase/server.mjs` writes it; `sent_at` is RFC 3339 in UTC."""

    to: str
    subject: str
    text: str
    html: str
    sent_at: str


def read_mails(directory: Path) -> list[Mail]:
    """All caught mails, newest first."""
    return [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"), reverse=True)]


def render(mails: list[Mail]) -> str:
    """The page. Shows the text of each mail and never its HTML, which others can influence."""
    articles = (
        ARTICLE.format(
            subject=escape(mail["subject"]),
            to=escape(mail["to"]),
            sent_at=escape(mail["sent_at"]),
            text=LINK.sub(r'<a href="\g<0>">\g<0></a>', escape(mail["text"])),
        )
        for mail in mails
    )
    return PAGE.format(mails="\n".join(articles) or "<p>None so far.</p>")


@web.middleware
async def only_local_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other names, or a web page could have its own name lead here and read the mails."""
    if request.host.rpartition(":")[0] not in LOCAL_NAMES and request.host not in LOCAL_NAMES:
        raise web.HTTPMisdirectedRequest(text="This page answers on 127.0.0.1 and localhost only.")
    return await handler(request)


async def show_page(request: web.Request) -> web.Response:
    page = render(read_mails(request.app[DIRECTORY]))
    return web.Response(text=page, content_type="text/html", headers=HEADERS)


async def show_json(request: web.Request) -> web.Response:
    return web.json_response(read_mails(request.app[DIRECTORY]), headers=HEADERS)


def create_app(directory: Path) -> web.Application:
    app = web.Application(middlewares=[only_local_names])
    app[DIRECTORY] = directory
    app.add_routes([web.get("/", show_page), web.get("/mails.json", show_json)])
    return app


async def serve(directory: Path, *, port: int) -> None:
    """Serve until cancelled; port 0 takes any. Prints `{"listening": port}` when ready."""
    runner = web.AppRunner(create_app(directory), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(json.dumps({"listening": runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()
