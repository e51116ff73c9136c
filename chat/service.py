"""What a person can do in a conversation."""

import asyncio
import functools
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from django.conf import settings

from chat import llm, owners, records
from chat.answering import Answering
from chat.breaker import Breaker
from chat.domain import EarlierTurn, Message, Page, Send, TrainingText, Turn
from chat.errors import STORED_ERRORS, ModelError, ReplyInProgress
from chat.prompt import build_prompt
from chat.reaper import Reaper
from chat.replies import CLEARED, STOPPED, RemoteReply, Reply
from chat.store import Limits, Store
from chat.turns import Turns
from safycore_backend import metrics, tracing
from safycore_backend.carried import all_carried_through, carried_through
from safycore_backend.doors import door
from safycore_backend.errors import NotFound, TokenExpiring
from users.domain import Person
from users.profiles import profile_of

_T = TypeVar("_T")
# A reply may take this long; the token that saves it over the Data API must last a little longer.
_TOKEN_MARGIN_SECONDS = 30
_HISTORY_MESSAGES = 400
_STOP_SECONDS = 5
# A lock lives as long as somebody holds or awaits it.
_list_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


@functools.cache
def store() -> Store:
    limits = Limits(
        training_chars=settings.TRAINING_DATA_MAX_CHARS,
        history_messages=_HISTORY_MESSAGES,
        # At least one character a token comes out of the estimate in prompt.py: more than this can never fit.
        history_chars=4 * settings.HISTORY_TOKEN_BUDGET,
        replies_per_person=settings.MAX_REPLIES_PER_PERSON,
    )
    return Store(door(), limits, owners.this_process())


@functools.cache
def turns() -> Turns:
    return Turns(store(), Answering(Breaker()))


@functools.cache
def reaper() -> Reaper:
    return Reaper(store())


async def open_chat() -> None:
    """Make what requests share, on the server's event loop."""
    metrics.begin_at_zero(
        upstream=[code for code, error in STORED_ERRORS.items() if issubclass(error, ModelError)],
        replies=STORED_ERRORS,
        limits=[name for name in dir(settings) if name.startswith(("LIMIT_", "MAX_REPLIES", "MAX_DELAY_SECONDS"))],
    )
    turns()
    llm.session()
    reaper().start()


async def close_chat() -> None:
    """Give the running replies their time, save them, then let go of the model."""
    await drain()
    await reaper().stop()
    await llm.close_client()


async def drain() -> None:
    """Begin no more replies, and wait for the running ones, but no longer than DRAIN_SECONDS."""
    draining = asyncio.ensure_future(turns().drain(settings.DRAIN_SECONDS))
    # What was let in before: it begins a reply yet, which is then interrupted at once.
    await all_carried_through(_STOP_SECONDS)
    await draining


def is_full() -> bool:
    """Whether no reply can begin in this process at the moment."""
    return turns().is_full


def refuse_if_full() -> None:
    """Raises ShuttingDown or Overloaded where `send` and `regenerate` would, before anything else is looked at."""
    turns().accept()


def is_draining() -> bool:
    """Whether this process begins no more replies because it is about to end."""
    return turns().draining


def model_is_well() -> bool:
    """As far as the last requests to it tell: nothing is asked of it."""
    return turns().model_is_well


async def chosen_session(person: Person, session_id: str | None) -> str:
    """The session that was named, else the profile's default, else a new one."""
    if session_id is not None:
        return session_id
    default: str | None = (await profile_of(person))["default_session_id"]
    return default or str(uuid.uuid4())


async def send(person: Person, message: Send) -> Reply:
    """Store a message and have it answered; a repeated key gives the reply that is there already.

    Once begun it is carried through, whatever becomes of the request that asked for it.
    Raises ReplyInProgress, TooManyReplies, KeyReused, TrainingDataFull, TokenExpiring, Overloaded, ShuttingDown or a
    database's error.
    """
    return await carried_through(_send(person, message))


async def _send(person: Person, message: Send) -> Reply:
    turns().accept()
    _refuse_expiring_token(person)

    async def begin(dead_owner: str | None) -> Turn | EarlierTurn:
        return await store().begin_turn(person.claims, message, dead_owner)

    async with turns().beginning(person.id, message.session_id):
        # A repeated key is answered even while its own reply runs, which only the database can tell.
        if message.client_message_id is None:
            turns().refuse_second(person.id, message.session_id)
        with tracing.span("begin_turn"):
            begun = await _past_the_dead(person, begin)
        return _reply_of(person, begun.message) if isinstance(begun, EarlierTurn) else _answer(person, begun)


async def regenerate(person: Person, session_id: str, model: str) -> Reply:
    """Have the last message answered again; the former answers stay, as superseded.

    Raises what `send` raises, or NothingToRegenerate.
    """
    return await carried_through(_regenerate(person, session_id, model))


async def _regenerate(person: Person, session_id: str, model: str) -> Reply:
    turns().accept()
    _refuse_expiring_token(person)

    async def begin(dead_owner: str | None) -> Turn:
        return await store().regenerate(person.claims, session_id, model, dead_owner)

    async with turns().beginning(person.id, session_id):
        turns().refuse_second(person.id, session_id)
        with tracing.span("begin_turn"):
            begun = await _past_the_dead(person, begin)
        return _answer(person, begun)


async def _past_the_dead(person: Person, begin: Callable[[str | None], Awaitable[_T]]) -> _T:
    """Begin, a second time when what is in the way is a reply that is known to be made by nobody."""
    try:
        return await begin(None)
    except ReplyInProgress as error:
        if not (owners.is_dead(error.owner) or _is_forgotten(person, error)):
            raise
        return await begin(error.owner)


def _is_forgotten(person: Person, error: ReplyInProgress) -> bool:
    """Whether this process put the reply down and does not make it: the database's answer was lost on its way."""
    return error.owner == owners.this_process() and turns().find(person.id, error.message_id) is None


def _answer(person: Person, turn: Turn) -> Reply:
    sent = turn.user_message
    prompt = build_prompt(
        system=settings.SYSTEM_PROMPT,
        training_data=turn.training_data,
        history=turn.history,
        message=sent.content,
        token_budget=settings.HISTORY_TOKEN_BUDGET,
    )
    return turns().begin(
        person.claims,
        turn.message,
        prompt,
        _Listed(person, sent),
    )


@dataclass(frozen=True)
class _Listed:
    """The place of a message's session in the list; one change at a time, so that the list tells what there is."""

    person: Person
    message: Message

    async def show(self) -> None:
        async with _list_lock(self.person.id, self.message.session_id):
            await records.touch(self.person, self.message.session_id, self.message.content)

    async def hide_if_empty(self) -> None:
        await _hide_if_empty(self.person, self.message.session_id)


async def _hide_if_empty(person: Person, session_id: str) -> bool:
    """Whether the session was in the list, and is not any more."""
    async with _list_lock(person.id, session_id):
        left = await store().page(person.claims, session_id, 1, None, versions=True)
        return not left.messages and await records.delete(person, session_id)


def _list_lock(user_id: str, session_id: str) -> asyncio.Lock:
    return _list_locks.setdefault((user_id, session_id), asyncio.Lock())


def _reply_of(person: Person, message: Message) -> Reply:
    """The reply to join: live when it is made here, else as the database has it and goes on having it."""
    here = turns().find(person.id, message.id)
    return here or RemoteReply(
        message, look=lambda: store().message(person.claims, message.id), is_leaving=lambda: turns().draining
    )


def _refuse_expiring_token(person: Person) -> None:
    """Over the Data API the reply is saved with the person's own token, which must then outlive it."""
    needed = settings.GROQ_REPLY_TIMEOUT + _TOKEN_MARGIN_SECONDS
    if store().needs_token and person.claims.seconds_left() < needed:
        raise TokenExpiring


async def join(person: Person, session_id: str) -> Reply | None:
    """The running reply of a session, from its start; None when none runs."""
    message = await store().running(person.claims, session_id)
    return _reply_of(person, message) if message else None


async def stop(person: Person, session_id: str) -> None:
    """Stop the running reply, wherever it is made, and wait until it has ended; what it said so far stays."""
    message_id = await store().request_stop(person.claims, session_id)
    if message_id is None:
        return
    turns().end_early(person.id, message_id, STOPPED)
    message = await store().message(person.claims, message_id)
    if message is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await _reply_of(person, message).ended()


async def history(person: Person, session_id: str, limit: int, before: int | None, *, versions: bool = False) -> Page:
    return await store().page(person.claims, session_id, limit, before, versions=versions)


async def clear(person: Person, session_id: str) -> None:
    """Delete all that was said in a session, its training data and its record. A running reply cannot come back."""
    await carried_through(_clear(person, session_id))


async def _clear(person: Person, session_id: str) -> bool:
    # Those that run before it is cleared, and not one that begins while the database answers.
    running = turns().running_in(person.id, session_id)
    gone = await store().clear(person.claims, session_id)
    for message_id in running:
        turns().end_early(person.id, message_id, CLEARED)
    return await _hide_if_empty(person, session_id) or gone > 0


async def delete_session(person: Person, session_id: str) -> None:
    """Like `clear`; raises NotFound when there was nothing."""
    if not await carried_through(_clear(person, session_id)):
        raise NotFound


async def sessions(
    person: Person, limit: int, before: str | None, search: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of the person's sessions, each with whether a reply runs in it, and the cursor of what follows."""
    running, (found, following) = await asyncio.gather(
        store().running_sessions(person.claims), records.page(person, limit, before, search)
    )
    return [_with_replying(record, running) for record in found], following


async def rename_session(person: Person, session_id: str, title: str) -> dict[str, Any]:
    """The session as the list shows it. Raises NotFound."""
    # Asked first: the database refuses an ended session before anything is changed.
    running = await store().running_sessions(person.claims)
    return _with_replying(await records.rename(person, session_id, title), running)


def _with_replying(record: dict[str, Any], running: set[str]) -> dict[str, Any]:
    return {**record, "replying": record["session_id"] in running}


async def add_training_data(person: Person, session_id: str, content: str) -> TrainingText:
    return await store().add_training_data(person.claims, session_id, content)


async def training_data(person: Person, session_id: str) -> list[TrainingText]:
    return await store().training_data(person.claims, session_id)


async def delete_training_data(person: Person, training_id: str) -> None:
    """Raises NotFound, also for somebody else's."""
    if not await store().delete_training_data(person.claims, training_id):
        raise NotFound


def models() -> list[dict[str, Any]]:
    return [{"id": name, "default": name == settings.GROQ_MODEL} for name in settings.GROQ_MODELS]
