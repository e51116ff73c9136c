"""The model: Groq, or whatever else speaks its protocol. The only module that imports groq.

Groq's SDK says what goes into the head of a request; request and answer themselves go over aiohttp, for of what a reply
costs the server a fifth was the SDK's way there (docs/decisions/0007-groq-stream.md).
"""

import asyncio
import functools
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import groq
import httpx
import msgspec
from django.conf import settings

from chat.domain import Completion, Usage
from chat.errors import (
    ContextTooLong,
    ModelBroken,
    ModelBusy,
    ModelError,
    ModelMisconfigured,
    ModelTimeout,
    ModelUnavailable,
)
from chat.pauses import Pauses
from chat.prompt import PromptMessage
from chat.sse import EventReader
from chat.text import clean_text

MAX_EVENT_BYTES = 1_000_000
# Of the longest silence: by so much may it be cut short.
_DEADLINE_STEP = 0.05
# Text is collected before it is handed on, so that what reading, writing and waking cost is shared by several tokens:
# for as long as lets all replies together be read so often. With few that is as good as none.
_READS_PER_SECOND = 3_000
_COLLECT_LEAST = 0.004
_COLLECT_MOST = 0.4
_MOST_CONNECTIONS = 2_000
_MOST_OF_A_REFUSAL = 100_000


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _XGroq(msgspec.Struct):
    usage: Usage | None = None


class _Chunk(msgspec.Struct):
    """What we read of a chunk; reasoning deltas and all else are passed over."""

    choices: list[_Choice] = []
    usage: Usage | None = None
    x_groq: _XGroq | None = None
    error: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class _Answer:
    """An answer while it arrives: hands on its text, remembers how it ended."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._events = EventReader()
        self.begun = False
        self.finish_reason: str | None = None
        self.usage: Usage | None = None

    def feed(self, received: bytes) -> None:
        """What came from the network at once: its text is handed on as one piece, also when the rest cannot be read."""
        heard: list[str] = []
        try:
            for data in self._events.feed(received):
                self._take(data, heard)
        finally:
            if heard:
                self.begun = True
                self._on_text(clean_text("".join(heard)))
        if self._events.pending > MAX_EVENT_BYTES:
            raise ModelBroken

    def _take(self, data: bytes, heard: list[str]) -> None:
        """One event of the stream. Raises ModelBroken for what cannot be read, and for an error in the stream."""
        if data == b"[DONE]":
            return
        chunk = _chunk(data)
        if chunk.error is not None:
            raise ModelBroken
        if chunk.usage or chunk.x_groq:
            self.usage = _counts(chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)) or self.usage
        for choice in chunk.choices:
            if choice.delta.content:
                heard.append(choice.delta.content)
            if choice.finish_reason:
                self.finish_reason = clean_text(choice.finish_reason)[:64] or self.finish_reason

    def completion(self) -> Completion:
        """How it ended; raises ModelBroken when the stream closed without saying that it was the end."""
        if self.finish_reason is None:
            raise ModelBroken
        return Completion(self.finish_reason, self.usage)


_pauses = Pauses()
# The answers that are awaited now.
_asking: set[_Answer] = set()


def _counts(usage: Usage | None) -> Usage | None:
    """The numbers of a usage; nothing else that a server may put there is stored."""
    return {name: value for name, value in (usage or {}).items() if isinstance(value, int | float)} or None


def _chunk(data: bytes) -> _Chunk:
    try:
        return _decode_chunk(data)
    except msgspec.ValidationError as exc:
        raise ModelBroken from exc
    except msgspec.DecodeError:
        return _lenient_chunk(data)


def _lenient_chunk(data: bytes) -> _Chunk:
    """msgspec refuses a lone surrogate, which a model can write; the standard library lets it through to be cleaned."""
    try:
        return msgspec.convert(json.loads(data), _Chunk)
    except (ValueError, RecursionError) as exc:
        raise ModelBroken from exc


async def complete(messages: Sequence[PromptMessage], model: str, on_text: Callable[[str], None]) -> Completion:
    """Ask the model; `on_text` gets each piece as it arrives, cleaned of what Postgres cannot hold.

    Raises a ModelError. Deadlines: for the connection, the first text, every silence, the whole reply. Cancelling
    closes the request to the model.
    """
    answer = _Answer(on_text)
    loop = asyncio.get_running_loop()
    end, silence = loop.time() + settings.GROQ_REPLY_TIMEOUT, settings.GROQ_IDLE_TIMEOUT
    try:
        with _mapped(answer), _counted(answer):
            async with (
                asyncio.timeout_at(min(end, loop.time() + settings.GROQ_FIRST_TOKEN_TIMEOUT)) as deadline,
                _response(messages, model) as response,
            ):
                while received := await response.content.readany():
                    answer.feed(received)
                    if answer.begun:
                        _postpone(deadline, min(end, loop.time() + silence), by=_DEADLINE_STEP * silence)
                        await _collect(response)
    except TimeoutError as exc:
        raise ModelTimeout from exc
    return answer.completion()


async def _collect(response: aiohttp.ClientResponse) -> None:
    """Let the next pieces come together. Never before the first: that one is handed on at once."""
    seconds = min(_COLLECT_MOST, len(_asking) / _READS_PER_SECOND)
    # An answer that is all there has given its connection back.
    transport = response.connection.transport if response.connection else None
    if seconds < _COLLECT_LEAST or transport is None:
        return
    # Left to the kernel meanwhile: many small pieces are then read as one.
    transport.pause_reading()
    try:
        await _pauses.over(seconds)
    finally:
        if not transport.is_closing():
            transport.resume_reading()


def _postpone(deadline: asyncio.Timeout, until: float, *, by: float) -> None:
    """Not for a little more time: setting a timer for each piece costs more than reading it."""
    current = deadline.when()
    if current is None or abs(until - current) > by:
        deadline.reschedule(until)


def _asked(messages: Sequence[PromptMessage], model: str) -> bytes:
    asked = {
        "model": model,
        "messages": messages,
        "stream": True,
        "max_completion_tokens": settings.GROQ_MAX_COMPLETION_TOKENS,
        "stream_options": {"include_usage": True},
    }
    return msgspec.json.encode(asked)


@asynccontextmanager
async def _response(messages: Sequence[PromptMessage], model: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer's head, with its body still to come; the connection is closed unless that was read to its end.

    Raises a ModelError for an answer that is a refusal.
    """
    async with session().post(_address(), data=_asked(messages, model)) as response:
        if response.status >= 400:
            raise status_error(response.status, response.headers.get("retry-after"), await _beginning(response))
        yield response


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Of a body, as much as any refusal has. (To read so many bytes is, for aiohttp, to read what is there.)"""
    body = b""
    while len(body) < _MOST_OF_A_REFUSAL and (received := await response.content.readany()):
        body += received
    return body


@contextmanager
def _counted(answer: _Answer) -> Iterator[None]:
    _asking.add(answer)
    try:
        yield
    finally:
        _asking.discard(answer)


@contextmanager
def _mapped(answer: _Answer) -> Iterator[None]:
    """Turn the HTTP library's errors into ours."""
    try:
        yield
    # Nobody is there, which is not the same as being slow.
    except aiohttp.ConnectionTimeoutError as exc:
        raise ModelUnavailable from exc
    except aiohttp.ServerTimeoutError as exc:
        raise ModelTimeout from exc
    except aiohttp.ClientError as exc:
        raise (ModelBroken if answer.begun else ModelUnavailable) from exc


def status_error(status: int, retry_after: str | None, body: bytes) -> ModelError:
    """Our error for an HTTP status of the model's server; its own words go nowhere."""
    if status == 429:
        return ModelBusy(retry_after=_seconds(retry_after))
    if status == 413 or (status == 400 and b"context_length_exceeded" in body):
        return ContextTooLong()
    if status >= 498:
        return ModelUnavailable(retry_after=_seconds(retry_after))
    return ModelMisconfigured()


def _seconds(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() else None


@functools.cache
def client() -> groq.AsyncGroq:
    """The SDK's one client of this process."""
    return groq.AsyncGroq(api_key=settings.GROQ_API_KEY, base_url=settings.GROQ_BASE_URL)


@functools.cache
def session() -> aiohttp.ClientSession:
    """The connections of this process to the model's server, first used on its event loop."""
    return aiohttp.ClientSession(
        # The authorities that the SDK would trust: certifi's, or those that SSL_CERT_FILE names.
        connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, ssl=httpx.create_ssl_context()),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.GROQ_CONNECT_TIMEOUT),
        headers={name: value for name, value in client().default_headers.items() if isinstance(value, str)},
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=_proxy(),
    )


def _proxy() -> str | None:
    """What HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say, looked up once and not for every request."""
    address, proxies = urlsplit(settings.GROQ_BASE_URL), urllib.request.getproxies()
    found = proxies.get(address.scheme) or proxies.get("all")
    if not found or urllib.request.proxy_bypass(address.netloc):
        return None
    return found if "://" in found else f"http://{found}"


@functools.cache
def _address() -> str:
    """The SDK writes Groq's path, /openai/v1/…: one too many for a base URL that ends in /v1 (Ollama, vLLM)."""
    base: str = settings.GROQ_BASE_URL
    return f"{base}/chat/completions" if base.endswith("/v1") else f"{base}/openai/v1/chat/completions"


async def close_client() -> None:
    if session.cache_info().currsize:
        await session().close()
        await client().close()
        session.cache_clear()
        client.cache_clear()
    _address.cache_clear()
