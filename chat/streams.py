"""How a reply is written to the client: functions from events to bytes.

The event stream is the AI SDK's UI message stream, version 1; what is ours in it travels as `data-*` parts and in
`messageMetadata`. The plain text stream is the text and nothing else.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from chat.domain import Outcome
from chat.errors import STORED_ERRORS, ModelError
from chat.replies import Reply
from chat.text import MarkdownStripper
from safycore_backend.errors import ApiError

UI_MESSAGE_STREAM_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
STREAM_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache, no-transform"}
_TEXT_ID = "text"
_COMMENT = b": ping\n\n"
_DONE = b"data: [DONE]\n\n"


class ReplyBroken(Exception):
    """A text stream that cannot be brought to its end: the server closes the connection without one."""


def ui_event(part: Mapping[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(part) + b"\n\n"


async def ui_message_stream(reply: Reply, ping_seconds: float) -> AsyncIterator[bytes]:
    """A comment at once, so that proxies send the head on; the reply from its start; a comment in every silence."""
    started = {"type": "start", "messageId": reply.message_id, "messageMetadata": {"session_id": reply.session_id}}
    yield _COMMENT + ui_event(started) + ui_event({"type": "text-start", "id": _TEXT_ID})
    position = 0
    while True:
        text, position = reply.since(position)
        if text:
            yield ui_event({"type": "text-delta", "id": _TEXT_ID, "delta": text})
        elif reply.outcome is not None:
            break
        elif not await reply.changed(position, ping_seconds):
            yield _COMMENT
    yield b"".join(map(ui_event, closing_parts(reply, reply.outcome))) + _DONE


def closing_parts(reply: Reply, outcome: Outcome) -> list[dict[str, Any]]:
    """The end of the stream: of the text, and of the turn, by how it ended."""
    parts: list[dict[str, Any]] = [{"type": "text-end", "id": _TEXT_ID}]
    if outcome.error is not None and outcome.status != "stopped":
        parts += _error_parts(error_of(outcome))
    elif outcome.status == "stopped":
        parts.append({"type": "abort"})
    metadata = {
        "session_id": reply.session_id,
        "status": outcome.status,
        "finish_reason": outcome.finish_reason,
        "usage": outcome.usage,
    }
    return [*parts, {"type": "finish", "messageMetadata": metadata}]


def _error_parts(error: ApiError) -> list[dict[str, Any]]:
    retryable = getattr(error, "retryable", True)
    data = {"code": error.code, "retryable": retryable, "retry_after": error.retry_after}
    return [
        {"type": "data-error", "data": data, "transient": True},
        {"type": "error", "errorText": error.sentence},
    ]


def error_of(outcome: Outcome) -> ApiError:
    """The error that an outcome tells of."""
    code = outcome.error or ModelError.default_code
    error = STORED_ERRORS[code]() if code in STORED_ERRORS else ModelError(code=code)
    if outcome.retry_after is not None:
        error.retry_after = outcome.retry_after
    return error


async def text_stream(reply: Reply, *, markdown: bool) -> AsyncIterator[str]:
    """The text piece by piece, stripped of Markdown as it flows unless asked for. Raises ReplyBroken at a bad end."""
    stripper = None if markdown else MarkdownStripper()
    position = 0
    while True:
        text, position = reply.since(position)
        if text:
            piece = stripper.feed(text) if stripper else text
            if piece:
                yield piece
        elif reply.outcome is not None:
            break
        else:
            await reply.changed(position)
    rest = stripper.close() if stripper else ""
    if rest:
        yield rest
    if reply.outcome.status not in {"complete", "stopped"}:
        raise ReplyBroken(reply.outcome.error)
