"""chat/llm.py: whatever the HTTP library raises becomes one of our errors."""

import json
from collections.abc import Iterator
from typing import Any

import aiohttp
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

SECRET = b"org_of_the_provider"


def tree(root: type[Any]) -> Iterator[type[Any]]:
    """A class and all below it."""
    yield root
    for each in root.__subclasses__():
        yield from tree(each)


def mapped(error: Exception, *, begun: bool = False) -> ModelError:
    """What becomes of an error within a call of the model."""
    answer = llm._Answer(lambda _text: None)
    answer.begun = begun
    with pytest.raises(ModelError) as caught, llm._mapped(answer):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize("kind", list(tree(aiohttp.ClientError)), ids=lambda kind: kind.__name__)
def test_every_error_of_the_http_library_becomes_one_of_ours(kind: type[aiohttp.ClientError]) -> None:
    # Without its arguments, of which nothing is read: each class has others.
    error = kind.__new__(kind)
    slow = issubclass(kind, aiohttp.ServerTimeoutError)
    nobody_there = issubclass(kind, aiohttp.ConnectionTimeoutError)
    before = ModelTimeout if slow and not nobody_there else ModelUnavailable
    assert type(mapped(error, begun=False)) is before
    assert type(mapped(error, begun=True)) is (before if slow else ModelBroken)


def test_nobody_there_is_no_matter_of_time() -> None:
    assert isinstance(mapped(aiohttp.ConnectionTimeoutError()), ModelUnavailable)
    assert isinstance(mapped(aiohttp.ServerTimeoutError()), ModelTimeout)


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
    assert type(llm.status_error(status, None, b"")) is ours


def test_too_much_context_is_told_by_its_code() -> None:
    body = b'{"error": {"message": "%s", "code": "context_length_exceeded"}}' % SECRET
    error = llm.status_error(400, None, body)
    assert type(error) is ContextTooLong
    assert SECRET.decode() not in str(error) + error.sentence


@pytest.mark.parametrize(
    ("header", "seconds"), [("17", 17), ("0", 0), (None, 10), ("", 10), ("soon", 10), ("-5", 10), ("²", 10)]
)
def test_retry_after_is_passed_on_where_it_is_a_number(header: str | None, seconds: int) -> None:
    assert llm.status_error(429, header, b"").retry_after == seconds


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
