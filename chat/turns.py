"""The replies that this process makes.

A reply is made by a task of its own, not by a request: whoever reads it can leave and join. It is saved while it grows
and ended once, and nobody is told that it ended before the database has it.
"""

import asyncio
import dataclasses
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from weakref import WeakValueDictionary

import structlog
from django.conf import settings

from chat import budget
from chat.admission import Admission
from chat.answering import Answering
from chat.domain import Checkpoint, Message, Outcome
from chat.errors import ModelBroken, ModelError, NotSaved, Overloaded, ProcessLost, ReplyInProgress, ShuttingDown
from chat.pauses import Pauses
from chat.prompt import PromptMessage
from chat.replies import CLEARED, STOPPED, Reply
from chat.store import Store
from safycore_backend import metrics, tracing
from safycore_backend.database import Claims, DatabaseUnavailable
from safycore_backend.errors import ApiError
from safycore_backend.log_context import about_turn

log = structlog.get_logger(__name__)
# Shorter than the lease in the database: whoever still tries to save is not yet taken for dead.
SAVE_SECONDS = 30.0
# A process that is stopping has whoever stops it waiting.
SAVE_SECONDS_AT_CLOSE = 8.0
MAX_REPLY_CHARS = 1_000_000
LISTING_SECONDS = 2.0
# A list that is read while the model is thinking has the session.
LISTED_WITHIN_SECONDS = 0.05
_NOT_SAVED = Outcome("error", error=NotSaved.default_code)
_SHUTTING_DOWN = Outcome("interrupted", error=ShuttingDown.default_code)
_TOO_LONG = Outcome("interrupted", error=ModelBroken.default_code)


@dataclasses.dataclass(eq=False)
class Making:
    """A reply in the making: whose, the task that asks the model, and why it was ended early, if it was."""

    reply: Reply
    claims: Claims
    model: str
    prompt: Sequence[PromptMessage]
    ended_early: Outcome | None = None
    generation: asyncio.Task[Outcome] | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Whose it is, and in which session."""
        return self.claims.user_id, self.reply.session_id

    def hear(self, piece: str) -> None:
        """Text from the model."""
        self.reply.append(piece)
        if self.reply.length > MAX_REPLY_CHARS:
            self.end_early(_TOO_LONG)

    def end_early(self, outcome: Outcome) -> None:
        """Close the request to the model; the first reason counts."""
        if self.ended_early is None and self.generation is not None:
            self.ended_early = outcome
            self.generation.cancel()


class Listing(Protocol):
    """A session's place in its owner's list."""

    async def show(self) -> None:
        """Put it at the top."""

    async def hide_if_empty(self) -> None:
        """Take it out when nothing is left of the session."""


class Turns:
    """Every reply that this process makes now, by the id of its message."""

    def __init__(self, store: Store, answering: Answering) -> None:
        self._store = store
        self._answering = answering
        self._making: dict[str, Making] = {}
        self._in_session: dict[tuple[str, str], list[Making]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._let_in = 0
        self._until_checkpoints = Pauses()
        self._draining: asyncio.Task[None] | None = None
        self._save_until = math.inf
        self._beginning: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        # Those that wait for the database count: many that come in one moment would pass together, and wait there.
        self._admission = Admission(lambda: len(self._tasks) + self._let_in, store.delay)

    @property
    def running(self) -> int:
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        """Whether `accept` would refuse."""
        return self._draining is not None or self._admission.reached() is not None

    def accept(self) -> None:
        """Whether a reply can begin in this process; raises ShuttingDown or Overloaded. `beginning` takes the place."""
        if self._draining is not None:
            raise ShuttingDown
        reached = self._admission.reached()
        if reached is not None:
            metrics.limit_reached(reached)
            raise Overloaded

    @asynccontextmanager
    async def beginning(self, user_id: str, session_id: str) -> AsyncIterator[None]:
        """Held while a reply is put down and begun: one at a time in a session, so that each knows what runs there.

        It also keeps those who wait for each other in the database from taking all of its connections.
        Raises DatabaseUnavailable when those before take half as long as the database may, which is yet to be asked.
        """
        lock = self._beginning.setdefault((user_id, session_id), asyncio.Lock())
        self._let_in += 1
        try:
            await _acquired(lock, settings.SUPABASE_DB_TIMEOUT / 2)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._let_in -= 1

    def refuse_second(self, user_id: str, session_id: str) -> None:
        """Raises ReplyInProgress when one is made here for that session."""
        # The database knows too, unless it was away for so long that it takes this process for dead.
        for making in self._of(user_id, session_id):
            raise ReplyInProgress(making.reply.message_id)

    def begin(
        self,
        claims: Claims,
        message: Message,
        prompt: Sequence[PromptMessage],
        listing: Listing,
    ) -> Reply:
        """Start to make a reply whose row is stored; its session's place in the list is seen to before it ends."""
        making = Making(Reply(message), claims, message.model or settings.GROQ_MODEL, prompt)
        self._add(making)
        about_turn(message.id)
        task = asyncio.create_task(self._make(making, listing))
        self._tasks.add(task)
        metrics.replies_running.set(len(self._tasks))
        task.add_done_callback(self._made)
        return making.reply

    def _made(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        metrics.replies_running.set(len(self._tasks))

    def find(self, user_id: str, message_id: str) -> Reply | None:
        """A person's running reply, when it is made here."""
        making = self._making.get(message_id)
        return making.reply if making and making.claims.user_id == user_id else None

    def running_in(self, user_id: str, session_id: str) -> list[str]:
        """The message ids of what is made here for a person's session."""
        return [making.reply.message_id for making in self._of(user_id, session_id)]

    def end_early(self, user_id: str, message_id: str, outcome: Outcome) -> None:
        """End a person's reply, when it is made here."""
        making = self._making.get(message_id)
        if making and making.claims.user_id == user_id:
            making.end_early(outcome)

    @property
    def model_is_well(self) -> bool:
        """As far as the last requests to it tell."""
        return self._answering.well

    @property
    def draining(self) -> bool:
        return self._draining is not None

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, give what runs so many seconds, then interrupt and save it. A second call waits along."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(seconds))
        await asyncio.shield(self._draining)

    async def _drain(self, seconds: float) -> None:
        log.info("draining", replies=len(self._tasks))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        loop = asyncio.get_running_loop()
        self._save_until = loop.time() + SAVE_SECONDS_AT_CLOSE
        for making in list(self._making.values()):
            making.end_early(_SHUTTING_DOWN)
        # One that was let in before may still begin; it is interrupted as it does.
        while self._tasks and loop.time() < self._save_until + LISTING_SECONDS:
            await asyncio.wait(self._tasks, timeout=LISTING_SECONDS)

    def _add(self, making: Making) -> None:
        self._making[making.reply.message_id] = making
        self._in_session.setdefault(making.place, []).append(making)

    def _remove(self, making: Making) -> None:
        del self._making[making.reply.message_id]
        others = self._in_session[making.place]
        others.remove(making)
        if not others:
            del self._in_session[making.place]

    def _of(self, user_id: str, session_id: str) -> list[Making]:
        return list(self._in_session.get((user_id, session_id), ()))

    async def _make(self, making: Making, listing: Listing) -> None:
        making.generation = asyncio.create_task(self._generate(making))
        if self._draining is not None:
            making.end_early(_SHUTTING_DOWN)
        checkpoints = asyncio.create_task(self._checkpoint(making))
        showing = asyncio.create_task(_tried(lambda: _shown(listing, making.reply), making))
        outcome = _NOT_SAVED
        try:
            await _end_of(making.generation)
            # Checkpoints go on until the end is saved: without them a reply that waits for the database looks dead.
            ended = _outcome(making)
            counting = asyncio.create_task(_tried(lambda: _count(making, ended), making))
            with tracing.span("finish"), metrics.finish_seconds.time():
                outcome = await self._saved(making, ended)
            # One that is under way changes nothing any more.
            checkpoints.cancel()
            # The list is in another database: it may be late, but must not keep what is saved from its readers.
            await asyncio.wait([showing, checkpoints, counting], timeout=LISTING_SECONDS)
            if outcome is CLEARED:
                await _tried(listing.hide_if_empty, making)
        finally:
            checkpoints.cancel()  # where it was not, yet
            self._remove(making)
            metrics.reply_ended(outcome.status, outcome.error)
            making.reply.end(outcome)

    async def _generate(self, making: Making) -> Outcome:
        reply = making.reply

        def heard(piece: str) -> None:
            making.hear(piece)
            # With many replies the event loop comes round late, and all of them wait for the database.
            self._store.look()

        try:
            completion = await self._answering.complete(making.prompt, making.model, heard)
        except ModelError as error:
            log.warning("model_failed", code=error.code)
            return Outcome("interrupted" if reply.text else "error", error=error.code, retry_after=error.retry_after)
        if not reply.text:
            return Outcome("error", completion.finish_reason, completion.usage, error=ModelBroken.default_code)
        return Outcome("complete", completion.finish_reason, completion.usage)

    async def _checkpoint(self, making: Making) -> None:
        """Save what there is, in short intervals until cancelled, and end what nobody wants any more."""
        saved_at = begun = time.perf_counter()
        while True:
            # From the beginning of one to that of the next; but none is hurried after one that took very long.
            pause = settings.CHECKPOINT_SECONDS - (time.perf_counter() - begun)
            await self._until_checkpoints.over(max(pause, settings.CHECKPOINT_SECONDS / 2))
            begun = time.perf_counter()
            state = await self._saved_so_far(making)
            metrics.checkpoint_lag_seconds.observe(time.perf_counter() - saved_at)
            if state is None:
                continue
            saved_at = time.perf_counter()
            if not state.running:
                making.end_early(CLEARED)
            elif state.stop_requested:
                making.end_early(STOPPED)

    async def _saved_so_far(self, making: Making) -> Checkpoint | None:
        """What the database says of the reply; None when it could not be saved, which the next try may mend."""
        reply = making.reply
        try:
            with tracing.span("checkpoint"), metrics.checkpoint_seconds.time():
                return await self._store.checkpoint(making.claims, reply.message_id, reply.text)
        except Exception as error:  # noqa: BLE001  # whatever it is
            metrics.checkpoint_failures.inc()
            log.warning("checkpoint_failed", reason=_name(error))
            return None

    async def _saved(self, making: Making, outcome: Outcome) -> Outcome:
        """The outcome once the database has it. What cannot be saved is never called complete."""
        clock = asyncio.get_running_loop().time
        give_up, pause = clock() + SAVE_SECONDS, 0.1
        while clock() < min(give_up, self._save_until):
            try:
                status = await self._store.finish(making.claims, making.reply.message_id, making.reply.text, outcome)
                return _as_stored(outcome, status)
            except Exception as error:  # noqa: BLE001  # its readers wait: they must hear of an end, whatever happens
                log.warning("save_failed", reason=_name(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)
        return _NOT_SAVED


def _end_of(task: asyncio.Task[Any]) -> asyncio.Future[None]:
    """Done when the task is, however it ended. What asyncio.wait keeps meanwhile is a good part of a running reply."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def say_so(_: asyncio.Task[Any]) -> None:
        if not ended.cancelled():
            ended.set_result(None)

    task.add_done_callback(say_so)
    return ended


def _name(error: Exception) -> str:
    return error.code if isinstance(error, ApiError) else type(error).__name__


def _as_stored(outcome: Outcome, status: str | None) -> Outcome:
    """What the row says in the end: gone, as we ended it, or ended by somebody who took this process for dead."""
    if status is None:
        return CLEARED
    return outcome if status == outcome.status else Outcome("interrupted", error=ProcessLost.default_code)


async def _acquired(lock: asyncio.Lock, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await lock.acquire()
    except TimeoutError as exc:
        raise DatabaseUnavailable from exc


async def _shown(listing: Listing, reply: Reply) -> None:
    """Put its session at the top of the list, after the first text: nobody who waits for that waits for the list."""
    await reply.changed(0, LISTED_WITHIN_SECONDS)
    await listing.show()


async def _tried(work: Callable[[], Awaitable[None]], making: Making) -> None:
    try:
        await work()
    except Exception:
        # Neither the list of sessions nor what a reply has cost is worth the reply.
        log.exception("side_work_failed")


async def _count(making: Making, outcome: Outcome) -> None:
    """Once for each reply, where it is made, whatever becomes of it and whoever reads it."""
    counted = budget.counted(outcome.usage or {})
    if counted is not None:
        metrics.tokens_used(making.model, *counted)
    amount = budget.spent(outcome, making.prompt, making.reply.text)
    await budget.spend(making.claims.user_id, amount)


def _outcome(making: Making) -> Outcome:
    generation = making.generation
    if generation is None or generation.cancelled():
        return making.ended_early or _SHUTTING_DOWN
    fault = generation.exception()
    if fault is not None:
        log.error("reply_failed", exc_info=fault)
        return Outcome("interrupted" if making.reply.text else "error", error="internal_error")
    return generation.result()
