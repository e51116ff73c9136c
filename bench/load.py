"""The clients: plain connections that send prepared bytes and note when what comes back comes back.

A client library would cost more than the server does. The body is kept as it came; the first token is where the model's
word is first seen, and a reply is whole when the word is there as often as the model said it.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.errors import BenchError
from bench.model import WORD

CONNECT_SECONDS = 30
ANSWER_SECONDS = 120
LOST_PAUSE_SECONDS = 1.0
_MARK = WORD.encode()
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Times in seconds: `begun` by the monotonic clock; `first` until the first token, None without one."""

    status: int
    begun: float
    first: float | None
    seconds: float
    head: bytes
    body: bytes

    @property
    def words(self) -> int:
        return self.body.count(_MARK)

    @property
    def closes(self) -> bool:
        """Whether the connection cannot be used again."""
        return not self.status or b"connection: close" in self.head.lower()

    @property
    def ended(self) -> float:
        return self.begun + self.seconds

    @property
    def retry_after(self) -> float:
        """The seconds after which whoever was refused was told to come back."""
        _, found, rest = self.head.lower().partition(b"retry-after:")
        return float(rest.split(b"\r\n", 1)[0]) if found else LOST_PAUSE_SECONDS


LOST = Answer(0, 0.0, None, 0.0, b"", b"")


class Target(Protocol):
    """Whoever is asked for replies."""

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""

    def request(self, client: int, number: int) -> bytes:
        """The bytes of a request for a reply, of one of many clients, whose requests are numbered."""


class Connection(asyncio.Protocol):
    """One connection that is kept: one request after the other."""

    def __init__(self) -> None:
        self.answered = 0
        """How many whole answers it has brought."""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[None] | None = None
        self._forget()

    def _forget(self) -> None:
        self._received = bytearray()
        self._first: float | None = None
        self._body_at = 0
        self._length: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            # Without a length the end of the connection is the end of the body, unless chunks were promised.
            self._answer.set_exception(exc or ConnectionResetError("The connection ended before the answer did."))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._body_at and not self._head_came():
            return
        if self._first is None and self._received.find(_MARK, self._body_at) >= 0:
            self._first = time.perf_counter()
        if self._is_whole() and self._answer is not None and not self._answer.done():
            self._answer.set_result(None)

    def _head_came(self) -> bool:
        end = self._received.find(_HEAD_END)
        if end < 0:
            return False
        self._body_at = end + len(_HEAD_END)
        _, found, rest = bytes(self._received[:end]).lower().partition(b"content-length:")
        self._length = int(rest.split(b"\r\n", 1)[0]) if found else None
        return True

    def _is_whole(self) -> bool:
        if self._length is not None:
            return len(self._received) - self._body_at >= self._length
        return self._received.endswith(_LAST_CHUNK)

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed it, as it does with one that is idle for long."""
        return self._transport is not None

    @property
    def has_heard(self) -> bool:
        """Whether anything came since the last request."""
        return bool(self._received)

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for the whole answer. Raises OSError when the connection is or gets closed."""
        self._forget()
        if self._transport is None:
            raise ConnectionResetError("The connection was closed.")
        self._answer = asyncio.get_running_loop().create_future()
        begun, clock = time.perf_counter(), time.monotonic()
        self._transport.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._answer
        self.answered += 1
        seconds = time.perf_counter() - begun
        head, body = bytes(self._received[: self._body_at]), bytes(self._received[self._body_at :])
        first = None if self._first is None else self._first - begun
        return Answer(int(head.split(b" ", 2)[1]), clock, first, seconds, head, body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    except OSError as exc:
        raise BenchError(f"Nothing can be reached at port {port}: {exc}.") from exc
    return connection


@dataclass(frozen=True)
class Crowd:
    """Clients, each of whom asks again as soon as its last reply is whole.

    They share a number of replies, or go on until the last of them has been there for so many seconds. With a ramp
    they arrive one after the other, evenly over so many seconds. Refused, a client goes away for as long as it was told
    to, or for so many seconds (`pause`).
    """

    clients: int
    replies: int | None = None
    ramp: float = 0
    seconds: float | None = None
    pause: float | None = None

    def numbers(self) -> Iterator[int]:
        """One for each reply to ask for, from now on."""
        until = time.monotonic() + self.ramp + (math.inf if self.seconds is None else self.seconds)
        every = itertools.count() if self.replies is None else iter(range(self.replies))
        return itertools.takewhile(lambda _: time.monotonic() < until, every)


@dataclass(frozen=True)
class Load:
    """What many clients saw."""

    answers: Sequence[Answer]
    tokens: int

    @property
    def whole(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == 200 and answer.words == self.tokens]

    @property
    def refused(self) -> list[Answer]:
        """Those that were told to come back later."""
        return [answer for answer in self.answers if answer.status == 503 and b"retry-after:" in answer.head.lower()]

    @property
    def lost(self) -> int:
        """Neither whole nor refused as it should be."""
        return len(self.answers) - len(self.whole) - len(self.refused)

    @property
    def unanswered(self) -> int:
        """Not whole, for whatever reason: where nobody should be refused, that is no better than lost."""
        return len(self.answers) - len(self.whole)

    @property
    def first_tokens(self) -> list[float]:
        return [answer.first for answer in self.whole if answer.first is not None]

    @property
    def began(self) -> float:
        """When the first request was sent, by the monotonic clock."""
        return min((answer.begun for answer in self.answers if answer.status), default=0.0)

    @property
    def seconds(self) -> float:
        """From the first request to the last end."""
        return max((answer.ended for answer in self.answers if answer.status), default=0.0) - self.began

    @property
    def rate(self) -> float:
        """Whole replies a second."""
        return len(self.whole) / self.seconds if self.seconds else 0.0

    def checked(self, name: str) -> "Load":
        """Itself. Raises BenchError when nothing at all was answered well, which is no measurement."""
        if not self.whole:
            told = next((answer for answer in self.answers if answer.status), LOST)
            raise BenchError(f"{name} gave no whole reply; the first answer was {told.status} {told.body[:300]!r}.")
        return self


async def load(target: Target, crowd: Crowd, tokens: int) -> Load:
    """Let the crowd ask; `tokens` is the length of a whole reply."""
    numbers = crowd.numbers()
    answers: list[Answer] = []

    async def client(index: int) -> None:
        await asyncio.sleep(crowd.ramp * index / crowd.clients)
        answers.extend(await _ask_in_turn(target, index, numbers, crowd.pause))

    await asyncio.gather(*(client(index) for index in range(crowd.clients)))
    return Load(answers, tokens)


async def _ask_in_turn(target: Target, index: int, numbers: Iterator[int], pause: float | None) -> list[Answer]:
    """One client, until the numbers are used up."""
    answers: list[Answer] = []
    connection = await connect(target.port)
    for number in numbers:
        request = target.request(index, number)
        try:
            answer = await connection.ask(request)
        except TimeoutError:
            answer = LOST
            connection.close()
        except OSError:
            was_tired = connection.answered and not connection.has_heard
            answer = await _asked_anew(target, request) if was_tired else LOST
        answers.append(answer)
        if answer.status != 200:
            await asyncio.sleep(answer.retry_after if pause is None else pause)
        if answer.closes or not connection.is_open:
            connection.close()
            connection = await connect(target.port)
    connection.close()
    return answers


async def _asked_anew(target: Target, request: bytes) -> Answer:
    """As HTTP clients do where a connection that they kept turns out to be closed, by a server that was tired of it."""
    connection = await connect(target.port)
    try:
        return await connection.ask(request)
    except OSError:
        return LOST
    finally:
        connection.close()
