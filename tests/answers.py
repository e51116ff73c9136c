"""What the API's answers must look like, whoever asks."""

import json
from typing import Any

import httpx


def refused(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The body of an error answer, which must have this status, our shape, and the headers that belong to it."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert {"error", "code", "request_id"} <= body.keys()
    assert all(isinstance(body[name], str) and body[name] for name in ("error", "code", "request_id")), body
    assert body["request_id"] == response.headers["x-request-id"]
    if code is not None:
        assert body["code"] == code
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
    if status in {429, 503}:
        assert response.headers["retry-after"].isdecimal()
    return body


def ui_parts(stream: str) -> list[dict[str, Any]]:
    """The parts of a UI message stream, which must end in [DONE]; comments are left out."""
    events = [event for event in stream.split("\n\n") if event and not event.startswith(":")]
    assert events.pop() == "data: [DONE]"
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


def ui_text(parts: list[dict[str, Any]]) -> str:
    """What the parts say."""
    return "".join(part["delta"] for part in parts if part["type"] == "text-delta")
