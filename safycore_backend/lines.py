"""The pool's connections while they are in use: each carries one transaction, and the next as soon as that is answered.

To take a connection from the pool and give it back for each transaction takes three turns of the event loop. Where the
loop is busy with hundreds of replies these are long: Postgres had nothing to do, and calls waited in vain.
"""

import asyncio
import contextvars
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import structlog
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from safycore_backend.pipeline import Exchange, Statement

log = structlog.get_logger(__name__)
# The server ends a statement by itself when its time is over; one that does not say so within this is out of reach.
SILENCE_SECONDS = 0.5
# A connection that carries nothing goes back to the pool, which looks after its age and their number.
_LINGER_SECONDS = 1.0
_LONGEST_SECONDS = 60.0
_CHECK_SECONDS = 0.1
# What it takes at most to be lent a connection that the pool has is not called waiting.
_WAIT_SECONDS = 0.005
# Between two looks from within a turn of the event loop.
_LOOK_SECONDS = 0.002


@dataclass(eq=False, slots=True)
class _Call:
    exchange: Exchange
    answered: asyncio.Future[None]
    asked_at: float = field(default_factory=time.monotonic)


@dataclass
class Stats:
    """Since the start: calls, those that waited for a connection, how long these waited, and how many in vain."""

    calls: int = 0
    waits: int = 0
    wait_seconds: float = 0.0
    errors: int = 0


class Lines:
    """Carries calls over a pool's connections, in the order in which they come; those that nobody waits for give way.

    `seconds` is how long a call may wait for a connection, and how long the server may be at it.
    """

    def __init__(self, pool: AsyncConnectionPool[Any], seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds
        self._waiting: deque[_Call] = deque()
        self._giving_way: deque[_Call] = deque()
        self._lines: set[_Line] = set()
        self._idle: list[_Line] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looked_at = 0.0
        self.stats = Stats()

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._giving_way)

    @property
    def delay(self) -> float:
        """How long the first of those who wait for a connection, and do not give way, has waited, in seconds."""
        return time.monotonic() - self._waiting[0].asked_at if self._waiting else 0.0

    @property
    def idle(self) -> int:
        """Connections that are kept at hand and carry nothing."""
        return len(self._idle)

    async def carried(self, statements: Sequence[Statement], kind: Any = Any, *, gives_way: bool = False) -> Any:
        """One transaction's value (Exchange.value). Raises a psycopg.Error; PoolTimeout when no connection was free.

        Who stops waiting does not stop it. One that gives way lets all others go first, for half of its time.
        """
        call = _Call(Exchange(statements), asyncio.get_running_loop().create_future())
        self.stats.calls += 1
        if self._idle:
            self._idle.pop().carry(call)
        else:
            self._wait(call, self._giving_way if gives_way else self._waiting)
        self._watch()
        await call.answered
        return call.exchange.value(kind)

    def look(self) -> None:
        """Whether Postgres has answered meanwhile: for whatever keeps the event loop from hearing of it for long."""
        now = time.monotonic()
        if now - self._looked_at > _LOOK_SECONDS:
            self._looked_at = now
            for line in [line for line in self._lines if line.is_busy]:
                line.look()

    def let_go(self) -> None:
        """Give back the connections that carry nothing."""
        for line in list(self._idle):
            line.let_go()

    async def close(self) -> None:
        """Let what is under way come to its end."""
        self.let_go()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._seconds + SILENCE_SECONDS)

    def _wait(self, call: _Call, queue: deque[_Call]) -> None:
        queue.append(call)
        if len(self._tasks) < self._pool.max_size:
            self._take_one()

    def _waited(self, queue: deque[_Call], now: float) -> _Call:
        """The first of a queue, taken out of it."""
        call = queue.popleft()
        if now - call.asked_at > _WAIT_SECONDS:
            self.stats.waits += 1
            self.stats.wait_seconds += now - call.asked_at
        return call

    def _take_one(self) -> None:
        # It serves many, and its lines in the log are about none of them.
        task = asyncio.create_task(self._in_use(), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._given_back)

    async def _in_use(self) -> None:
        """A connection, from the pool and back to it."""
        try:
            async with self._pool.connection() as connection:
                line = _Line(connection, self._next, self._idle)
                self._lines.add(line)
                try:
                    await line.work()
                finally:
                    self._lines.discard(line)
        except PoolClosed as exc:
            for queue in (self._waiting, self._giving_way):
                while queue:
                    _fail(queue.popleft(), exc)
        except psycopg.Error:
            pass  # those who wait go on waiting, for another one, as long as they may
        except OSError as exc:
            # No descriptor is left: there may be one in a moment.
            log.warning("no_descriptor", reason=type(exc).__name__)
            await asyncio.sleep(_CHECK_SECONDS)

    def _given_back(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self.waiting:
            self._take_one()

    def _next(self) -> _Call | None:
        """The first of those who still wait."""
        now = time.monotonic()
        while (queue := self._queue(now)) is not None:
            call = self._waited(queue, now)
            if not call.answered.done():
                return call
        return None

    def _queue(self, now: float) -> deque[_Call] | None:
        given_way = self._giving_way and now - self._giving_way[0].asked_at > self._seconds / 2
        if self._waiting and not given_way:
            return self._waiting
        return self._giving_way or None

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(
                _CHECK_SECONDS, self._check, context=contextvars.Context()
            )

    def _check(self) -> None:
        """Hang up where the server is silent, refuse who has waited too long, give back what is not needed."""
        self._timer = None
        now = time.monotonic()
        for line in list(self._lines):
            # Nobody may have had the time to look, and what waits could go on its way.
            line.look()
            line.check(now, self._seconds + SILENCE_SECONDS)
        for queue in (self._waiting, self._giving_way):
            while queue and now - queue[0].asked_at > self._seconds:
                self._refuse(self._waited(queue, now))
        if self._tasks:
            self._watch()

    def _refuse(self, call: _Call) -> None:
        if not call.answered.done():
            self.stats.errors += 1
            _fail(call, PoolTimeout("no connection was free"))


class _Line:
    """A connection that is lent by the pool; without a call it stands among the idle ones."""

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], following: Callable[[], _Call | None], idle: "list[_Line]"
    ) -> None:
        self._pgconn = connection.pgconn
        self._following = following
        self._idle = idle
        self._call: _Call | None = None
        self._lent_at = self._since = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._socket = _socket_of(self._pgconn)
        self._ended: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_busy(self) -> bool:
        return self._call is not None

    async def work(self) -> None:
        """Carry what waits, and what comes, until let go of or lost."""
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self.look)
        try:
            self._go_on()
            await self._ended
        finally:
            self._leave()

    def carry(self, call: _Call) -> None:
        self._call, self._since = call, time.monotonic()
        try:
            call.exchange.send(self._pgconn)
            if self._pgconn.flush():
                self._loop.add_writer(self._socket, self._flush)
        except psycopg.Error as exc:
            self._lose(exc)

    def look(self) -> None:
        """Take what has arrived."""
        if self._ended.done():
            return
        try:
            self._pgconn.consume_input()
            while self._call is not None and not self._pgconn.is_busy():
                if self._call.exchange.take(self._pgconn):
                    self._finish(self._call)
        except psycopg.Error as exc:
            self._lose(exc)

    def check(self, now: float, seconds: float) -> None:
        """Hang up on a server that is silent for so long, and do not keep what carries nothing."""
        if self._call is None:
            if now - self._since > _LINGER_SECONDS:
                self.let_go()
        elif now - self._since > seconds:
            # Cancelling would not do: the server's word that it has cancelled may never come.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        if self in self._idle:
            self._idle.remove(self)
        if not self._ended.done():
            self._ended.set_result(None)

    def _flush(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as exc:
            self._lose(exc)

    def _finish(self, call: _Call) -> None:
        if not call.answered.done():
            call.answered.set_result(None)
        self._go_on()

    def _go_on(self) -> None:
        self._call, self._since = None, time.monotonic()
        if self._since - self._lent_at > _LONGEST_SECONDS:
            self.let_go()
        elif (following := self._following()) is None:
            self._idle.append(self)
        else:
            self.carry(following)

    def _lose(self, exc: psycopg.Error) -> None:
        """The connection cannot be used any more."""
        call, self._call = self._call, None
        self._forget_socket()
        self._pgconn.finish()
        if call is not None:
            _fail(call, exc)
        self.let_go()

    def _leave(self) -> None:
        if self._call is not None:
            # Only where the task is cancelled: its answer is still to come.
            self._lose(psycopg.OperationalError("the connection was given up"))
        self._forget_socket()
        self._socket.close()
        if self._pgconn.status == ConnStatus.OK:
            self._pgconn.exit_pipeline_mode()

    def _forget_socket(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)


def _socket_of(pgconn: PGconn) -> socket.socket:
    """A descriptor of our own for libpq's socket, which libpq closes at a moment of its choice. Raises OSError."""
    copied = os.dup(pgconn.socket)
    try:
        return socket.socket(fileno=copied)
    except OSError:
        os.close(copied)
        raise


def _fail(call: _Call, exc: psycopg.Error) -> None:
    if not call.answered.done():
        call.answered.set_exception(exc)
