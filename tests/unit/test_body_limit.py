"""safycore_backend/body_limit.py: no more of a body is read than may be."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from safycore_backend.asgi_types import Message, Receive, Scope, Send
from safycore_backend.body_limit import BodyLimit

PART = b"x" * 1_000


class Inside:
    """An application that reads all it is given, and what comes after."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.heard.append(await receive())
        self.heard.append(await receive())


class Client:
    """Sends messages, and then is gone; keeps what it is told."""

    def __init__(self, messages: Iterator[Message]) -> None:
        self._messages = messages
        self.sent = 0
        self.told: list[Message] = []

    async def receive(self) -> Message:
        self.sent += 1
        return next(self._messages, {"type": "http.disconnect"})

    async def send(self, message: Message) -> None:
        self.told.append(message)


def body(parts: int, part: bytes = PART) -> Iterator[Message]:
    for n in range(parts):
        yield {"type": "http.request", "body": part, "more_body": n < parts - 1}


async def passed(messages: Iterator[Message], method: str = "POST", **headers: str) -> tuple[Inside, Client]:
    inside, client = Inside(), Client(messages)
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "headers": encoded}
    await BodyLimit(inside)(scope, client.receive, client.send)
    return inside, client


def assert_refused(inside: Inside, client: Client) -> None:
    assert inside.heard == []
    start, end = client.told
    answer = json.loads(end["body"])
    assert start["status"] == 413
    assert (b"connection", b"close") in start["headers"]
    assert answer["code"] == "too_large"
    assert (b"x-request-id", answer["request_id"].encode()) in start["headers"]


async def test_a_body_in_parts_arrives_whole_and_then_the_client_leaves() -> None:
    inside, client = await passed(body(3))
    assert inside.heard == [
        {"type": "http.request", "body": PART * 3, "more_body": False},
        {"type": "http.disconnect"},
    ]
    assert client.told == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"])
async def test_a_body_that_never_ends_is_read_to_the_limit_and_no_further(method: str) -> None:
    inside, client = await passed(body(10**9), method)
    assert_refused(inside, client)
    assert client.sent == settings.MAX_BODY_BYTES // len(PART) + 1


async def test_a_length_over_the_limit_is_refused_before_a_byte_is_read() -> None:
    inside, client = await passed(body(1), content_length=str(settings.MAX_BODY_BYTES + 1))
    assert_refused(inside, client)
    assert client.sent == 0


async def test_a_length_that_lies_does_not_help() -> None:
    for length in ("1", "x", "-1", ""):
        inside, client = await passed(body(10**9), content_length=length)
        assert_refused(inside, client)


async def test_a_body_of_exactly_the_limit_passes() -> None:
    inside, _ = await passed(body(1, b"x" * settings.MAX_BODY_BYTES), content_length=str(settings.MAX_BODY_BYTES))
    assert len(inside.heard[0]["body"]) == settings.MAX_BODY_BYTES


async def test_half_a_body_is_no_body() -> None:
    inside, client = await passed(iter([{"type": "http.request", "body": PART, "more_body": True}]))
    assert [each["type"] for each in inside.heard] == ["http.disconnect", "http.disconnect"]
    assert client.told == []


async def test_what_is_no_request_is_none_of_its_business() -> None:
    inside, client = Inside(), Client(iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]))
    await BodyLimit(inside)({"type": "lifespan"}, client.receive, client.send)
    assert [each["type"] for each in inside.heard] == ["lifespan.startup", "lifespan.shutdown"]
