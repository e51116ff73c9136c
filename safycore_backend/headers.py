"""What every answer tells the browser that gets it, whichever part of the server made it.

Around everything, for the refusals of BodyLimit and the files of StaticFiles never pass Django. An answer that says
something else by itself (the web app's pages, the reference at /api/docs/) keeps what it says.
"""

from collections.abc import Awaitable

from django.conf import settings

from safycore_backend.asgi_types import Application, Message, Receive, Scope, Send
from safycore_backend.observed import seen_of

# An answer of the API is data: nothing in it may run, load or be framed.
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
# The page loads its parts from /static/, its start from its own address, and asks the API. Its icons are data: images.
REFERENCE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FEATURES = (
    *("accelerometer", "camera", "clipboard-read", "display-capture", "geolocation", "gyroscope", "hid"),
    *("magnetometer", "microphone", "midi", "payment", "serial", "usb"),
)
NO_FEATURES = ", ".join(f"{name}=()" for name in _FEATURES)
HEADERS = {
    "Content-Security-Policy": API_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "Permissions-Policy": NO_FEATURES,
    "Cross-Origin-Opener-Policy": "same-origin",
    # Other origins read the API by CORS, which this does not touch; they embed nothing of it.
    "Cross-Origin-Resource-Policy": "same-origin",
}


class AnswerHeaders:
    """Adds to every answer what it does not say by itself."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._always = _encoded(HEADERS)
        lasting = f"max-age={settings.SECURE_HSTS_SECONDS}"
        self._over_tls = _encoded({"Strict-Transport-Security": lasting} if settings.SECURE_HSTS_SECONDS else {})

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen_of(scope).status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._missing(scope, message)]
            await send(message)

        return self._application(scope, receive, complete if scope["type"] == "http" else send)

    def _missing(self, scope: Scope, start: Message) -> list[tuple[bytes, bytes]]:
        said = {name.lower() for name, _ in start.get("headers", ())}
        wanted = [*self._always, *(self._over_tls if _is_secure(scope) else [])]
        return [(name, value) for name, value in wanted if name not in said]


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _is_secure(scope: Scope) -> bool:
    """Whether the browser came over TLS, by the same signs as Django's `request.is_secure()`."""
    forwarded = dict(scope["headers"]).get(b"x-forwarded-proto") if settings.SECURE_PROXY_SSL_HEADER else None
    if forwarded is None:
        return bool(scope.get("scheme") == "https")
    return bool(forwarded.split(b",")[0].strip() == b"https")
