"""chat/llm.py: whatever the SDK or the library below it raises becomes one of our errors."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import groq
import httpx
import pytest

from chat import llm
from chat.errors import (
    STORED_ERRORS,
    ContextTooLong,
    ModelBroken,
    ModelBusy,
    ModelError,
    ModelMisconfigured,
    ModelTimeout,
    ModelUnavailable,
)

REQUEST = httpx.Request("POST", "https://api.groq.com/openai/v1/chat/completions")
SECRET = "org_of_the_provider"
STATUSES = {
    groq.BadRequestError: 400,
    groq.AuthenticationError: 401,
    groq.PermissionDeniedError: 403,
    groq.NotFoundError: 404,
    groq.ConflictError: 409,
    groq.UnprocessableEntityError: 422,
    groq.RateLimitError: 429,
    groq.InternalServerError: 500,
    groq.APIStatusError: 418,
}


def tree(root: type[Any]) -> Iterator[type[Any]]:
    """A class and all below it."""
    yield root
    for each in root.__subclasses__():
        yield from tree(each)


def made(kind: type[groq.GroqError]) -> groq.GroqError:
    """An error of the SDK's, as the SDK makes it; fails for a class that we do not know how to make."""
    if issubclass(kind, groq.APIStatusError):
        response = httpx.Response(STATUSES[kind], request=REQUEST)
        return kind(SECRET, response=response, body={"error": {"message": SECRET}})
    if issubclass(kind, groq.APIResponseValidationError):
        return kind(httpx.Response(200, request=REQUEST), None)
    if issubclass(kind, groq.APIConnectionError):
        return kind(request=REQUEST)
    if kind is groq.APIError:
        return groq.APIError(SECRET, REQUEST, body=None)
    if kind.__name__ == "StreamAlreadyConsumed":
        return kind()
    assert kind is groq.GroqError, f"A class of the SDK's that is new to us: {kind.__name__}"
    return kind(SECRET)


def mapped(error: Exception, *, begun: bool = False) -> ModelError:
    """What becomes of an error within a call of the model."""
    answer = llm._Answer(lambda _text: None)
    answer.begun = begun
    with pytest.raises(ModelError) as caught, llm._mapped(answer):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize("kind", list(tree(groq.GroqError)), ids=lambda kind: kind.__name__)
def test_every_class_of_the_sdks_becomes_one_of_ours(kind: type[groq.GroqError]) -> None:
    for begun in (False, True):
        error = mapped(made(kind), begun=begun)
        assert type(error) in STORED_ERRORS.values()
        assert SECRET not in str(error) + error.sentence


def transport_errors() -> Iterator[type[httpx.TransportError]]:
    for kind in tree(httpx.TransportError):
        if kind.__module__.startswith("httpx") and "message" in inspect.signature(kind).parameters:
            yield kind


@pytest.mark.parametrize("kind", list(transport_errors()), ids=lambda kind: kind.__name__)
def test_every_transport_error_becomes_one_of_ours(kind: type[httpx.TransportError]) -> None:
    assert isinstance(mapped(kind("x"), begun=False), (ModelUnavailable, ModelTimeout))
    assert isinstance(mapped(kind("x"), begun=True), (ModelBroken, ModelTimeout))


def test_a_refused_connection_is_no_matter_of_time() -> None:
    """The SDK's aiohttp transport reports it as a timeout."""
    error = groq.APITimeoutError(request=REQUEST)
    error.__cause__ = httpx.ConnectTimeout("refused")
    with pytest.raises(ModelUnavailable), llm._mapped(llm._Answer(lambda _text: None)):
        raise error from error.__cause__
    assert isinstance(mapped(groq.APITimeoutError(request=REQUEST)), ModelTimeout)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (400, ModelMisconfigured),
        (401, ModelMisconfigured),
        (403, ModelMisconfigured),
        (404, ModelMisconfigured),
        (413, ContextTooLong),
        (422, ModelMisconfigured),
        (429, ModelBusy),
        (498, ModelUnavailable),
        (500, ModelUnavailable),
        (503, ModelUnavailable),
        (529, ModelUnavailable),
    ],
)
def test_statuses_become_errors(status: int, ours: type[ModelError]) -> None:
    assert type(llm.status_error(status, None, None)) is ours


def test_too_much_context_is_told_by_its_code() -> None:
    body = {"error": {"message": SECRET, "code": "context_length_exceeded"}}
    assert type(llm.status_error(400, None, body)) is ContextTooLong


@pytest.mark.parametrize(
    ("header", "seconds"), [("17", 17), ("0", 0), (None, 10), ("", 10), ("soon", 10), ("-5", 10), ("²", 10)]
)
def test_retry_after_is_passed_on_where_it_is_a_number(header: str | None, seconds: int) -> None:
    assert llm.status_error(429, header, None).retry_after == seconds


def test_every_error_of_ours_can_be_told_again_from_its_code() -> None:
    assert {error.default_code for error in tree(ModelError)} <= {*STORED_ERRORS, "model_error"}
    for code, error in STORED_ERRORS.items():
        assert error().code == code


# Reading chunks


def answered(*chunks: Any) -> tuple[str, llm._Answer]:
    said: list[str] = []
    answer = llm._Answer(said.append)
    for chunk in chunks:
        data = chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()
        answer.feed(b"data: " + data + b"\n\n")
    return "".join(said), answer


def delta(content: Any, finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}]}


def test_the_text_of_chunks_is_handed_on() -> None:
    said, answer = answered(delta("one"), delta(None), delta(""), {"choices": []}, delta(" two", "stop"), b"[DONE]")
    assert said == "one two"
    assert answer.completion().finish_reason == "stop"


@pytest.mark.parametrize(
    "usage",
    [{"usage": {"total_tokens": 7}}, {"x_groq": {"id": "x", "usage": {"total_tokens": 7}}}],
    ids=["at the top", "in x_groq"],
)
def test_usage_is_found_wherever_it_is(usage: dict[str, Any]) -> None:
    _, answer = answered(delta("x", "stop"), {"choices": [], **usage}, {"choices": []})
    assert answer.completion().usage == {"total_tokens": 7}


def test_reasoning_is_passed_over() -> None:
    said, _ = answered({"choices": [{"delta": {"reasoning": "hm", "channel": "analysis"}}]}, delta("said"))
    assert said == "said"


def test_an_answer_without_a_finish_is_broken() -> None:
    _, answer = answered(delta("half"), b"[DONE]")
    with pytest.raises(ModelBroken):
        answer.completion()


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"<html>",
        b'{"choices": 5}',
        b'{"choices": [{"delta": {"content": 5}}]}',
        b'{"choices": [{"delta": {"con',
        b'{"error": {"message": "no"}}',
        b'{"error": "no"}',
        b"\xff",
        b"[" * 100_000,
        b'{"choices":' + b"[" * 100_000,
    ],
    ids=lambda chunk: repr(chunk[:30]),
)
def test_a_chunk_that_cannot_be_read_breaks_the_answer(chunk: bytes) -> None:
    with pytest.raises(ModelBroken):
        answered(chunk)


def test_what_postgres_cannot_hold_is_cleaned_on_the_way_in() -> None:
    said, _ = answered(
        b'{"choices": [{"delta": {"content": "a\\u0000b\\ud800c"}}]}',
        b'{"choices": [{"delta": {"content": "\\ud83d\\ude00"}}]}',
    )
    assert "\x00" not in said
    assert said.encode().decode() == said
    assert said.startswith("a")
    assert said.endswith("c\U0001f600")
