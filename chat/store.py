"""The conversations in Supabase: the only module that names the functions of `supabase/migrations/`.

Every call acts as one person; the database's policies decide what it can touch. Absent and somebody else's look alike.
Raises DatabaseUnavailable, SessionEnded or DatabaseError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from chat.domain import Checkpoint, EarlierTurn, ExportPage, Message, Outcome, Page, Send, Status, TrainingText, Turn
from chat.errors import KeyReused, NothingToRegenerate, ReplyInProgress, TooManyReplies, TrainingDataFull
from safycore_backend import metrics
from safycore_backend.database import Claims, Door

# What is held in memory of an export: a page ends with the row that passes either.
EXPORT_ROWS = 500
EXPORT_CHARS = 500_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session's training data may hold, what history a turn brings along, and a person's replies at once."""

    training_chars: int
    history_messages: int
    history_chars: int
    replies_per_person: int


class _Running(msgspec.Struct, tag_field="outcome", tag="running"):
    """A reply that is in the way, and the process that makes it."""

    message_id: str
    owner: str | None


class _TooMany(msgspec.Struct, tag_field="outcome", tag="too_many"): ...


class _KeyReused(msgspec.Struct, tag_field="outcome", tag="key_reused"): ...


class _Absent(msgspec.Struct, tag_field="outcome", tag="absent"): ...


class _TrainingDataFull(msgspec.Struct, tag_field="outcome", tag="training_data_full"): ...


_Begun = Turn | EarlierTurn | _Running | _TooMany | _KeyReused | _Absent | _TrainingDataFull


class Store:
    def __init__(self, door: Door, limits: Limits, owner: str) -> None:
        self._door = door
        self._limits = limits
        self._owner = owner

    @property
    def needs_token(self) -> bool:
        """Whether a person's token must outlive the reply that is saved with it."""
        return self._door.needs_token

    def look(self) -> None:
        """Take what the database has answered meanwhile; for whatever keeps the event loop busy."""
        self._door.look()

    def delay(self) -> float:
        """How long calls wait now before they are made, in seconds."""
        return self._door.delay()

    async def begin_turn(self, claims: Claims, send: Send, dead_owner: str | None = None) -> Turn | EarlierTurn:
        """Store the message and the empty row of its reply, or find what the same key made before.

        A reply that `dead_owner` left in this session is interrupted first.
        Raises ReplyInProgress, TooManyReplies, KeyReused or TrainingDataFull, with nothing stored.
        """
        answer = await self._door.call(
            claims,
            "begin_turn",
            {
                "p_session_id": send.session_id,
                "p_content": send.message,
                "p_client_message_id": send.client_message_id,
                "p_request_hash": send.request_hash,
                "p_model": send.model,
                "p_training_data": send.training_data,
                "p_training_max_chars": self._limits.training_chars,
                **self._of_a_reply(dead_owner),
            },
            _Begun,
        )
        return answer if isinstance(answer, EarlierTurn) else _started(answer)

    async def regenerate(self, claims: Claims, session_id: str, model: str, dead_owner: str | None = None) -> Turn:
        """Put down another reply to the last message; the former ones stay, as superseded.

        Raises ReplyInProgress, TooManyReplies or NothingToRegenerate.
        """
        arguments = {"p_session_id": session_id, "p_model": model, **self._of_a_reply(dead_owner)}
        return _started(await self._door.call(claims, "regenerate_turn", arguments, _Begun))

    def _of_a_reply(self, dead_owner: str | None) -> dict[str, Any]:
        return {
            "p_history_max_messages": self._limits.history_messages,
            "p_history_max_chars": self._limits.history_chars,
            "p_owner": self._owner,
            "p_dead_owner": dead_owner,
            "p_max_running": self._limits.replies_per_person,
        }

    async def checkpoint(self, claims: Claims, message_id: str, content: str) -> Checkpoint:
        """Keep what there is of a running reply, and learn whether it is still wanted."""
        arguments = {"p_message_id": message_id, "p_content": content}
        state: Checkpoint = await self._door.call(claims, "checkpoint_turn", arguments, Checkpoint, gives_way=True)
        return state

    async def finish(self, claims: Claims, message_id: str, content: str, outcome: Outcome) -> Status | None:
        """End a reply, once, and return the status that its row has now: another one when it was ended otherwise.

        Asked again, it says the same. None when the row is gone.
        """
        answer = await self._door.call(
            claims,
            "finish_turn",
            {
                "p_message_id": message_id,
                "p_content": content,
                "p_status": outcome.status,
                "p_finish_reason": outcome.finish_reason,
                "p_usage": msgspec.json.encode(outcome.usage).decode() if outcome.usage else None,
                "p_error_code": outcome.error,
            },
        )
        status: Status | None = answer["status"]
        return status

    async def request_stop(self, claims: Claims, session_id: str) -> str | None:
        """Ask whichever process makes the running reply to stop; its message id, or None when none runs."""
        answer = await self._door.call(claims, "stop_turn", {"p_session_id": session_id})
        message_id: str | None = answer["message_id"]
        return message_id

    async def running(self, claims: Claims, session_id: str) -> Message | None:
        """The reply that runs in a session now, wherever it is made."""
        return await self._message(claims, "running_turn", {"p_session_id": session_id})

    async def running_sessions(self, claims: Claims) -> set[str]:
        """The person's sessions with a running reply, wherever it is made."""
        return set(await self._door.call(claims, "running_sessions", {}))

    async def message(self, claims: Claims, message_id: str) -> Message | None:
        return await self._message(claims, "get_message", {"p_message_id": message_id})

    async def _message(self, claims: Claims, function: str, arguments: dict[str, Any]) -> Message | None:
        found: Message | None = await self._door.call(claims, function, arguments, Message | None)
        return found

    async def page(
        self, claims: Claims, session_id: str, limit: int, before: int | None, *, versions: bool = False
    ) -> Page:
        """The newest `limit` messages before the cursor; with `versions`, superseded answers too."""
        arguments = {"p_session_id": session_id, "p_limit": limit, "p_before": before, "p_versions": versions}
        page: Page = await self._door.call(claims, "conversation_page", arguments, Page)
        return page

    async def clear(self, claims: Claims, session_id: str) -> int:
        """Delete a session's messages and training data, a running reply included; how many rows went."""
        answer = await self._door.call(claims, "clear_session", {"p_session_id": session_id})
        return int(answer["messages"]) + int(answer["training_data"])

    async def reap(self, is_dead: Callable[[str], bool], *, by_lease: bool) -> int:
        """Interrupt what dead processes left behind, whosever it is: how many replies. 0 where only people may call."""
        owners = await self._door.maintain("running_owners", {})
        dead = [owner for owner in owners or [] if is_dead(owner)]
        if owners is None or not (dead or by_lease):
            return 0
        return int(await self._door.maintain("reap_replies", {"p_dead_owners": dead, "p_by_lease": by_lease}))

    async def add_training_data(self, claims: Claims, session_id: str, content: str) -> TrainingText:
        """Keep a text; the same text again gives the row that is there. Raises TrainingDataFull."""
        arguments = {
            "p_session_id": session_id,
            "p_content": content,
            "p_max_chars": self._limits.training_chars,
        }
        kept: TrainingText | None = await self._door.call(claims, "add_training_data", arguments, TrainingText | None)
        if kept is None:
            raise TrainingDataFull
        return kept

    async def training_data(self, claims: Claims, session_id: str) -> list[TrainingText]:
        """Oldest first."""
        arguments = {"p_session_id": session_id}
        texts: list[TrainingText] = await self._door.call(claims, "list_training_data", arguments, list[TrainingText])
        return texts

    async def delete_training_data(self, claims: Claims, training_id: str) -> bool:
        """Whether there was such a text."""
        return bool(await self._door.call(claims, "delete_training_data", {"p_id": training_id}))

    async def export_messages(self, claims: Claims, after: str | None) -> ExportPage:
        """A person's messages in every session, superseded answers too, by session and in their order."""
        return await self._export("export_messages", claims, after)

    async def export_training_data(self, claims: Claims, after: str | None) -> ExportPage:
        """What a person's sessions are answered from, by session, oldest first."""
        return await self._export("export_training_data", claims, after)

    async def _export(self, function: str, claims: Claims, after: str | None) -> ExportPage:
        arguments = {"p_after": after, "p_limit": EXPORT_ROWS, "p_max_chars": EXPORT_CHARS}
        page: ExportPage = await self._door.call(claims, function, arguments, ExportPage)
        return page


def _started(answer: Any) -> Turn:
    """What a _Begun begins, or the error that it tells of."""
    match answer:
        case Turn():
            return answer
        case _Running(message_id, owner):
            raise ReplyInProgress(message_id, owner)
        case _TooMany():
            metrics.limit_reached("MAX_REPLIES_PER_PERSON")
            raise TooManyReplies
        case _KeyReused():
            raise KeyReused
        case _Absent():
            raise NothingToRegenerate
        case _:
            raise TrainingDataFull
