"""What the OpenAPI document says of /api/chat/*, /api/models/ and the export, by operation."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from chat import serializers
from chat.errors import (
    ContextTooLong,
    KeyReused,
    ModelBroken,
    ModelBusy,
    ModelMisconfigured,
    ModelTimeout,
    ModelUnavailable,
    NothingToRegenerate,
    NotSaved,
    Overloaded,
    ReplyInProgress,
    ShuttingDown,
    TokenLimitReached,
    TooManyReplies,
    TrainingDataFull,
)
from safycore_backend.api_description import ACCOUNTS, CHAT, SERVER, SESSIONS, TRAINING_DATA
from safycore_backend.database import DatabaseUnavailable
from safycore_backend.errors import (
    ApiError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    TokenExpiring,
    TooLarge,
    TooManyRequests,
)
from safycore_backend.media import EventStreamRenderer, JSONLinesRenderer, PlainTextRenderer
from safycore_backend.openapi import EXAMPLE_ID, errors, example, said

_EVENTS = f"""\
: ping

data: {{"type":"start","messageId":"{EXAMPLE_ID}","messageMetadata":{{"session_id":"chat"}}}}

data: {{"type":"text-start","id":"text"}}

data: {{"type":"text-delta","id":"text","delta":"On Sundays"}}

data: {{"type":"text-delta","id":"text","delta":" it opens at 9."}}

data: {{"type":"text-end","id":"text"}}

data: {{"type":"finish","messageMetadata":{{"session_id":"chat","status":"complete","finish_reason":"stop"}}}}

data: [DONE]

"""
_EXPORT = """\
{"type":"account","id":"…","email":"alice@example.com","created_at":"…","exported_at":"…","default_session_id":null}
{"type":"message","id":"…","session_id":"chat","role":"user","content":"When does it open?","status":"sent"}
{"type":"end","counts":{"sessions":0,"messages":1,"training_data":0}}
"""
_ASKED: tuple[type[ApiError], ...] = (InvalidInput, NotAuthenticated, TooManyRequests, DatabaseUnavailable)
_TURN: tuple[type[ApiError], ...] = (
    *_ASKED,
    ContextTooLong,
    TokenExpiring,
    ReplyInProgress,
    TooManyReplies,
    TokenLimitReached,
    ModelBroken,
    ModelMisconfigured,
    ModelBusy,
    ModelUnavailable,
    Overloaded,
    ShuttingDown,
    NotSaved,
    ModelTimeout,
)
_SENT: tuple[type[ApiError], ...] = (*_TURN, TrainingDataFull, TooLarge, KeyReused)


def _header(name: str, description: str, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, **options)


_SESSION_ID = OpenApiParameter(
    "session_id",
    str,
    OpenApiParameter.PATH,
    description="The session, percent-encoded: 1 to 255 characters, no slash and no control characters.",
    examples=[example("chat", "chat")],
)
_TRAINING_ID = OpenApiParameter(
    "training_id",
    OpenApiTypes.UUID,
    OpenApiParameter.PATH,
    description="The `id` of the text.",
    examples=[example("text", EXAMPLE_ID)],
)
_KEY = _header("Idempotency-Key", "The same as client_message_id in the body.")
_OF_STREAMS = [
    _header("X-Session-Id", "The session, percent-encoded.", response=[200]),
    _header("X-Message-Id", "The reply's id.", response=[200]),
]
_STREAMED = {
    (200, PlainTextRenderer.media_type): OpenApiResponse(
        OpenApiTypes.STR, "The reply as it is made.", [example("text", "On Sundays it opens at 9.")]
    ),
    (200, EventStreamRenderer.media_type): OpenApiResponse(
        OpenApiTypes.STR, "The reply as it is made.", [example("events", _EVENTS)]
    ),
}

send_message = extend_schema(
    operation_id="send_message",
    summary="Send a message",
    tags=[CHAT],
    request=serializers.ChatRequest,
    parameters=[serializers.FormatQuery, _KEY],
    responses={200: serializers.ChatAnswer} | errors(*_SENT),
)
stream_message = extend_schema(
    operation_id="stream_message",
    summary="Send a message, stream the reply",
    tags=[CHAT],
    request=serializers.ChatRequest,
    parameters=[serializers.FormatQuery, _KEY, *_OF_STREAMS],
    responses=_STREAMED | errors(*_SENT),
)
join_stream = extend_schema(
    operation_id="join_stream",
    summary="Join the running reply",
    tags=[CHAT],
    parameters=[_SESSION_ID, serializers.FormatQuery, *_OF_STREAMS],
    responses=_STREAMED | {204: OpenApiResponse(description="No reply runs.")} | errors(*_ASKED),
)
regenerate = extend_schema(
    operation_id="regenerate",
    summary="Have the last message answered again",
    tags=[CHAT],
    request=serializers.RegenerateRequest,
    parameters=[_SESSION_ID, serializers.FormatQuery, *_OF_STREAMS],
    responses=_STREAMED | errors(*_TURN, NothingToRegenerate),
)
stop_reply = extend_schema(
    operation_id="stop_reply",
    summary="Stop the running reply",
    tags=[CHAT],
    request=None,
    parameters=[_SESSION_ID],
    responses={200: said("Stopped.")} | errors(*_ASKED),
)
get_conversation = extend_schema(
    operation_id="get_conversation",
    summary="Read a conversation",
    tags=[CHAT],
    parameters=[_SESSION_ID, serializers.HistoryQuery],
    responses={200: serializers.ConversationAnswer} | errors(*_ASKED),
)
clear_conversation = extend_schema(
    operation_id="clear_conversation",
    summary="Clear a conversation",
    tags=[CHAT],
    request=None,
    parameters=[_SESSION_ID],
    responses={200: said("The conversation is cleared.")} | errors(*_ASKED),
)
list_sessions = extend_schema(
    operation_id="list_sessions",
    summary="List your sessions",
    tags=[SESSIONS],
    parameters=[serializers.SessionsQuery],
    responses={200: serializers.SessionsAnswer} | errors(*_ASKED),
)
rename_session = extend_schema(
    operation_id="rename_session",
    summary="Rename a session",
    tags=[SESSIONS],
    request=serializers.RenameRequest,
    parameters=[_SESSION_ID],
    responses={200: serializers.SessionFields} | errors(*_ASKED, NotFound),
)
delete_session = extend_schema(
    operation_id="delete_session",
    summary="Delete a session",
    tags=[SESSIONS],
    request=None,
    parameters=[_SESSION_ID],
    responses={200: said("The session is deleted.")} | errors(*_ASKED, NotFound),
)
list_training_data = extend_schema(
    operation_id="list_training_data",
    summary="Read a session's training data",
    tags=[TRAINING_DATA],
    parameters=[serializers.SessionQuery],
    responses={200: serializers.TrainingDataAnswer} | errors(*_ASKED),
)
add_training_data = extend_schema(
    operation_id="add_training_data",
    summary="Add training data",
    tags=[TRAINING_DATA],
    request=serializers.TrainingDataRequest,
    responses={201: serializers.TrainingDataFields} | errors(*_ASKED, TrainingDataFull, TooLarge),
)
delete_training_data = extend_schema(
    operation_id="delete_training_data",
    summary="Remove training data",
    tags=[TRAINING_DATA],
    request=None,
    parameters=[_TRAINING_ID],
    responses={200: said("The text is removed.")}
    | errors(NotAuthenticated, NotFound, TooManyRequests, DatabaseUnavailable),
)
list_models = extend_schema(
    operation_id="list_models",
    summary="List the models",
    tags=[SERVER],
    responses={200: serializers.ModelsAnswer},
)
export = extend_schema(
    operation_id="export",
    summary="Download everything you have",
    tags=[ACCOUNTS],
    responses={
        (200, JSONLinesRenderer.media_type): OpenApiResponse(
            OpenApiTypes.STR, "A file of JSON lines.", [example("a small one", _EXPORT)]
        )
    }
    | errors(NotAuthenticated, TokenExpiring, TooManyRequests, DatabaseUnavailable),
)
