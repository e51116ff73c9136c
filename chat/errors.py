"""What can go wrong in a turn.

ApiError
├── ReplyInProgress         409 reply_in_progress, with the running reply's message_id
├── KeyReused               422 idempotency_key_reused
├── TrainingDataFull        400 training_data_full
├── NothingToRegenerate     404 nothing_to_regenerate
├── TooManyReplies          429 too_many_replies, with Retry-After
├── TokenLimitReached       429 token_limit_reached, with Retry-After
├── Overloaded              503 overloaded, with Retry-After
├── ShuttingDown            503 shutting_down
├── ProcessLost             503 process_lost: what is told of a reply whose process died
├── NotSaved                503 not_saved: what is told of a reply that the database did not take
└── ModelError              what the model, or the way to it, did; `retryable` says whether the same may work later
    ├── ModelBusy           503 busy, with Retry-After
    ├── ModelUnavailable    503 model_unavailable
    ├── ModelTimeout        504 model_timeout
    ├── ModelBroken         502 model_broken: cut off, malformed, ended without an end
    ├── ModelMisconfigured  502 model_misconfigured
    └── ContextTooLong      400 context_too_long
"""

import random

from rest_framework import status

from safycore_backend.database import DatabaseUnavailable
from safycore_backend.errors import (
    ApiError,
    Conflict,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from safycore_backend.rate_limits import LimitReached


class ReplyInProgress(Conflict):
    default_code = "reply_in_progress"
    default_detail = "A reply is running in this session. Wait for its end, or stop it."

    def __init__(self, message_id: str, owner: str | None = None) -> None:
        super().__init__(extra={"message_id": message_id})
        self.message_id = message_id
        self.owner = owner
        """The process that makes it; never told to a client."""


class KeyReused(ApiError):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This key came with another body before. Use a new key for a new message."


class TrainingDataFull(InvalidInput):
    default_code = "training_data_full"
    default_detail = "The training data of this session would grow too large. Remove some first."


class NothingToRegenerate(NotFound):
    default_code = "nothing_to_regenerate"
    default_detail = "There is no message here yet that could be answered again."


class TooManyReplies(TooManyRequests):
    default_code = "too_many_replies"
    default_detail = "So many of your replies are running that no more can begin. Wait for one to end."
    retry_after = 5


class TokenLimitReached(LimitReached):
    default_code = "token_limit_reached"
    default_detail = "You have used up your tokens for now. Come back when they are renewed."


class Overloaded(Unavailable):
    default_code = "overloaded"
    default_detail = "More replies are running here than can be made well. Try again in a moment."

    def __init__(self) -> None:
        # Those who are refused in one moment shall not all come back in one.
        super().__init__(retry_after=random.randint(3, 7))  # noqa: S311  # nothing secret


class NotSaved(Unavailable):
    default_code = "not_saved"
    default_detail = "The reply could not be saved. Your message is kept; try again in a moment."


class ProcessLost(Unavailable):
    default_code = "process_lost"
    default_detail = "The reply was cut off by a fault of the server. Your message is kept; ask again."


class ShuttingDown(Unavailable):
    default_code = "shutting_down"
    default_detail = "The server is restarting. Try again in a moment."


class ModelError(ApiError):
    status_code: int = status.HTTP_502_BAD_GATEWAY
    default_code = "model_error"
    default_detail = "The model could not answer."
    retryable = True


class ModelBusy(ModelError):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "busy"
    default_detail = "The model is busy. Try again in a moment; your message is kept."
    retry_after = 10

    def __init__(self, *, retry_after: int | None = None) -> None:
        super().__init__(retry_after=retry_after)
        self.asked_to_wait = retry_after
        """The seconds that the model's server itself named."""


class ModelUnavailable(ModelError):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "model_unavailable"
    default_detail = "The model does not answer. Try again in a moment; your message is kept."
    retry_after = 5


class ModelTimeout(ModelError):
    status_code = status.HTTP_504_GATEWAY_TIMEOUT
    default_code = "model_timeout"
    default_detail = "The model took too long. Try again; your message is kept."


class ModelBroken(ModelError):
    default_code = "model_broken"
    default_detail = "The model's answer broke off. Try again; your message is kept."


class ModelMisconfigured(ModelError):
    default_code = "model_misconfigured"
    default_detail = "The model is not set up rightly here. Tell whoever runs this service."
    retryable = False


class ContextTooLong(ModelError):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "context_too_long"
    default_detail = "This is more text than the model can read at once. Shorten it, or start a new session."
    retryable = False


STORED_ERRORS: dict[str, type[ApiError]] = {
    error.default_code: error
    for error in (
        ModelBusy,
        ModelUnavailable,
        ModelTimeout,
        ModelBroken,
        ModelMisconfigured,
        ContextTooLong,
        ShuttingDown,
        ProcessLost,
        NotSaved,
        DatabaseUnavailable,
        NotAuthenticated,
    )
}
"""By code, for a reply that has begun: its error is told, once or again, in its stream."""
