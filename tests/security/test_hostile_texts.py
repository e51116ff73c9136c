"""Hostile texts in every field of every body, every id of every address and every query, as the OpenAPI document lists
them: whatever comes, the answer is none of 5xx, tells nothing of the inside, and the server goes on.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.answers import refused
from tests.api.accounts import PRIVILEGES, fresh_address
from tests.api.test_bad_input import NOT_JSON, raw
from tests.cast import PASSWORD, Actor, sign_up
from tests.conftest import NewServer
from tests.processes import Server
from tests.security.report import cases, record
from tests.security.test_fuzz import INTERNALS

AT_ONCE = 16
INJECTED = "x-injected"
JSON = {"Content-Type": "application/json"}
# It would end the session that all this is tried in.
LOGOUT = "/api/auth/logout/"

# As they stand in the JSON: some of them no encoder would write.
VALUES = {
    "NUL": rb'"a\u0000b"',
    "a lone high surrogate": rb'"\ud800"',
    "a lone low surrogate": rb'"a\udc00b"',
    "surrogates the wrong way round": rb'"\udc00\ud800"',
    "bidirectional controls": rb'"\u202eabc\u2066\u2069\u200f"',
    "zero width": rb'"\u200b\u200c\u200d\ufeff"',
    "combining marks": b'"a' + "\u0301".encode() * 5_000 + b'"',
    "not characters": rb'"\uffff\ufffe\ufdd0"',
    "line ends": rb'"a\r\nX-Injected: 1\r\n\r\nb"',
    "escapes of a terminal": rb'"\u001b[2J\u0007\u0008"',
    "SQL": b'"\'; drop table messages; -- %s %(x)s {0}"',
    "a template": b'"{{7*7}}${7*7}<%= 7*7 %>"',
    "markup": b'"<script>alert(1)</script>"',
    "a path": b'"../../../../etc/passwd"',
    "a format": b'"%n%s%p{__class__.__mro__}"',
    "blank": b'"   "',
    "empty": b'""',
    "long": b'"' + b"x" * 400_000 + b'"',
    "long and astral": b'"' + "\U0001f600".encode() * 100_000 + b'"',
    "a number": b"5",
    "a huge number": b"9" * 400,
    "more than a float": b"1e400",
    "minus zero": b"-0.0",
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "null": b"null",
    "true": b"true",
    "a list": b'["a"]',
    "an object": b'{"$ne": ""}',
    "lists 1,000 deep": b"[" * 1_000 + b"]" * 1_000,
    "lists 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
}
BODIES = {
    **NOT_JSON,
    "a list": b"[{}]",
    "a text": b'"a"',
    "null": b"null",
    "nothing": b"",
    "wide": b"{" + b",".join(b'"%d":1' % n for n in range(20_000)) + b"}",
    "keys that are special": rb'{"__proto__": {"a": 1}, "constructor": 1, "": 1, "\u0000": 1, "a.b": 1, "$where": 1}',
}
# As they stand in the address.
TEXTS = [
    *("%00", "a%00b", "%0a", "a%0d%0aX-Injected:%201", "%0d%0a%0d%0a", "%1b%5b2J", "%7f"),
    *("%ed%a0%80", "%ff", "%c0%ae%c0%ae", "%e2%82", "%", "%zz", "%u0041", "%25%30%30"),
    *("..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a%2fb", "a//b", "..;/", "a;b=c", "~", "a%5cb"),
    *("%e2%80%ae", "%e2%80%8b", "%ef%bb%bf", "%f0%9f%98%80", "a" * 255, "a" * 256, "a" * 8_000, "%f0%9f%98%80" * 255),
    *("'%20or%201=1--", "%27%3bselect%20pg_sleep(5)--", "{{7*7}}", "<script>", "$(id)", "-1", "0", "1e999", "NaN"),
    *(
        "99999999999999999999999",
        "4611686018427387905",
        "%d9%a1",
        "%ef%bc%91",
        "1.0",
        "+1",
        "%201",
        "true",
        "null",
        "[]",
    ),
]
HEADERS = {
    "another type": {"Content-Type": "text/xml"},
    "another charset": {"Content-Type": "application/json; charset=utf-16"},
    "no such charset": {"Content-Type": "application/json; charset=nonsense"},
    "no type": {"Content-Type": ""},
    "a broken type": {"Content-Type": "application/json;;=;"},
    "a broken multipart": {"Content-Type": "multipart/form-data"},
    "a packed body": {**JSON, "Content-Encoding": "gzip"},
    "another method": {
        **JSON,
        "X-HTTP-Method-Override": "DELETE",
        "X-Method-Override": "DELETE",
        "X-HTTP-Method": "PUT",
    },
    "another address": {**JSON, "X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz", "X-Forwarded-Prefix": "/x"},
    "a long key": {**JSON, "Idempotency-Key": "k" * 30_000},
    "a long value": {**JSON, "X-Long": "v" * 30_000},
    "bytes": {**JSON, "Idempotency-Key": "\xff\xfe", "Accept-Language": "\xff", "X-Request-ID": "\xff" * 9},
    "a broken wish": {**JSON, "Accept": "*/*;q=x, ,;,/", "Accept-Encoding": ",,;q=9", "Range": "bytes=9-1"},
    "a long wish": {**JSON, "Accept": ", ".join(["a/b"] * 3_000)},
    "a preflight's": {**JSON, "Origin": "null", "Access-Control-Request-Headers": "x" * 5_000},
}


@dataclass(frozen=True)
class Case:
    name: str
    method: str
    target: str
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=lambda: JSON)


@dataclass
class Operation:
    method: str
    path: str
    fields: dict[str, str]
    queries: list[str]

    def address(self, **given: str) -> str:
        """The address with its ids filled in: with what is given, else with something harmless."""
        known = {"session_id": "some-session", "training_id": "00000000-0000-4000-8000-000000000000", **given}
        return re.sub(r"\{(\w+)\}", lambda name: known[name[1]], self.path)

    @property
    def ids(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def body(self, **given: bytes) -> bytes:
        """A good body, with these values as they stand."""
        values = {name: json.dumps(good).encode() for name, good in self.fields.items()} | given
        # Two who sign up at once with one address are one too many for the stand-in.
        if "email" in self.fields and "email" not in given:
            values["email"] = json.dumps(fresh_address("nobody")).encode()
        return b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in values.items()) + b"}"


# What would be good, where a field's name does not say it: nothing here is anybody's.
GOOD = {
    "email": "nobody@example.com",
    "password": PASSWORD + "x",
    "current_password": PASSWORD + "x",
    "new_password": PASSWORD,
    "session_id": "some-session",
    "default_session_id": "some-session",
    "model": "openai/gpt-oss-120b",
}


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, verbs in document["paths"].items():
        for verb, told in verbs.items():
            if path != LOGOUT:
                queries = [each["name"] for each in told.get("parameters", []) if each["in"] == "query"]
                yield Operation(verb.upper(), path, _fields(document, told), queries)


def _fields(document: dict[str, Any], told: dict[str, Any]) -> dict[str, str]:
    """The fields of an operation's body, each with a value that would be good."""
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    properties = document["components"]["schemas"].get(name, {}).get("properties", {})
    return {each: GOOD.get(each, "something") for each in properties}


def hostile(operation: Operation) -> Iterator[Case]:
    """Everything, one thing at a time."""
    name, method, address = f"{operation.method} {operation.path}", operation.method, operation.address()
    for each in operation.fields:
        for what, value in VALUES.items():
            yield Case(f"{name}: {each} is {what}", method, address, operation.body(**{each: value}))
        twice = operation.body()[:-1] + b',"%s":{"a":"b"}}' % each.encode()
        yield Case(f"{name}: {each} twice", method, address, twice)
    if method != "GET":
        for what, content in BODIES.items():
            yield Case(f"{name}: the body is {what}", method, address, content)
    for each in operation.ids:
        for text in TEXTS:
            yield Case(f"{name}: {each} is {text[:40]}", method, operation.address(**{each: text}), operation.body())
    for each in [*operation.queries, "nonsense"]:
        for text in TEXTS:
            yield Case(f"{name}: ?{each} is {text[:40]}", method, f"{address}?{each}={text}", operation.body())
        yield Case(f"{name}: ?{each} a thousand times", method, f"{address}?" + f"{each}=1&" * 1_001, operation.body())
    for what, headers in HEADERS.items():
        yield Case(f"{name}: {what}", method, address, operation.body(), headers)


async def send(actor: Actor, case: Case) -> httpx.Response:
    """With the target and the headers as they stand."""
    target = case.target.replace("<", "%3c").replace(">", "%3e").encode()
    headers = [(name.encode(), value.encode("latin-1")) for name, value in case.headers.items()]
    content = case.content if case.method != "GET" else None
    return await actor.http.request(case.method, "/", content=content, headers=headers, extensions={"target": target})


def wrong_with(response: httpx.Response) -> str | None:
    if response.status_code >= 500:
        return "a server error"
    if INJECTED in response.headers:
        return "an injected header"
    if response.status_code < 400:
        return None
    if INTERNALS.search(response.text):
        return "something of the inside"
    return None if {"error", "code", "request_id"} <= response.json().keys() else "another form of error"


@pytest.fixture
async def server(new_server: NewServer) -> Server:
    # The stand-in for Supabase hashes passwords one after the other.
    return await new_server(LOG_LEVEL="WARNING", SUPABASE_TIMEOUT="60")


@pytest.fixture
async def somebody(server: Server) -> AsyncIterator[Actor]:
    actor = await sign_up(server.url, "hostile")
    actor.http.timeout = httpx.Timeout(60)
    yield actor
    await actor.close()


@pytest.fixture
async def found(somebody: Actor) -> list[Operation]:
    document = (await somebody.call("GET", "/api/schema/", headers={"Accept": "application/json"})).json()
    return list(operations(document))


async def test_no_hostile_text_anywhere_is_more_than_refused(
    server: Server, somebody: Actor, found: list[Operation]
) -> None:
    every = [case for operation in found for case in hostile(operation)][:: cases(4, 1)]
    at_once = asyncio.Semaphore(AT_ONCE)
    wrong: dict[str, str] = {}
    statuses: list[int] = []

    async def one(case: Case) -> None:
        async with at_once:
            response = await send(somebody, case)
        statuses.append(response.status_code)
        fault = wrong_with(response)
        if fault:
            wrong[f"{case.name}: {fault}"] = f"{response.status_code} {response.text[:300]}"

    await asyncio.gather(*map(one, every))
    server_errors = sum(status >= 500 for status in statuses)
    refusals = sum(400 <= status < 500 for status in statuses)
    leaked = len(wrong) - server_errors
    record("hostile texts", tried=len(statuses), refused=refusals, leaked=leaked, server_errors=server_errors)
    assert wrong == {}
    assert refusals > len(statuses) / 3
    assert statuses.count(401) < len(statuses) / 20, "The session has ended: nothing was shown"
    assert b"Traceback" not in server.log.read_bytes()
    assert (await somebody.call("GET", "/api/auth/profile/")).status_code == 200


async def test_no_address_reads_ten_megabytes(server: Server, found: list[Operation]) -> None:
    for operation in found:
        for length in (10_000_000, 10**15):
            head = (
                f"{operation.method} {operation.address()} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            )
            refused(await raw(server, head.encode()), 413, "too_large")


async def test_what_a_body_may_not_decide_it_does_not(somebody: Actor, found: list[Operation], chat_id: str) -> None:
    """Mass assignment, at every address that takes a body."""
    forged = PRIVILEGES | {"seq": 999, "status": "complete", "superseded": True, "reply_to": PRIVILEGES["user_id"]}
    await somebody.say("Hello", chat_id)
    for operation in found:
        if operation.fields:
            fields = {**operation.fields, "session_id": chat_id, "client_message_id": f"{operation.path} {chat_id}"}
            address = operation.address(session_id=chat_id)
            answer = await somebody.call(operation.method, address, {**forged, **fields})
            assert answer.status_code < 500, operation.path
            assert "1999-01-01" not in answer.text, operation.path
            assert str(PRIVILEGES["user_id"]) not in answer.text, operation.path
    rows = await somebody.history(chat_id)
    assert len(rows) >= 4
    assert {row["user_id"] for row in rows} == {somebody.id}
    assert {row["role"] for row in rows} == {"user", "assistant"}
    assert all(row["created_at"] > "2020" for row in rows)
    profile = (await somebody.call("GET", "/api/auth/profile/")).json()["user"]
    assert (profile["id"], profile["email"]) == (somebody.id, somebody.email)


async def test_a_header_that_names_another_method_changes_nothing(somebody: Actor, chat_id: str) -> None:
    await somebody.say("Hello", chat_id)
    before = await somebody.history(chat_id)
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"):
        for path in (f"/api/chat/conversation/{chat_id}/clear/", f"/api/chat/sessions/{chat_id}/"):
            for method in ("GET", "POST"):
                answer = await somebody.call(method, f"{path}?_method=DELETE", headers={name: "DELETE"})
                refused(answer, 405, "method_not_allowed")
    assert await somebody.history(chat_id) == before
