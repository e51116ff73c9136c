"""The built web app at `/`: its files as WhiteNoise describes them, and its page at the addresses that are its own.

As Django's middleware, so that what holds for every answer holds for these: the check of the host, the redirect to
HTTPS and its headers. What is not the app's goes on to the API. The folder is read once: build before the start.
"""

import asyncio
import hashlib
from pathlib import Path
from wsgiref.headers import Headers

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import async_only_middleware
from whitenoise import WhiteNoise
from whitenoise.responders import Response, StaticFile

from safycore_backend.headers import NO_FEATURES
from safycore_backend.middleware import GetResponse
from safycore_backend.static_files import read_file

INDEX = "/index.html"
ASSETS = "/assets/"
# The app's only addresses that can have a dot: the id of a session may contain one.
CHATS = "/c/"
_OF_THE_SERVER = {"api", "static", "assets", "healthz", "readyz", "metrics"}
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Permissions-Policy": f"{NO_FEATURES}, clipboard-write=(self)",
}


@async_only_middleware
def WebAppMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802  # named as Django names middleware
    """Answers GET and HEAD for the app's files and pages; steps aside when there is no built app."""
    files = built_files(settings.WEB_APP_DIR)
    if INDEX not in files:
        raise MiddlewareNotUsed

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        file = files.get(request.path) or (files[INDEX] if is_page(request.path) else None)
        if file is None or request.method not in {"GET", "HEAD"}:
            return await get_response(request)
        return await asyncio.to_thread(_answer, file, request)

    return middleware


def is_page(path: str) -> bool:
    """Whether an address that is no file's is one of the app's own, which its router reads in the browser."""
    if path.startswith(CHATS):
        return True
    first = path.removeprefix("/").split("/")[0]
    return path.startswith("/") and first not in _OF_THE_SERVER and "." not in path


def built_files(folder: str) -> dict[str, StaticFile]:
    """The files below the folder by their addresses; none when the folder is not there, or named by an empty text."""
    if not folder or not Path(folder).is_dir():
        return {}
    found = WhiteNoise(None, folder, max_age=None, allow_all_origins=False, add_headers_function=_describe)
    # Hidden folders are the build's own notes.
    return {address: file for address, file in found.files.items() if "/." not in address}


def _describe(headers: Headers, path: str, address: str) -> None:
    lasting = address.startswith(ASSETS)
    headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
    # By content: WhiteNoise's own, of time and size, would be the same for two builds whose files carry one date.
    # Weak, as the compressed forms share it.
    headers["ETag"] = f'W/"{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]}"'


def _answer(file: StaticFile, request: HttpRequest) -> HttpResponse:
    found: Response = file.get_response(request.method, request.META)
    response = HttpResponse(read_file(found), status=found.status.value, headers={**dict(found.headers), **HEADERS})
    if "Content-Type" not in dict(found.headers):
        del response.headers["Content-Type"]  # Django's own, of an answer that has no body
    return response
