"""Every error that a client can meet, and how it is written.

ApiError
├── InvalidInput            400 invalid_input, with fields
├── NotAuthenticated        401 not_authenticated, one body for every reason
│   └── TokenExpiring       401 token_expiring
├── NotFound                404 not_found, alike for absent and forbidden
├── Conflict                409
├── TooLarge                413 too_large
├── TooManyRequests         429 too_many_requests, with Retry-After
└── Unavailable             503 unavailable, with Retry-After
    (users/errors.py and chat/errors.py add those of their own domain)
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response

from safycore_backend import security_log
from safycore_backend.media import JSONRenderer

log = structlog.get_logger(__name__)
UNAUTHENTICATED = "Sign in to use this."


class ApiError(exceptions.APIException):
    """An error with a status, a machine code and a sentence for a person.

    `fields` maps a field's name to its sentences; `retry_after` is in seconds; `extra` goes into the body as it is.
    """

    status_code: int = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "internal_error"
    default_detail = "Something went wrong on our side. Try again in a moment."
    retry_after: int | None = None

    def __init__(
        self,
        sentence: str | None = None,
        *,
        code: str | None = None,
        fields: Mapping[str, list[str]] | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence, code)
        self.sentence = sentence or str(self.default_detail)
        self.code = code or self.default_code
        self.fields = fields
        self.extra = extra or {}
        if retry_after is not None:
            self.retry_after = retry_after


class InvalidInput(ApiError):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_input"
    default_detail = "Some of what you sent cannot be used."


class NotAuthenticated(ApiError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "not_authenticated"
    default_detail = UNAUTHENTICATED


class TokenExpiring(NotAuthenticated):
    default_code = "token_expiring"
    default_detail = "Your access token ends too soon for a reply. Renew it and send again."


class NotFound(ApiError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "not_found"
    default_detail = "There is nothing here."


class Conflict(ApiError):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "This does not fit the present state."


class TooLarge(ApiError):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The request is larger than 1000000 bytes."


class TooManyRequests(ApiError):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_requests"
    default_detail = "Too many tries. Wait a moment and try again."
    retry_after = 60


class Unavailable(ApiError):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "A service that this needs does not answer. Try again in a moment."
    retry_after = 5


# What Django and DRF raise by themselves, in our words.
_DRF_CODES: dict[type[exceptions.APIException], tuple[str, str]] = {
    exceptions.ParseError: ("invalid_json", "The request body is not valid JSON."),
    exceptions.NotAuthenticated: (NotAuthenticated.default_code, UNAUTHENTICATED),
    exceptions.AuthenticationFailed: (NotAuthenticated.default_code, UNAUTHENTICATED),
    exceptions.PermissionDenied: ("forbidden", "You may not do this."),
    exceptions.NotFound: (NotFound.default_code, str(NotFound.default_detail)),
    exceptions.MethodNotAllowed: ("method_not_allowed", "This address does not take that method."),
    exceptions.NotAcceptable: (
        "not_acceptable",
        "This address cannot answer in a media type you accept.",
    ),
    exceptions.UnsupportedMediaType: (
        "unsupported_media_type",
        "Send JSON, with Content-Type: application/json.",
    ),
}


def answer_error(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER: the one place where an error becomes an answer; None lets Django answer 500."""
    request = context["request"]
    error = as_api_error(exc)
    if error is None:
        return None
    security_log.note(exc, error.status_code, error.code, context.get("view"))
    # Whatever the view answers in when all is well: a page, YAML, a stream.
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    return Response(
        error_body(error, getattr(request, "request_id", "")),
        status=error.status_code,
        headers=error_headers(error),
    )


def as_api_error(exc: Exception) -> ApiError | None:
    """The error as one of ours, or None when nobody foresaw it."""
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, exceptions.ValidationError):
        return InvalidInput(fields=_sentences(exc.detail))
    if isinstance(exc, exceptions.APIException):
        code, sentence = _DRF_CODES.get(type(exc), (str(exc.default_code), str(exc.default_detail)))
        error = ApiError(sentence, code=code)
        error.status_code = exc.status_code
        return error
    return None


def _sentences(detail: Any) -> dict[str, list[str]]:
    if not isinstance(detail, Mapping):
        return {"body": ["Send a JSON object."]}
    return {
        "body" if name == "non_field_errors" else str(name): [str(each) for each in _flat(value)]
        for name, value in detail.items()
    }


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [each for nested in value.values() for each in _flat(nested)]
    if isinstance(value, list):
        return [each for nested in value for each in _flat(nested)]
    return [value]


def error_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """`{error, code, request_id}`, with `fields` for validation."""
    body: dict[str, Any] = {
        "error": error.sentence,
        "code": error.code,
        "request_id": request_id,
        **error.extra,
    }
    if error.fields:
        body["fields"] = dict(error.fields)
    return body


def error_headers(error: ApiError) -> dict[str, str]:
    headers = {}
    if error.status_code == status.HTTP_401_UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def error_answer(request: HttpRequest, error: ApiError) -> JsonResponse:
    """For what is no view of DRF's."""
    request_id = getattr(request, "request_id", "")
    return JsonResponse(
        error_body(error, request_id),
        status=error.status_code,
        headers={**error_headers(error), "X-Request-ID": request_id},
    )


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler404."""
    return error_answer(request, NotFound())


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler400, for what its own checks refuse (a forged Host, a suspicious path)."""
    return error_answer(request, InvalidInput("This request cannot be read.", code="bad_request"))


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500: the log has the cause, the client gets the request id to ask with."""
    return error_answer(request, ApiError())
