"""chat/streams.py: a reply as bytes for its readers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from chat.domain import Message, Outcome, Status
from chat.errors import STORED_ERRORS
from chat.replies import Reply
from chat.streams import ReplyBroken, closing_parts, error_of, text_stream, ui_event, ui_message_stream
from chat.text import strip_markdown
from tests.answers import ui_parts, ui_text

COMPLETE = Outcome("complete", "stop", {"completion_tokens": 2})


def reply(content: str = "", status: Status = "streaming") -> Reply:
    return Reply(
        Message("message-id", "user-id", "session-id", 2, "assistant", content, status, "2026-01-01T00:00:00Z")
    )


def ended(outcome: Outcome, *pieces: str) -> Reply:
    made = reply()
    for piece in pieces:
        made.append(piece)
    made.end(outcome)
    return made


async def whole(stream: AsyncIterator[Any]) -> list[Any]:
    return [piece async for piece in stream]


async def parts_of(made: Reply) -> list[dict[str, Any]]:
    return ui_parts(b"".join(await whole(ui_message_stream(made, 15))).decode())


async def test_an_event_stream_begins_with_a_comment_and_ends_with_done() -> None:
    pieces = await whole(ui_message_stream(ended(COMPLETE, "one", " two"), 15))
    assert pieces[0].startswith(b": ping\n\n")
    assert all(piece.endswith(b"\n\n") for piece in pieces)
    assert pieces[-1].endswith(b"\n\ndata: [DONE]\n\n")


async def test_a_complete_reply_in_parts() -> None:
    parts = await parts_of(ended(COMPLETE, "one", " two"))
    assert [part["type"] for part in parts] == ["start", "text-start", "text-delta", "text-end", "finish"]
    assert parts[0]["messageId"] == "message-id"
    assert ui_text(parts) == "one two"
    assert parts[-1]["messageMetadata"] == {
        "session_id": "session-id",
        "status": "complete",
        "finish_reason": "stop",
        "usage": {"completion_tokens": 2},
    }


async def test_a_stopped_reply_is_an_abort_and_no_error() -> None:
    for outcome in (Outcome("stopped"), Outcome("stopped", error="cleared")):
        parts = await parts_of(ended(outcome, "half"))
        assert [part["type"] for part in parts][-3:] == ["text-end", "abort", "finish"]


@pytest.mark.parametrize("code", [*STORED_ERRORS, "internal_error", "never heard of"])
@pytest.mark.parametrize("status", ["interrupted", "error"])
async def test_a_failed_reply_says_so_in_a_part_of_the_sdks_and_one_of_ours(code: str, status: Any) -> None:
    parts = await parts_of(ended(Outcome(status, error=code), "half"))
    assert [part["type"] for part in parts][-4:] == ["text-end", "data-error", "error", "finish"]
    ours, theirs = parts[-3], parts[-2]
    assert ours.keys() == {"type", "data", "transient"}
    assert ours["data"]["code"] == code
    assert theirs == {"type": "error", "errorText": error_of(Outcome(status, error=code)).sentence}


def test_only_parts_that_the_sdk_knows_are_ever_sent() -> None:
    """Its schema is strict: an unknown field of a part ends the chat in an error on the client's side."""
    known = {
        "text-end": {"type", "id"},
        "finish": {"type", "messageMetadata"},
        "abort": {"type"},
        "error": {"type", "errorText"},
        "data-error": {"type", "data", "transient"},
    }
    for outcome in (COMPLETE, Outcome("stopped"), Outcome("error", error="busy"), Outcome("interrupted", error="x")):
        for part in closing_parts(reply(), outcome):
            assert part.keys() == known[part["type"]]


async def test_a_reader_that_comes_late_reads_from_the_start() -> None:
    made = reply("from the database ")
    made.append("and from here")
    made.end(COMPLETE)
    assert ui_text(await parts_of(made)) == "from the database and from here"
    assert "".join(await whole(text_stream(made, markdown=True))) == "from the database and from here"


async def test_a_reply_that_ended_before_is_told_from_its_row() -> None:
    for status in ("complete", "stopped", "interrupted", "error"):
        parts = await parts_of(reply("all of it", status))
        assert ui_text(parts) == "all of it"
        assert parts[-1]["messageMetadata"]["status"] == status


async def test_words_leave_as_they_come() -> None:
    made = reply()
    async with aclosing(text_stream(made, markdown=True)) as stream:  # type: ignore[type-var]  # it is a generator
        for word in ("one", " two", " three"):
            made.append(word)
            assert await anext(stream) == word
        made.end(COMPLETE)
        assert await anext(stream, None) is None


async def test_a_silence_is_filled_with_comments() -> None:
    made = reply()
    stream = ui_message_stream(made, ping_seconds=0.001)
    ping = b": ping\n\n"
    assert (await anext(stream)).startswith(ping)
    assert [await anext(stream) for _ in range(3)] == [ping] * 3
    made.append("at last")
    while not (piece := await anext(stream)).startswith(b"data:"):
        assert piece == ping
    assert b"at last" in piece
    made.end(COMPLETE)
    await whole(stream)


async def test_many_readers_of_one_growing_reply_read_the_same() -> None:
    made = reply()
    readers = [asyncio.create_task(whole(text_stream(made, markdown=True))) for _ in range(5)]
    for n in range(50):
        made.append(f"{n} ")
        if n % 7 == 0:
            await asyncio.sleep(0)
    made.end(COMPLETE)
    assert {"".join(pieces) for pieces in await asyncio.gather(*readers)} == {made.text}


async def test_the_text_is_stripped_as_it_flows() -> None:
    text = "# Title\n\n**bold** `code` [link](https://example.com) **open\n"
    for size in (1, 3, 100):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert "".join(await whole(text_stream(ended(COMPLETE, *pieces), markdown=False))) == strip_markdown(text)


@pytest.mark.parametrize("status", ["interrupted", "error"])
async def test_a_bad_end_of_a_text_stream_is_no_end(status: Any) -> None:
    stream = text_stream(ended(Outcome(status, error="busy"), "half **open"), markdown=False)
    seen = await anext(stream)
    while len(seen) < len("half **open"):
        seen += await anext(stream)
    assert seen == strip_markdown("half **open")
    with pytest.raises(ReplyBroken):
        await anext(stream)


def test_an_event_is_one_line_whatever_the_text() -> None:
    for text in ("a\nb", "a\r\nb", "a\u2028b\x85", "data: x\n\n"):
        event = ui_event({"type": "text-delta", "delta": text})
        assert event.startswith(b"data: ")
        assert event.endswith(b"\n\n")
        assert b"\n" not in event[:-2]
        assert b"\r" not in event
