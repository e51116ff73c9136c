"""What a conversation is made of. Data only; nothing here knows a database, a model or HTTP."""

from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant"]
Status = Literal["sent", "streaming", "complete", "stopped", "interrupted", "error"]
FinalStatus = Literal["complete", "stopped", "interrupted", "error"]
Usage = dict[str, Any]


class Message(msgspec.Struct, frozen=True):
    """One row of `messages`. `created_at` is RFC 3339 in UTC; `seq` counts from 1 within the session."""

    id: str
    user_id: str
    session_id: str
    seq: int
    role: Role
    content: str
    status: Status
    created_at: str
    reply_to: str | None = None
    client_message_id: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    error_code: str | None = None
    superseded: bool = False


class Said(msgspec.Struct, frozen=True):
    """A message as the prompt needs it."""

    role: Role
    content: str
    status: Status


class TrainingText(msgspec.Struct, frozen=True):
    """One row of `training_data`."""

    id: str
    session_id: str
    content: str
    created_at: str
    updated_at: str


class Turn(msgspec.Struct, frozen=True, tag_field="outcome", tag="started"):
    """A message that has just been stored, the empty row of its reply, and what the prompt is made of, oldest first."""

    user_message: Message
    message: Message
    history: list[Said]
    training_data: list[str]


class EarlierTurn(msgspec.Struct, frozen=True, tag_field="outcome", tag="repeated"):
    """What the same key made before."""

    user_message: Message
    message: Message


class Page(msgspec.Struct, frozen=True):
    """Messages oldest first, and the cursor of the page before them (None when there is none)."""

    messages: list[Message]
    next: int | None


class ExportPage(msgspec.Struct, frozen=True):
    """Rows as they are shown to their owner, and the cursor of what follows (None after an empty page)."""

    rows: list[dict[str, Any]]
    next: str | None


class Checkpoint(msgspec.Struct, frozen=True):
    """Whether a reply's row still waits for more, and whether somebody asked to stop."""

    running: bool
    stop_requested: bool


class Completion(msgspec.Struct, frozen=True):
    """How a model ended its answer."""

    finish_reason: str
    usage: Usage | None


class Outcome(msgspec.Struct, frozen=True):
    """How a reply ended, once that is saved. `error` is the code of what went wrong, if anything did.

    `retry_after`, in seconds, is known where the reply was made, and not stored.
    """

    status: FinalStatus
    finish_reason: str | None = None
    usage: Usage | None = None
    error: str | None = None
    retry_after: int | None = None


class Send(msgspec.Struct, frozen=True):
    """What a person asks for: a message, where it belongs, and how it is to be answered.

    `request_hash` tells whether two requests with one key are the same: it is of the body as it was sent.
    """

    message: str
    session_id: str
    request_hash: str
    model: str
    training_data: str | None = None
    client_message_id: str | None = None
