"""Groq's errors as they go over the wire.

The texts of the scripted ones carry an organization's id, as the real ones do: a test can look
for it in what the product lets through.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

ORGANIZATION = "org_01standin0000000000000000"

_LIMITED = (
    "Rate limit reached for model `{model}` in organization `" + ORGANIZATION + "` service tier "
    "`on_demand` on tokens per minute (TPM): Limit 8000, Used 7912, Requested 1164. "
    "Please try again in {seconds:g}s."
)
_TOO_LARGE = (
    "Request too large for model `{model}` in organization `" + ORGANIZATION + "` service tier "
    "`on_demand` on tokens per minute (TPM): Limit 8000, Requested 14810, "
    "please reduce your message size and try again."
)
_TOO_LONG = "Please reduce the length of the messages or completion."
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{status} | api.groq.com</title></head>"
    "<body><h1>Error {status}</h1><p>cloudflare</p></body></html>\n"
)


class GroqError(Exception):
    """A refusal, raised by a handler and sent by the middleware."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        kind: str = "invalid_request_error",
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.error = {"message": message, "type": kind, "param": param, "code": code}

    def body(self) -> bytes:
        """The JSON Groq sends, with absent fields left out as it does."""
        return msgspec.json.encode({"error": {k: v for k, v in self.error.items() if v is not None}})

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            # aiohttp knows no reason for 498, and an empty one is no valid status line for some.
            reason="Flex Tier Capacity Exceeded" if self.status == 498 else None,
            body=self.body(),
            content_type="application/json",
            headers=self.headers,
        )


@dataclass(frozen=True, slots=True)
class _Kind:
    message: str
    kind: str
    code: str | None


_BY_STATUS = {
    400: _Kind("The request could not be processed.", "invalid_request_error", None),
    401: _Kind("Invalid API Key", "invalid_request_error", "invalid_api_key"),
    404: _Kind(
        "The model `{model}` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    413: _Kind(_TOO_LARGE, "tokens", "rate_limit_exceeded"),
    429: _Kind(_LIMITED, "tokens", "rate_limit_exceeded"),
    498: _Kind("Flex tier capacity exceeded, please try again later.", "", "capacity_exceeded"),
    500: _Kind("Internal Server Error", "internal_server_error", "internal_server_error"),
    502: _Kind("Bad Gateway", "internal_server_error", "bad_gateway"),
    503: _Kind("Service Unavailable", "internal_server_error", "service_unavailable"),
}


def by_status(status: int, *, model: str, code: str | None = None, retry_after: float | None = None) -> GroqError:
    """The error Groq gives with this status; `code` replaces its usual one."""
    usual = _BY_STATUS[status]
    too_long = code == "context_length_exceeded"
    message = _TOO_LONG if too_long else usual.message
    error = GroqError(
        status,
        message.format(model=model, seconds=retry_after or 7.66),
        kind=usual.kind or "invalid_request_error",
        code=code or usual.code,
        param="messages" if too_long else None,
    )
    if retry_after is not None:
        error.headers["retry-after"] = f"{retry_after:g}"
    return error


def html_page(status: int, headers: Mapping[str, str]) -> web.Response:
    """What a proxy in between says in Groq's name."""
    text = _PAGE.format(status=status)
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
