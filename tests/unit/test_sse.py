"""chat/sse.py: an event stream, torn anywhere, read whole."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.sse import EventReader

STREAM = (
    b': ping\n\nevent: x\nid: 7\ndata: {"a": "\xc3\xbc"}\n\n'
    b"data:no blank\n\ndata:  two blanks\n\ndata: one\ndata: two\n\n\n\ndata: [DONE]\n\ndata: unfinished\n"
)
EVENTS = [b'{"a": "\xc3\xbc"}', b"no blank", b" two blanks", b"one\ntwo", b"[DONE]"]


def read(*chunks: bytes) -> list[bytes]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


@pytest.mark.parametrize("stream", [STREAM, STREAM.replace(b"\n", b"\r\n")], ids=["LF", "CRLF"])
def test_events_are_the_same_wherever_the_stream_is_torn(stream: bytes) -> None:
    assert read(stream) == EVENTS
    assert read(*(bytes([byte]) for byte in stream)) == EVENTS
    for at in range(len(stream)):
        assert read(stream[:at], stream[at:]) == EVENTS


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 200)), st.sampled_from([b"\n", b"\r\n"]))
def test_any_data_torn_anywhere_arrives_whole(data: list[bytes], cuts: list[int], end: bytes) -> None:
    events = [each.replace(b"\n", b"").replace(b"\r", b"") for each in data]
    stream = b"".join(b"data: " + event + end + end for event in events)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert read(*(stream[start:stop] for start, stop in pairwise(places))) == events


def test_an_event_is_given_as_soon_as_it_is_complete_and_not_before() -> None:
    reader = EventReader()
    assert reader.feed(b"data: one\n") == []
    assert reader.feed(b"\ndata: tw") == [b"one"]
    assert reader.feed(b"o\n\n") == [b"two"]


@pytest.mark.parametrize(
    "noise", [b": comment\n\n", b"\n\n\n", b"event: error\n\n", b"retry: 10\n\n", b"database: x\n\n"]
)
def test_what_carries_no_data_is_no_event(noise: bytes) -> None:
    assert read(noise, b"data: x\n\n") == [b"x"]
