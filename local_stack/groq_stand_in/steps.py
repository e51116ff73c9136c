"""A streamed reply as a list of steps: a pure account of what happens, in which order."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle

from .chunks import DONE, NUL_AND_SURROGATE, Chunks, Spent
from .errors import by_status
from .reply import Reply
from .script import Script


class Mark(enum.Enum):
    """What a step can be besides bytes to send and a hold."""

    TICK = enum.auto()
    """Wait as long as a model takes for the next chunk."""
    TURN = enum.auto()
    """Let the others run, so that what was written goes out by itself."""
    STALL = enum.auto()
    """Do nothing until the client leaves."""
    CUT = enum.auto()
    """Close the connection in mid-body."""
    RESET = enum.auto()
    """The same, with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait until this name is released."""

    name: str


Step = bytes | Mark | Hold


def steps(reply: Reply, script: Script, chunks: Chunks, *, wants_usage: bool) -> Iterator[Step]:
    """The steps of a reply, as its script shapes them."""
    plain = _reply(reply, script, chunks, wants_usage=wants_usage)
    dressed = _dressed(plain, script) if script.crlf or script.comments else plain
    return _torn(dressed, script.split_bytes) if script.split_bytes else dressed


def _reply(reply: Reply, script: Script, chunks: Chunks, *, wants_usage: bool) -> Iterator[Step]:
    spent = reply.spent()
    if script.hang == "first":
        yield Mark.STALL
    yield Mark.TICK
    yield chunks.role()
    yield from _paced(map(chunks.reasoning, reply.reasoning))
    yield from _said(reply.tokens[: script.after], script.chunk, chunks)
    yield from _at_after(script, chunks)
    if script.drip_ms:
        yield from _drip(reply, chunks)
    if not script.breaks_off:
        yield from _said(reply.tokens[script.after :], script.chunk, chunks)
        yield from _ending(reply, script, chunks, spent, wants_usage=wants_usage)


def _paced(events: Iterable[bytes]) -> Iterator[Step]:
    for event in events:
        yield event
        yield Mark.TICK


def _said(tokens: list[str], per_chunk: int, chunks: Chunks) -> Iterator[Step]:
    for at in range(0, len(tokens), per_chunk):
        yield chunks.text("".join(tokens[at : at + per_chunk]))
        yield Mark.TICK


def _at_after(script: Script, chunks: Chunks) -> Iterator[Step]:
    if script.hold:
        yield Hold(script.hold)
    if script.nul:
        yield chunks.raw_text(NUL_AND_SURROGATE)
    if script.bad_json:
        yield chunks.malformed()
    if script.error_event:
        yield _error_event(script)
    for wanted, mark in (
        (script.hang == "middle", Mark.STALL),
        (script.cut, Mark.CUT),
        (script.reset, Mark.RESET),
    ):
        if wanted:
            yield mark


def _error_event(script: Script) -> bytes:
    """Groq names the event; others who speak the protocol send the bare data."""
    name = b"" if script.error_event == "bare" else b"event: error\n"
    error = by_status(500, model="", code=script.error_code)
    return name + b"data: " + error.body() + b"\n\n"


def _drip(reply: Reply, chunks: Chunks) -> Iterator[Step]:
    yield from _paced(map(chunks.text, cycle("".join(reply.tokens) or ".")))


def _ending(reply: Reply, script: Script, chunks: Chunks, spent: Spent, *, wants_usage: bool) -> Iterator[Step]:
    usage = spent.usage()
    yield chunks.finish(reply.finish_reason, usage)
    if wants_usage:
        yield chunks.usage(usage)
    if not script.no_done:
        yield DONE


def _dressed(plain: Iterator[Step], script: Script) -> Iterator[Step]:
    """Comments before and inside each event; line ends as asked."""
    for step in plain:
        event = step
        if isinstance(event, bytes):
            event = b": keep-alive\n\n: comment\n" + event if script.comments else event
            event = event.replace(b"\n", b"\r\n") if script.crlf else event
        yield event


def _torn(whole: Iterator[Step], size: int) -> Iterator[Step]:
    """Pieces of `size` bytes whatever the events are; what is left goes out before any wait."""
    pending = b""
    for step in whole:
        if isinstance(step, bytes):
            pending += step
            while len(pending) >= size:
                yield pending[:size]
                yield Mark.TURN
                pending = pending[size:]
            continue
        if step is not Mark.TICK and pending:
            yield pending
            pending = b""
        yield step
    if pending:
        yield pending
