"""/api/chat/* and /api/models/."""

import hashlib
from typing import Any
from urllib.parse import quote

import msgspec
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from chat import reference, serializers, service
from chat.budget import tokens_left
from chat.domain import Message, Outcome, Send
from chat.replies import Reply
from chat.streams import (
    STREAM_HEADERS,
    UI_MESSAGE_STREAM_HEADERS,
    error_of,
    text_stream,
    ui_message_stream,
)
from chat.text import strip_markdown
from safycore_backend.api import AsyncAPIView, parsed
from safycore_backend.errors import InvalidInput
from safycore_backend.log_context import about_session
from safycore_backend.media import EventStreamRenderer, JSONRenderer, PlainTextRenderer
from users.authentication import person_of
from users.limits import per_person

_SHOWN = tuple(name for name in Message.__struct_fields__ if name not in {"seq", "usage"})
_LIMITS = (per_person("LIMIT_MESSAGES_PER_PERSON"), tokens_left)


async def _asked(request: Request) -> Send:
    """What the body asks for, with its session chosen."""
    body = parsed(serializers.ChatRequest, request.data)
    key = request.headers.get("Idempotency-Key")
    if key is not None and body.setdefault("client_message_id", key) != key:
        raise InvalidInput(fields={"client_message_id": ["This is not the Idempotency-Key of the header."]})
    if key is not None:
        parsed(serializers.KeyHeader, {"client_message_id": key})
    session_id = await service.chosen_session(person_of(request), body.get("session_id"))
    about_session(session_id)
    return Send(
        message=body["message"],
        session_id=session_id,
        request_hash=_request_hash(body),
        model=body.get("model", settings.GROQ_MODEL),
        training_data=body.get("training_data") or None,
        client_message_id=body.get("client_message_id"),
    )


def _request_hash(body: dict[str, Any]) -> str:
    """Of all that was sent but the key, in one order: the session as it was named, or not."""
    named = sorted((name, value) for name, value in body.items() if name != "client_message_id")
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()


def _wants_markdown(request: Request) -> bool:
    return bool(parsed(serializers.FormatQuery, request.query_params.dict())["format"] == "markdown")


def _refuse_failed(reply: Reply, outcome: Outcome) -> None:
    """A reply that ended without a word is an error; one that broke off is what there is of it."""
    if outcome.status == "error" or (outcome.status == "interrupted" and not reply.text):
        raise error_of(outcome)


async def _streamed(request: Request, reply: Reply) -> StreamingHttpResponse:
    """The reply in the form that the client accepts. Text waits for a first piece, so that an error can be a status."""
    headers = {
        "X-Session-Id": quote(reply.session_id),
        "X-Message-Id": reply.message_id,
        **STREAM_HEADERS,
    }
    if request.accepted_media_type.startswith(EventStreamRenderer.media_type):
        return StreamingHttpResponse(
            ui_message_stream(reply, settings.SSE_PING_SECONDS),
            content_type=EventStreamRenderer.media_type,
            headers=headers | UI_MESSAGE_STREAM_HEADERS,
        )
    markdown = _wants_markdown(request)
    await reply.changed(0)
    if reply.outcome is not None:
        _refuse_failed(reply, reply.outcome)
    return StreamingHttpResponse(
        text_stream(reply, markdown=markdown),
        content_type="text/plain; charset=utf-8",
        headers=headers,
    )


class ChatView(AsyncAPIView):
    begins_reply = True
    limits = _LIMITS

    @reference.send_message
    async def post(self, request: Request) -> Response:
        """Send a message and wait for the whole reply."""
        markdown = _wants_markdown(request)
        reply = await service.send(person_of(request), await _asked(request))
        outcome = await reply.ended()
        _refuse_failed(reply, outcome)
        return Response(
            {
                "response": reply.text if markdown else strip_markdown(reply.text),
                "session_id": reply.session_id,
                "message_id": reply.message_id,
                "status": outcome.status,
                "usage": outcome.usage,
            }
        )


class ChatStreamView(AsyncAPIView):
    begins_reply = True
    renderer_classes = [PlainTextRenderer, EventStreamRenderer, JSONRenderer]
    limits = _LIMITS

    @reference.stream_message
    async def post(self, request: Request) -> StreamingHttpResponse:
        """Send a message and read the reply as it is made: text, or with Accept: text/event-stream, events."""
        _wants_markdown(request)
        return await _streamed(request, await service.send(person_of(request), await _asked(request)))


class JoinStreamView(AsyncAPIView):
    renderer_classes = [PlainTextRenderer, EventStreamRenderer, JSONRenderer]

    @reference.join_stream
    async def get(self, request: Request, session_id: str) -> HttpResponse | StreamingHttpResponse:
        """Join the running reply from its start; 204 when none runs."""
        reply = await service.join(person_of(request), _session(session_id))
        return await _streamed(request, reply) if reply else HttpResponse(status=204)


class RegenerateView(AsyncAPIView):
    begins_reply = True
    renderer_classes = [PlainTextRenderer, EventStreamRenderer, JSONRenderer]
    limits = _LIMITS

    @reference.regenerate
    async def post(self, request: Request, session_id: str) -> StreamingHttpResponse:
        """Have the last message answered again, streamed. Former answers are kept: see `versions` of the history."""
        _wants_markdown(request)
        model = parsed(serializers.RegenerateRequest, request.data).get("model", settings.GROQ_MODEL)
        return await _streamed(request, await service.regenerate(person_of(request), _session(session_id), model))


class StopView(AsyncAPIView):
    @reference.stop_reply
    async def post(self, request: Request, session_id: str) -> Response:
        """Stop the running reply; what it said so far stays. Nothing running is fine."""
        await service.stop(person_of(request), _session(session_id))
        return Response({"message": "Stopped."})


class ConversationHistoryView(AsyncAPIView):
    @reference.get_conversation
    async def get(self, request: Request, session_id: str) -> Response:
        """A page of a conversation, oldest first; the newest page by default. An unknown session is an empty one."""
        query = parsed(serializers.HistoryQuery, request.query_params.dict())
        page = await service.history(
            person_of(request),
            _session(session_id),
            query["limit"],
            query.get("before"),
            versions=query["versions"],
        )
        return Response(
            {
                "session_id": session_id,
                "messages": [_shown(each) for each in page.messages],
                "next": page.next,
            }
        )


class ClearConversationView(AsyncAPIView):
    @reference.clear_conversation
    async def delete(self, request: Request, session_id: str) -> Response:
        """Delete all that was said in a session, with its training data. A running reply is cancelled."""
        await service.clear(person_of(request), _session(session_id))
        return Response({"message": "The conversation is cleared."})


class UserSessionsView(AsyncAPIView):
    @reference.list_sessions
    async def get(self, request: Request) -> Response:
        """Your sessions, newest first."""
        query = parsed(serializers.SessionsQuery, request.query_params.dict())
        found, following = await service.sessions(
            person_of(request), query["limit"], query.get("before"), query.get("search")
        )
        return Response({"sessions": found, "next": following})


class SessionView(AsyncAPIView):
    @reference.rename_session
    async def patch(self, request: Request, session_id: str) -> Response:
        """Rename a session."""
        title = parsed(serializers.RenameRequest, request.data)["title"]
        return Response(await service.rename_session(person_of(request), _session(session_id), title))

    @reference.delete_session
    async def delete(self, request: Request, session_id: str) -> Response:
        """Delete a session and all that was said in it."""
        await service.delete_session(person_of(request), _session(session_id))
        return Response({"message": "The session is deleted."})


class TrainingDataView(AsyncAPIView):
    @reference.list_training_data
    async def get(self, request: Request) -> Response:
        """What the bot answers from in a session, oldest first."""
        session_id = parsed(serializers.SessionQuery, request.query_params.dict())["session_id"]
        texts = await service.training_data(person_of(request), session_id)
        return Response({"training_data": [msgspec.structs.asdict(text) for text in texts]})

    @reference.add_training_data
    async def post(self, request: Request) -> Response:
        """Give the bot something to answer from. The same text twice is kept once."""
        body = parsed(serializers.TrainingDataRequest, request.data)
        text = await service.add_training_data(person_of(request), body["session_id"], body["content"])
        return Response(msgspec.structs.asdict(text), status=201)


class TrainingDataItemView(AsyncAPIView):
    @reference.delete_training_data
    async def delete(self, request: Request, training_id: Any) -> Response:
        """Take a text away; the next reply does not know it any more."""
        await service.delete_training_data(person_of(request), str(training_id))
        return Response({"message": "The text is removed."})


class ModelsView(AsyncAPIView):
    permission_classes = [AllowAny]

    @reference.list_models
    async def get(self, request: Request) -> Response:
        """The models on offer."""
        return Response({"models": service.models()})


def _session(session_id: str) -> str:
    """A session id of the address, checked as one in a body is."""
    checked: str = parsed(serializers.SessionQuery, {"session_id": session_id})["session_id"]
    return checked


def _shown(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _SHOWN}
