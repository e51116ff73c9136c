"""`/`: the built web app, its pages and its files, beside the API."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.answers import refused
from tests.conftest import NewServer
from tests.processes import Server

PAGE = "<!doctype html><title>SafyCore</title>"
SCRIPT = "console.log('SafyCore')\n" * 100
# Not really Brotli: nobody here reads it.
FORMS = {"": SCRIPT.encode(), ".gz": gzip.compress(SCRIPT.encode()), ".br": b"as if by brotli"}
ASSET = "/assets/index-B4a7c0de.js"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built app as Vite leaves it, with a file beside it that must never be shown."""
    folder = tmp_path_factory.mktemp("built") / "dist"
    for address, content in {
        "index.html": PAGE.encode(),
        "theme.js": b"'use strict'",
        "favicon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        ".vite/manifest.json": b"{}",
        "../secret.txt": b"never shown",
        **{f"{ASSET[1:]}{ending}": content for ending, content in FORMS.items()},
    }.items():
        path = folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture(scope="module")
async def site(environment: Mapping[str, str], dist: Path) -> AsyncIterator[Server]:
    server = Server({**environment, "WEB_APP_DIR": str(dist)}, dist.parent / "server.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def browser(site: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, headers={"Accept-Encoding": "identity"}) as client:
        yield client


def assert_page(response: httpx.Response) -> None:
    assert (response.status_code, response.text) == (200, PAGE)
    assert response.headers["content-type"] == 'text/html; charset="utf-8"'


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/login",
        "/reset-password?token_hash=abc&type=recovery",
        "/c/chat",
        "/c/notes%20v1.2.txt",
        "/c/%F0%9F%8D%9E",
        "/apiary",
    ],
)
async def test_the_page_is_at_every_address_of_the_app(browser: httpx.AsyncClient, path: str) -> None:
    assert_page(await browser.get(path))


async def test_a_page_is_asked_for_again_each_time_and_sent_only_when_it_has_changed(
    browser: httpx.AsyncClient,
) -> None:
    first = await browser.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = await browser.get("/c/chat", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert "content-length" not in again.headers
    assert "content-type" not in again.headers


async def test_two_builds_of_one_date_and_size_have_two_tags(new_server: NewServer, tmp_path: Path) -> None:
    tags = set()
    for build in ("one", "two"):
        page = tmp_path / build / "index.html"
        page.parent.mkdir()
        page.write_text(f"<title>{build}</title>")
        os.utime(page, (1_000_000_000, 1_000_000_000))
        server = await new_server(WEB_APP_DIR=str(page.parent))
        async with httpx.AsyncClient() as client:
            tags.add((await client.get(server.url)).headers["etag"])
    assert len(tags) == 2


async def test_every_answer_of_the_app_says_what_a_browser_may_do_with_it(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/c/chat", "/theme.js", ASSET):
        headers = (await browser.get(path)).headers
        policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "clipboard-write=(self)" in headers["permissions-policy"]
        assert "access-control-allow-origin" not in headers


async def test_assets_are_kept_for_a_year_and_other_files_are_asked_for_again(browser: httpx.AsyncClient) -> None:
    asset, theme = await browser.get(ASSET), await browser.get("/theme.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert theme.headers["cache-control"] == "no-cache"
    assert asset.headers["content-type"] == theme.headers["content-type"] == 'text/javascript; charset="utf-8"'
    assert (await browser.get("/favicon.svg")).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("accepted", "encoding", "ending"),
    [
        ("gzip, deflate, br, zstd", "br", ".br"),
        ("gzip", "gzip", ".gz"),
        ("identity", None, ""),
        ("zstd", None, ""),
    ],
)
async def test_the_smallest_form_that_the_browser_takes_is_sent(
    browser: httpx.AsyncClient, accepted: str, encoding: str | None, ending: str
) -> None:
    async with browser.stream("GET", ASSET, headers={"Accept-Encoding": accepted}) as response:
        content = b"".join([piece async for piece in response.aiter_raw()])
    assert content == FORMS[ending]
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["content-length"] == str(len(FORMS[ending]))
    assert response.headers["vary"] == "Accept-Encoding"


async def test_a_head_says_the_same_without_the_content(browser: httpx.AsyncClient) -> None:
    for path in ("/", ASSET):
        whole, head = await browser.get(path), await browser.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "cache-control", "content-security-policy"):
            assert head.headers[name] == whole.headers[name]


async def test_a_part_of_a_file_can_be_asked_for(browser: httpx.AsyncClient) -> None:
    part = await browser.get(ASSET, headers={"Range": "bytes=0-6"})
    assert (part.status_code, part.text) == (206, "console")
    assert part.headers["content-range"] == f"bytes 0-6/{len(SCRIPT)}"
    beyond = await browser.get(ASSET, headers={"Range": f"bytes={len(SCRIPT) + 1}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/c/chat", ASSET])
async def test_the_app_is_only_read(browser: httpx.AsyncClient, method: str, path: str) -> None:
    refused(await browser.request(method, path), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/", "/api/nothing/", "/api/chat", "/static", "/healthz/x"),
        *("/assets", "/assets/", "/assets/gone-1234.js", "/assets/gone"),
        *("/favicon.ico", "/wp-login.php", "/.env", "/.git/config", "/.vite/manifest.json", f"{ASSET}.br"),
    ],
)
async def test_what_is_not_there_is_a_404_in_json_and_not_the_page(browser: httpx.AsyncClient, path: str) -> None:
    refused(await browser.get(path), 404, "not_found")


async def test_the_api_and_its_own_files_answer_as_before(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/healthz")).json() == {"status": "ok"}
    assert "models" in (await browser.get("/api/models/")).json()
    assert (await browser.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css")).status_code == 200
    refused(await browser.get("/api/chat/sessions/"), 401, "not_authenticated")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/c/../../secret.txt",
        "/c/..%2f..%2fsecret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/assets//etc/passwd",
        "/assets/%00/../../../secret.txt",
        "/static/../secret.txt",
    ],
)
async def test_no_address_leads_out_of_the_folder(site: Server, path: str) -> None:
    """Written to the socket as it stands: a client would tidy the address up first."""
    response = await raw(site, path, "127.0.0.1")
    assert b"never shown" not in response
    assert b"root:" not in response
    assert response.split(b" ")[1] in {b"200", b"404"}
    if b" 200 " in response.split(b"\r\n")[0]:
        assert response.endswith(PAGE.encode())


async def test_an_absolute_address_of_another_host_shows_nothing_else(site: Server) -> None:
    response = await raw(site, "http://evil.example.com/secret.txt", "127.0.0.1")
    assert b"never shown" not in response


@pytest.mark.parametrize("path", ["/", "/c/chat", "/theme.js", ASSET])
async def test_a_forged_host_is_refused(browser: httpx.AsyncClient, path: str) -> None:
    refused(await browser.get(path, headers={"Host": "evil.example.com"}), 400, "bad_request")


async def test_behind_https_the_app_is_redirected_there_and_kept_there(
    environment: Mapping[str, str], dist: Path, tmp_path: Path
) -> None:
    settings = {**environment, "WEB_APP_DIR": str(dist), "BEHIND_PROXY": "true", "TRUSTED_PROXIES": "1"}
    server = Server(settings, tmp_path / "server.log", site_url="https://chat.example.com")
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url) as client:
            for path in ("/", "/c/chat", ASSET):
                plain = await client.get(path)
                assert (plain.status_code, plain.headers["location"]) == (301, f"https://127.0.0.1:{server.port}{path}")
                secure = await client.get(path, headers={"X-Forwarded-Proto": "https"})
                assert secure.status_code == 200
                assert "max-age=31536000" in secure.headers["strict-transport-security"]
    finally:
        await server.stop()


async def test_without_a_built_app_the_api_runs_alone(new_server: NewServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("", str(tmp_path / "empty"), str(tmp_path / "not there")):
        server = await new_server(WEB_APP_DIR=folder)
        async with httpx.AsyncClient(base_url=server.url) as client:
            refused(await client.get("/"), 404, "not_found")
            refused(await client.get("/c/chat"), 404, "not_found")
            assert (await client.get("/healthz")).status_code == 200


async def raw(server: Server, target: str, host: str) -> bytes:
    """The whole answer to one GET, with the target as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer
