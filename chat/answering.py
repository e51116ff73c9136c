"""Asking the model as one should: again once where that can help, and not at all while it is known to be down."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence

import structlog

from chat import llm
from chat.breaker import Breaker
from chat.domain import Completion
from chat.errors import ModelBusy, ModelError, ModelMisconfigured, ModelTimeout, ModelUnavailable
from chat.prompt import PromptMessage
from safycore_backend import metrics, tracing

log = structlog.get_logger(__name__)
LONGEST_RETRY_AFTER = 2
_PAUSE = 0.25
_DOWN = (ModelUnavailable, ModelTimeout)


class Answering:
    """One per process: the breaker counts for everybody."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self.set_up_wrongly = False
        """What the last request to the model said: a wrong key, an address or a model that is not there."""

    @property
    def well(self) -> bool:
        """Whether the next message can be expected to be answered."""
        return not (self._breaker.is_open or self.set_up_wrongly)

    async def complete(
        self, messages: Sequence[PromptMessage], model: str, on_text: Callable[[str], None]
    ) -> Completion:
        """Like llm.complete, with one more try before the first text. Raises a ModelError."""
        asked, begun = time.perf_counter(), False

        def heard(text: str) -> None:
            nonlocal begun
            if not begun:
                begun = True
                metrics.first_token(model, time.perf_counter() - asked)
                tracing.event("first_token")
            on_text(text)

        try:
            return await self._once(messages, model, heard)
        except ModelError as error:
            pause = _pause_before_retry(error)
            if begun or pause is None:
                raise
            log.info("model_retried", code=error.code)
            await asyncio.sleep(pause)
        return await self._once(messages, model, heard)

    async def _once(self, messages: Sequence[PromptMessage], model: str, on_text: Callable[[str], None]) -> Completion:
        wait = self._breaker.remaining()
        if wait > 0:
            raise ModelUnavailable(retry_after=math.ceil(wait))
        try:
            with tracing.span("model_request", model=model):
                completion = await llm.complete(messages, model, on_text)
        except BaseException as error:
            self._note_failure(error)
            raise
        self._breaker.succeeded()
        self.set_up_wrongly = False
        metrics.breaker_open.set(0)
        return completion

    def _note_failure(self, error: BaseException) -> None:
        if isinstance(error, ModelError):
            metrics.upstream_error(error.code)
            self.set_up_wrongly = isinstance(error, ModelMisconfigured)
        if isinstance(error, _DOWN):
            self._breaker.failed()
        else:
            # Stopped, or refused for a reason of its own: that says nothing of whether the service is down.
            self._breaker.abandoned()
        metrics.breaker_open.set(self._breaker.is_open)


def _pause_before_retry(error: ModelError) -> float | None:
    """Seconds to wait before the second try; None where that would not help, or would take too long."""
    if isinstance(error, ModelBusy):
        asked = error.asked_to_wait
        return None if asked is None or asked > LONGEST_RETRY_AFTER else float(asked)
    # A model that has just used up a deadline is not given a second one.
    return _PAUSE if error.retryable and not isinstance(error, ModelTimeout) else None
