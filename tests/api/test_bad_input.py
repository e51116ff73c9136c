"""Whatever arrives, the answer is a 4xx in our form, nothing is stored, and the server goes on."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.cast import Actor
from tests.processes import Server

LIMIT = 1_000_000
# nginx does not let it through; what it answers, tests/cluster/test_nginx.py asks.
NUL = pytest.param("a%00b", marks=pytest.mark.past_nginx, id="a%00b")
SEND = pytest.mark.parametrize("path", ["/api/chat/", "/api/chat/stream/"])


@pytest.fixture(autouse=True)
async def goes_on(postgres_server: Server, anon: Actor, model: StandIn) -> AsyncIterator[None]:
    """Every test here ends with a server that answers, that has logged no traceback, and a model that was not asked."""
    before = len(postgres_server.log.read_bytes())
    yield
    assert (await anon.call("GET", "/healthz")).status_code == 200
    assert b"Traceback" not in postgres_server.log.read_bytes()[before:]
    assert model.total == 0


# Bodies


WRONG: dict[str, dict[str, Any]] = {
    "message": {
        "null": None,
        "empty": "",
        "number": 5,
        "true": True,
        "list": ["x"],
        "object": {"a": "b"},
        "32,001 characters": "x" * 32_001,
        "32,001 astral characters": "\U0001f600" * 32_001,
        "NUL": "a\x00b",
    },
    "session_id": {
        "empty": "",
        "null": None,
        "256 characters": "x" * 256,
        "slash": "a/b",
        "NUL": "a\x00b",
        "line end": "a\nb",
        "delete": "a\x7f",
        "dot": ".",
        "dots": "..",
        "number": 7,
        "list": [],
    },
    "model": {"unknown": "gpt-2", "number": 1, "empty": "", "null": None},
    "training_data": {"number": 1, "list": ["a"], "NUL": "\x00", "too long": "x" * 100_001, "null": None},
    "client_message_id": {"empty": "", "number": 1, "256 characters": "x" * 256, "NUL": "\x00", "null": None},
}


def wrong_fields() -> Iterator[tuple[str, Any, str]]:
    """(what is wrong, the body, the field that is named)"""
    yield "nothing", {}, "message"
    for field, values in WRONG.items():
        for name, value in values.items():
            yield f"{field} {name}", {"message": "Hello", field: value}, field


@SEND
@pytest.mark.parametrize(
    ("body", "field"), [pytest.param(body, field, id=name) for name, body, field in wrong_fields()]
)
async def test_a_wrong_field_is_named(alice: Actor, path: str, body: Any, field: str) -> None:
    answer = refused(await alice.call("POST", path, body), 400, "invalid_input")
    assert answer["fields"].keys() == {field}
    assert all(isinstance(sentence, str) and sentence for sentence in answer["fields"][field])


async def test_all_wrong_fields_are_named_at_once(alice: Actor) -> None:
    answer = refused(await alice.call("POST", "/api/chat/", {"message": 5, "session_id": "", "model": "x"}), 400)
    assert answer["fields"].keys() == {"message", "session_id", "model"}


@SEND
@pytest.mark.parametrize("body", [[], [{"message": "Hello"}], "Hello", 5, True, [[]]], ids=str)
async def test_a_body_that_is_no_object_is_refused(alice: Actor, path: str, body: Any) -> None:
    answer = refused(await alice.call("POST", path, body), 400, "invalid_input")
    assert answer["fields"].keys() == {"body"}


NOT_JSON = {
    "half": b'{"message": "Hel',
    "two": b'{"message": "Hello"}{"message": "Hello"}',
    "single quotes": b"{'message': 'Hello'}",
    "trailing comma": b'{"message": "Hello",}',
    "NaN": b'{"message": NaN}',
    "Infinity": b'{"message": "Hello", "limit": -Infinity}',
    "a lone surrogate in the message": b'{"message": "\\ud800"}',
    "a lone low surrogate": b'{"message": "a \\udc00 b"}',
    "a lone surrogate in the session id": b'{"message": "Hello", "session_id": "\\ud800"}',
    "a surrogate in UTF-8": b'{"message": "\xed\xa0\x80"}',
    "Latin-1": '{"message": "ü"}'.encode("latin-1"),
    "UTF-16": '{"message": "Hello"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"message": "Hello"}',
    "a raw NUL": b'{"message": "a\x00b"}',
    "a raw line end": b'{"message": "a\nb"}',
    "lists 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "unclosed 100,000 deep": b"[" * 100_000,
    "a form": b"message=Hello",
    "a number without end": b"9" * 100_000,
    "blanks": b"   ",
}


@SEND
@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_no_strict_json_is_refused(alice: Actor, path: str, content: bytes) -> None:
    response = await alice.call("POST", path, content=content, headers={"Content-Type": "application/json"})
    assert refused(response, 400)["code"] in {"invalid_json", "invalid_input"}


async def test_json_nested_deep_inside_a_field_is_refused(alice: Actor) -> None:
    content = b'{"message": ' + b"[" * 400 + b"]" * 400 + b"}"
    response = await alice.call("POST", "/api/chat/", content=content, headers={"Content-Type": "application/json"})
    assert refused(response, 400, "invalid_input")["fields"].keys() == {"message"}


@SEND
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", "a/b/c"]
)
async def test_another_content_type_than_json_is_refused(alice: Actor, path: str, content_type: str) -> None:
    response = await alice.call("POST", path, content=b'{"message": "Hello"}', headers={"Content-Type": content_type})
    refused(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("PATCH", "/api/chat/sessions/some-session/", "title"),
        ("POST", "/api/chat/training-data/", "session_id"),
        ("PATCH", "/api/auth/profile/", "default_session_id"),
    ],
)
async def test_the_other_addresses_are_as_strict(alice: Actor, method: str, path: str, field: str) -> None:
    wrong: list[Any] = [[], {field: 5}]
    for content in (NOT_JSON["a lone surrogate in the message"], NOT_JSON["lists 100,000 deep"], NOT_JSON["half"]):
        response = await alice.call(method, path, content=content, headers={"Content-Type": "application/json"})
        refused(response, 400, "invalid_json")
    for body in wrong:
        refused(await alice.call(method, path, body), 400, "invalid_input")


# Size


async def test_a_body_declared_too_large_is_refused_before_it_is_sent(postgres_server: Server) -> None:
    answer = await raw(
        postgres_server,
        f"POST /api/chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {100 * LIMIT}\r\nX-Request-ID: a-name-of-my-own\r\n\r\n".encode(),
    )
    assert refused(answer, 413, "too_large")["request_id"] == "a-name-of-my-own"
    assert answer.headers["x-request-id"] == "a-name-of-my-own"


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PATCH", "OPTIONS"])
async def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large(
    postgres_server: Server, method: str
) -> None:
    head = (
        f"{method} /api/chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    # No end of the body: the answer must come without one. And not a byte more: unread ones would cost us the answer.
    chunks = [b"%x\r\n%s\r\n" % (1_000, b"x" * 1_000)] * (LIMIT // 1_000) + [b"1\r\nx\r\n"]
    refused(await raw(postgres_server, head.encode(), *chunks), 413, "too_large")


async def test_a_body_of_exactly_the_limit_is_read(alice: Actor, postgres_server: Server) -> None:
    content = b'{"message": 5, "x": "' + b"x" * LIMIT
    content = content[: LIMIT - 2] + b'"}'
    response = await alice.call("POST", "/api/chat/", content=content, headers={"Content-Type": "application/json"})
    assert refused(response, 400, "invalid_input")["fields"].keys() == {"message"}
    head = f"POST /api/chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
    refused(await raw(postgres_server, head.encode()), 413, "too_large")


async def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(postgres_server: Server) -> None:
    for ending in (b"", b'5\r\n{"mes\r\n'):
        _, writer = await asyncio.open_connection("127.0.0.1", postgres_server.port)
        writer.write(b"POST /api/chat/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + ending)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def raw(server: Server, *pieces: bytes) -> httpx.Response:
    """The answer to bytes that no client library would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None, head
            body = await reader.readexactly(int(length[1]))
    finally:
        writer.close()
    headers = [line.split(": ", 1) for line in head.strip().split("\r\n")[1:]]
    return httpx.Response(int(head.split(" ")[1]), headers=[(name, value) for name, value in headers], content=body)


# Addresses


@pytest.mark.parametrize("suffix", ["", "clear/", "stop/", "stream/"])
@pytest.mark.parametrize("name", [NUL, "a%0Ab", "a%7Fb", "x" * 256, "%F0%9F%98%80" * 256])
async def test_a_session_id_that_cannot_be_one_is_refused_in_an_address(
    either_server: Server, alice: Actor, name: str, suffix: str
) -> None:
    method = {"clear/": "DELETE", "stop/": "POST"}.get(suffix, "GET")
    response = await alice.on(either_server.url).call(method, f"/api/chat/conversation/{name}/{suffix}")
    assert refused(response, 400, "invalid_input")["fields"].keys() == {"session_id"}


@pytest.mark.past_nginx
async def test_it_is_refused_in_the_other_addresses_too(alice: Actor) -> None:
    for method, path, body in (
        ("PATCH", "/api/chat/sessions/a%00b/", {"title": "New"}),
        ("DELETE", "/api/chat/sessions/a%00b/", None),
        ("GET", "/api/chat/training-data/?session_id=a%00b", None),
        ("GET", f"/api/chat/training-data/?session_id={'x' * 256}", None),
        ("GET", "/api/chat/training-data/?session_id=a%2Fb", None),
        ("POST", "/api/chat/training-data/", {"session_id": "a\x00b", "content": "x"}),
    ):
        assert refused(await alice.call(method, path, body), 400, "invalid_input")["fields"].keys() == {"session_id"}


@pytest.mark.parametrize("name", ["%ED%A0%80", "%FF%FE", "%C0%AF", "%E2%82"])
async def test_bytes_that_are_no_utf8_break_nothing(either_server: Server, alice: Actor, name: str) -> None:
    alice = alice.on(either_server.url)
    for method, path in (
        ("GET", f"/api/chat/conversation/{name}/"),
        ("DELETE", f"/api/chat/sessions/{name}/"),
        ("GET", f"/api/chat/training-data/?session_id={name}"),
        ("GET", f"/{name}"),
    ):
        response = await alice.call(method, path)
        assert response.status_code in {200, 400, 404}, f"{path}: {response.text}"
        assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/api/chat",
        "/api/chat/nothing/",
        "/api/chat/conversation/",
        "/api/chat/conversation/a/b/",
        "/api/chat/conversation/a%2Fb/",
        "/api/chat/conversation//",
        "/api/chat/training-data/not-a-uuid/",
        pytest.param("/%00", marks=pytest.mark.past_nginx),
        "/admin/",
        "/static/",
        "/static/../manage.py",
        "/x" * 2_000,
    ],
    ids=lambda path: path[:40],
)
async def test_an_unknown_address_is_a_404_in_json(alice: Actor, anon: Actor, path: str) -> None:
    for actor in (alice, anon):
        response = await actor.call("GET", path)
        if path.startswith("/static/"):
            assert response.status_code == 404
        else:
            refused(response, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/chat/"),
        ("PUT", "/api/chat/"),
        ("DELETE", "/api/chat/stream/"),
        ("POST", "/api/chat/conversation/x/"),
        ("GET", "/api/chat/conversation/x/clear/"),
        ("DELETE", "/api/chat/conversation/x/stop/"),
        ("POST", "/api/chat/sessions/"),
        ("PUT", "/api/chat/sessions/x/"),
        ("PATCH", "/api/chat/training-data/"),
        ("POST", "/api/models/"),
        pytest.param("TRACE", "/api/chat/", marks=pytest.mark.past_nginx),
        ("PROPFIND", "/api/chat/"),
        ("HEAD", "/api/chat/"),
    ],
)
async def test_a_method_that_an_address_does_not_take_is_refused(alice: Actor, method: str, path: str) -> None:
    response = await alice.call(method, path)
    assert response.status_code == 405
    if method != "HEAD":
        refused(response, 405, "method_not_allowed")
    assert method not in response.headers["allow"].split(", ")


async def test_options_tells_what_an_address_takes(alice: Actor) -> None:
    response = await alice.call("OPTIONS", "/api/chat/sessions/x/")
    assert response.status_code == 204
    assert {"PATCH", "DELETE"} <= set(response.headers["allow"].split(", "))


async def test_a_foreign_host_is_refused(anon: Actor) -> None:
    refused(await anon.call("GET", "/api/models/", headers={"Host": "evil.example.com"}), 400, "bad_request")


@pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f", "<script>alert(1)</script>", "a\tbcdefgh"])
async def test_a_request_id_that_could_do_harm_is_replaced(anon: Actor, given: str) -> None:
    response = await anon.call("GET", "/api/nothing/", headers={"X-Request-ID": given})
    assert refused(response, 404)["request_id"] != given
    kept = await anon.call("GET", "/api/nothing/", headers={"X-Request-ID": "a-request-id.1"})
    assert refused(kept, 404)["request_id"] == "a-request-id.1"


async def test_nothing_of_all_this_is_stored(alice: Actor, chat_id: str) -> None:
    for fields in ({"message": ""}, {"message": "x", "model": "x"}, {"message": "x", "training_data": 5}):
        refused(await alice.call("POST", "/api/chat/", {**fields, "session_id": chat_id}), 400)
    assert await alice.history(chat_id) == []
    found = (await alice.call("GET", "/api/chat/sessions/?limit=200")).json()["sessions"]
    assert chat_id not in {each["session_id"] for each in found}


async def test_no_refusal_repeats_what_was_sent(alice: Actor, tmp_path: Path) -> None:
    mark = "mark-of-the-sender"
    for body in (
        {"message": 5, "x": mark},
        {"message": "Hello", "model": mark},
        {"message": "H", "session_id": f"{mark}/"},
    ):
        response = await alice.call("POST", "/api/chat/", body)
        assert mark not in json.dumps(refused(response, 400))
    for path in (f"/api/chat/sessions/?limit={mark}", f"/api/chat/conversation/x/?versions={mark}"):
        assert mark not in json.dumps(refused(await alice.call("GET", path), 400))
    response = await alice.call("POST", f"/api/chat/?format={mark}", {"message": "Hello"})
    assert mark not in json.dumps(refused(response, 400))
