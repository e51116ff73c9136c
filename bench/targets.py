"""Whom the clients ask, and in which words."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.model import NAME

MESSAGE = "What should I pay attention to when I plan a garden on a slope that faces north?"


def post(path: str, body: object, **headers: str) -> bytes:
    """The bytes of a request."""
    encoded = msgspec.json.encode(body)
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(encoded)}", "", ""]).encode() + encoded


def get(path: str, **headers: str) -> bytes:
    """The bytes of a request."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True)
class OpenAiApi:
    """The model itself, or whatever speaks its protocol."""

    port: int
    path: str = "/openai/v1/chat/completions"
    key: str = "bench"
    model: str = NAME

    def request(self, client: int, number: int) -> bytes:
        messages = [{"role": "user", "content": MESSAGE}]
        body = {"model": self.model, "messages": messages, "stream": True}
        return post(self.path, body, Authorization=f"Bearer {self.key}", Accept="text/event-stream")


@dataclass(frozen=True)
class SafyCore:
    """Our server, asked as its web page asks. Clients take the people in turn; every message begins a session."""

    port: int
    tokens: Sequence[str]

    def request(self, client: int, number: int) -> bytes:
        body = {"message": MESSAGE, "session_id": str(uuid.uuid4())}
        return post("/api/chat/stream/", body, Accept="text/event-stream", **self.identity(client))

    def identity(self, client: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[client % len(self.tokens)]}"}
