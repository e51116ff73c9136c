"""A reply as its readers see it: text that grows, then an outcome."""

import asyncio
from collections.abc import Awaitable, Callable

from chat.domain import FinalStatus, Message, Outcome
from chat.errors import ShuttingDown
from safycore_backend.database import DatabaseUnavailable
from safycore_backend.errors import ApiError

REMOTE_POLL_SECONDS = 0.4
# So many pieces are kept apart, and one more for so many characters.
_PIECES = 16
_CHARS_PER_PIECE = 2_048
# As long as the process that makes the reply tries to save it.
REMOTE_PATIENCE_SECONDS = 30.0


class Reply:
    """A reply that this process makes, or one that has ended. Readers come and go, each at a pace of its own."""

    def __init__(self, message: Message) -> None:
        self.message_id = message.id
        self.session_id = message.session_id
        self.outcome = stored_outcome(message)
        self.length = len(message.content)
        """Of the text so far, in characters."""
        self._pieces: list[str] = [message.content]
        self._waiting: list[asyncio.Future[bool]] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)
        # Small strings take many times their text; with the text grows how seldom all of it is copied.
        if len(self._pieces) > _PIECES + self.length // _CHARS_PER_PIECE:
            self._pieces = [self.text]
        self._wake()

    def end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._wake()

    def since(self, position: int) -> tuple[str, int]:
        """The text behind a position, and the position behind that text. A position counts characters."""
        missing, last = self.length - position, len(self._pieces)
        behind = 0
        while behind < missing:
            last -= 1
            behind += len(self._pieces[last])
        return "".join(self._pieces[last:])[behind - missing :], self.length

    async def changed(self, position: int, timeout: float | None = None) -> bool:
        """Wait for text behind the position, or for the end; False when the time, in seconds, ran out first."""
        while self.length == position and self.outcome is None:
            if not await self._wait(timeout):
                return False
        return True

    async def ended(self) -> Outcome:
        while self.outcome is None:
            await self._wait(None)
        return self.outcome

    async def _wait(self, timeout: float | None) -> bool:
        """Until something changes; False when nothing did in time."""
        # Once per piece and reader: a future and a timer by hand take a third of what asyncio.timeout does.
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(woken)
        timer = loop.call_later(timeout, self._give_up, woken) if timeout is not None else None
        try:
            return await woken
        finally:
            if timer is not None:
                timer.cancel()
            self._forget(woken)

    def _give_up(self, woken: asyncio.Future[bool]) -> None:
        if not woken.done():
            woken.set_result(False)

    def _forget(self, woken: asyncio.Future[bool]) -> None:
        if woken in self._waiting:
            self._waiting.remove(woken)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for woken in waiting:
            if not woken.done():
                woken.set_result(True)


class RemoteReply(Reply):
    """A reply that another process makes: its readers look into the database for what is new.

    `look` returns the row as it is now, or None when it is gone. A reply outlives a failure of the database, and so do
    its readers, for half a minute; after that, and after any other error, it is interrupted for them, with that code.
    """

    def __init__(
        self,
        message: Message,
        *,
        look: Callable[[], Awaitable[Message | None]],
        is_leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(message)
        self._look = look
        self._is_leaving = is_leaving
        self._seen_at = asyncio.get_running_loop().time()

    async def changed(self, position: int, timeout: float | None = None) -> bool:
        try:
            async with asyncio.timeout(timeout):
                return await super().changed(position)
        except TimeoutError:
            return False

    async def _wait(self, timeout: float | None) -> bool:
        await asyncio.sleep(REMOTE_POLL_SECONDS)
        await self._look_again()
        return True

    async def _look_again(self) -> None:
        if self._is_leaving():
            # The reply goes on elsewhere; this process, and with it this reader, does not.
            self.end(Outcome("interrupted", error=ShuttingDown.default_code))
            return
        try:
            message = await self._look()
        except ApiError as error:
            if self._is_final(error):
                self.end(Outcome("interrupted", error=error.code))
            return
        self._seen_at = asyncio.get_running_loop().time()
        self._take(message)

    def _is_final(self, error: ApiError) -> bool:
        unseen = asyncio.get_running_loop().time() - self._seen_at
        return not isinstance(error, DatabaseUnavailable) or unseen > REMOTE_PATIENCE_SECONDS

    def _take(self, message: Message | None) -> None:
        if message is None:
            self.end(CLEARED)
            return
        if len(message.content) > self.length:
            self.append(message.content[self.length :])
        outcome = stored_outcome(message)
        if outcome is not None:
            self.end(outcome)


STOPPED = Outcome("stopped")
CLEARED = Outcome("stopped", error="cleared")


def stored_outcome(message: Message) -> Outcome | None:
    """How a stored reply ended; None while it runs."""
    if message.status in {"sent", "streaming"}:
        return None
    status: FinalStatus = message.status  # type: ignore[assignment]  # the two others were just ruled out
    return Outcome(status, message.finish_reason, message.usage, message.error_code)
