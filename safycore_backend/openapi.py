"""What the OpenAPI document says beyond what the views say by themselves."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from safycore_backend.errors import ApiError
from safycore_backend.headers import REFERENCE_POLICY
from safycore_backend.media import JSONRenderer

EXAMPLE_ID = "7b0e6c1e-5f0c-4d6f-9a53-0a2f6a3d9c11"
_EXAMPLE_REQUEST_ID = "b02c0f9e1d7c4d34ae05e400770c6692"
_MEANING = {
    400: "Something of what was sent cannot be used; `fields` says what.",
    401: "No token, or none that is good any more.",
    403: "Refused.",
    404: "There is nothing here, or nothing of yours.",
    409: "Another reply is running in this session.",
    413: "The request is too large.",
    422: "The same key came with another body before.",
    429: "Too many tries; Retry-After says how many seconds to wait.",
    502: "The model's answer cannot be used.",
    503: "A service behind this does not answer; Retry-After says when to try again.",
    504: "The model did not answer in time.",
}
# What single errors say beside their sentence, code and request.
_MORE: dict[str, dict[str, Any]] = {
    "invalid_input": {"fields": {"message": ["This field is required."]}},
    "reply_in_progress": {"message_id": EXAMPLE_ID},
}


class MessageAnswer(serializers.Serializer[Any]):
    message = serializers.CharField(help_text="A sentence for a person.")


class ErrorAnswer(serializers.Serializer[Any]):
    error = serializers.CharField(help_text="A sentence for a person.")
    code = serializers.CharField(help_text="For machines.")
    request_id = serializers.CharField(help_text="Also in the header X-Request-ID, and in the log.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the contract's name
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="With `invalid_input`: what is wrong, by the name of the field.",
    )
    message_id = serializers.UUIDField(required=False, help_text="With `reply_in_progress`: the running reply.")


def errors(*kinds: type[ApiError], told_by: type[ErrorAnswer] = ErrorAnswer) -> dict[tuple[int, str], OpenApiResponse]:
    """The error answers of an operation, with an example of each kind; JSON, whatever else it answers in."""
    by_status: dict[int, list[OpenApiExample]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status_code, []).append(example(kind.default_code, _error_body(kind)))
    return {
        (status, JSONRenderer.media_type): OpenApiResponse(told_by, _MEANING[status], examples)
        for status, examples in sorted(by_status.items())
    }


def _error_body(kind: type[ApiError]) -> dict[str, Any]:
    body = {"error": str(kind.default_detail), "code": kind.default_code, "request_id": _EXAMPLE_REQUEST_ID}
    return body | _MORE.get(kind.default_code, {})


def said(sentence: str) -> OpenApiResponse:
    """An answer that is a sentence."""
    return OpenApiResponse(MessageAnswer, "Done.", [example("done", {"message": sentence})])


def example(name: str, value: Any, **options: Any) -> OpenApiExample:
    return OpenApiExample(name, value, **options)


class SupabaseScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its own registration
    target_class = "users.authentication.SupabaseAuthentication"
    name = "supabase"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of signing up, signing in or renewing; or of the same Supabase project.",
        }


class ReferenceView(SpectacularSwaggerSplitView):
    """The document as a page to try calls on: its start is a file of its own, so that no script stands in the page."""

    template_name = "reference.html"
    url_name = "schema"
    url_self = "/api/docs/"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.headers["Content-Security-Policy"] = REFERENCE_POLICY
        return response
