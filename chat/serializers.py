"""The bodies of /api/chat/: what is read, and what the OpenAPI document shows."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from safycore_backend.fields import SessionIdField, StrictCharField
from safycore_backend.openapi import EXAMPLE_ID, example

MAX_MESSAGE = 32_000
_SESSION = {
    "session_id": "chat",
    "title": "When does the bakery open?",
    "created_at": "2026-11-22T19:55:22.037947Z",
    "updated_at": "2026-11-22T19:55:23.087150Z",
    "replying": False,
}
_ANSWER = {
    "response": "On Sundays it opens at 9.",
    "session_id": "chat",
    "message_id": EXAMPLE_ID,
    "status": "complete",
    "usage": {"prompt_tokens": 137, "completion_tokens": 22, "total_tokens": 159},
}
_TEXT = {
    "id": EXAMPLE_ID,
    "session_id": "chat",
    "content": "Our bakery opens at 7 on weekdays. On Sundays it opens at 9.",
    "created_at": "2026-11-22T19:55:21.482113Z",
    "updated_at": "2026-11-22T19:55:21.482113Z",
}
_REPLY = {
    "id": EXAMPLE_ID,
    "user_id": "0d4f6dc6-6a7a-4e5c-8f0e-3a4c1f6f6a01",
    "session_id": "chat",
    "role": "assistant",
    "content": "On Sundays it opens at **9**.",
    "status": "complete",
    "created_at": "2026-11-22T19:55:23.082373Z",
    "reply_to": "5b7b8f1c-9f0a-44a9-b5a5-0d1f3f1b2c3d",
    "client_message_id": None,
    "model": "openai/gpt-oss-120b",
    "finish_reason": "stop",
    "error_code": None,
    "superseded": False,
}


_WITH_TRAINING_DATA = {
    "message": "When does it open on Sundays?",
    "session_id": "chat",
    "training_data": "Our bakery opens at 7 on weekdays. On Sundays it opens at 9.",
    "client_message_id": "9b2f6c4e-0c53-4f0e-8f3c-5a1d7e2b4c60",
}


class ModelField(StrictCharField):
    """One of the models on offer."""

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if value not in settings.GROQ_MODELS:
            raise serializers.ValidationError("This model is not on offer; GET /api/models/ lists those that are.")
        return value


class TrainingDataField(StrictCharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=settings.TRAINING_DATA_MAX_CHARS, **kwargs)


@extend_schema_serializer(
    component_name="Chat",
    examples=[
        example("a question", {"message": "When does it open on Sundays?", "session_id": "chat"}),
        example("with training data and a key", _WITH_TRAINING_DATA),
    ],
)
class ChatRequest(serializers.Serializer[Any]):
    message = StrictCharField(max_length=MAX_MESSAGE, help_text="1 to 32,000 characters, kept exactly as sent.")
    session_id = SessionIdField(required=False, help_text="Left out: your default session, else a new one.")
    training_data = TrainingDataField(
        required=False,
        allow_blank=True,
        help_text="Added to what the bot answers from in this session.",
    )
    model = ModelField(required=False, help_text="One of GET /api/models/; left out: the default.")
    client_message_id = StrictCharField(
        required=False,
        max_length=255,
        help_text="The same id with the same body gives the same turn, never a second.",
    )


class KeyHeader(serializers.Serializer[Any]):
    client_message_id = StrictCharField(max_length=255)


@extend_schema_serializer(
    component_name="Regenerate",
    examples=[
        example("with the default model", {}),
        example("with another model", {"model": "openai/gpt-oss-120b"}),
    ],
)
class RegenerateRequest(serializers.Serializer[Any]):
    model = ModelField(required=False, help_text="One of GET /api/models/; left out: the default.")


@extend_schema_serializer(
    component_name="Rename",
    examples=[
        example("a title", {"title": "Opening times"}),
    ],
)
class RenameRequest(serializers.Serializer[Any]):
    title = StrictCharField(max_length=255, help_text="At least one visible character.")

    def validate_title(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("A title needs at least one visible character.")
        return value.strip()


@extend_schema_serializer(
    component_name="TrainingData",
    examples=[
        example("a text", {"session_id": "chat", "content": _TEXT["content"]}),
    ],
)
class TrainingDataRequest(serializers.Serializer[Any]):
    session_id = SessionIdField(help_text="The session whose replies are to know it.")
    content = TrainingDataField(help_text="A text to answer from, kept exactly as sent.")


class SessionQuery(serializers.Serializer[Any]):
    session_id = SessionIdField(help_text="The session.")


class HistoryQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50, help_text="How many at most.")
    before = serializers.IntegerField(
        min_value=1, max_value=2**62, required=False, help_text="The `next` of an earlier answer."
    )
    versions = serializers.BooleanField(default=False, help_text="Show superseded answers too.")


class SessionsQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50, help_text="How many at most.")
    before = StrictCharField(required=False, max_length=255, help_text="The `next` of an earlier answer.")
    search = StrictCharField(required=False, max_length=255, help_text="Only sessions with this in their title.")


class FormatQuery(serializers.Serializer[Any]):
    format = serializers.ChoiceField(
        choices=["text", "markdown"],
        default="text",
        help_text="markdown: as the model wrote it.",
        # The library's own sentence repeats what was sent.
        error_messages={"invalid_choice": "Use text or markdown."},
    )


@extend_schema_serializer(examples=[example("a reply", _ANSWER)])
class ChatAnswer(serializers.Serializer[Any]):
    response = serializers.CharField(help_text="Plain text, or Markdown with ?format=markdown.")
    session_id = serializers.CharField(help_text="The session it belongs to; new where none was named.")
    message_id = serializers.UUIDField(help_text="The reply's id.")
    status = serializers.ChoiceField(
        choices=["complete", "stopped", "interrupted"],
        help_text="interrupted: it broke off, and `response` is what there is.",
    )
    usage = serializers.DictField(allow_null=True, help_text="Tokens, as the model's server counts them.")


@extend_schema_serializer(examples=[example("a reply", _REPLY)])
class MessageFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    user_id = serializers.UUIDField(help_text="Whose message it is: yours.")
    session_id = serializers.CharField()
    role = serializers.ChoiceField(choices=["system", "user", "assistant"])
    content = serializers.CharField(help_text="As it was written, Markdown included.")
    status = serializers.ChoiceField(
        choices=["sent", "streaming", "complete", "stopped", "interrupted", "error"],
        help_text="sent: a person's. A reply is streaming, then one of the others, for good.",
    )
    created_at = serializers.DateTimeField()
    reply_to = serializers.UUIDField(allow_null=True, help_text="The message that this answers.")
    client_message_id = serializers.CharField(allow_null=True, help_text="The key that it was sent with.")
    model = serializers.CharField(allow_null=True, help_text="Which model wrote it.")
    finish_reason = serializers.CharField(allow_null=True, help_text="Why the model ended, in its words.")
    error_code = serializers.CharField(allow_null=True, help_text="What went wrong, where something did.")
    superseded = serializers.BooleanField(help_text="A former answer: another one was asked for since.")


@extend_schema_serializer(
    examples=[example("one page", {"session_id": "chat", "messages": [_REPLY], "next": None})],
)
class ConversationAnswer(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    messages = MessageFields(many=True, help_text="Oldest first.")
    next = serializers.IntegerField(allow_null=True, help_text="`before` of the page before this one; null: none.")


@extend_schema_serializer(examples=[example("a session", _SESSION)])
class SessionFields(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    title = serializers.CharField(help_text="Made from the first message, or given.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="Of the latest message.")
    replying = serializers.BooleanField(help_text="Whether a reply runs in it now.")


@extend_schema_serializer(examples=[example("one page", {"sessions": [_SESSION], "next": None})])
class SessionsAnswer(serializers.Serializer[Any]):
    sessions = SessionFields(many=True, help_text="The one with the latest message first.")
    next = serializers.CharField(allow_null=True, help_text="`before` of the page after this one; null: none.")


@extend_schema_serializer(examples=[example("a text", _TEXT)])
class TrainingDataFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    session_id = serializers.CharField()
    content = serializers.CharField(help_text="As it was sent.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


@extend_schema_serializer(examples=[example("one text", {"training_data": [_TEXT]})])
class TrainingDataAnswer(serializers.Serializer[Any]):
    training_data = TrainingDataFields(many=True, help_text="Oldest first.")


class ModelFields(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="What `model` of a message takes.")
    default = serializers.BooleanField(help_text="Whether it answers where none is named.")


@extend_schema_serializer(
    examples=[example("one model", {"models": [{"id": "openai/gpt-oss-120b", "default": True}]})],
)
class ModelsAnswer(serializers.Serializer[Any]):
    models = ModelFields(many=True)
