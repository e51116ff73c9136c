"""Every error of Supabase's library becomes one of ours; nothing of its words goes on."""

import inspect
from typing import Any, get_args

import httpx
import pytest
import supabase_auth.errors
from supabase_auth.errors import AuthApiError, AuthError, AuthRetryableError, AuthWeakPasswordError, ErrorCode

from safycore_backend.errors import ApiError, InvalidInput, NotAuthenticated, TooManyRequests
from users import auth_api
from users.errors import AuthUnavailable, InvalidCredentials, LinkNotValid, SignupRefused

WORDS = "secret words of the library"
OTHERWISE = [InvalidCredentials, NotAuthenticated, SignupRefused, LinkNotValid]
CLASSES = [
    each
    for _, each in inspect.getmembers(supabase_auth.errors, inspect.isclass)
    if issubclass(each, AuthError) and each is not AuthError
]


def made(error_class: type[AuthError]) -> AuthError:
    """One of that class, whatever it asks for."""
    fillers: dict[str, Any] = {
        "message": WORDS,
        "name": "Error",
        "status": 400,
        "code": None,
        "reasons": [],
        "original_error": OSError(),
    }
    parameters = inspect.signature(error_class.__init__).parameters
    return error_class(**{name: value for name, value in fillers.items() if name in parameters})


def mapped(error: Exception, otherwise: type[ApiError]) -> ApiError:
    with pytest.raises(ApiError) as caught, auth_api._mapped(otherwise):
        raise error
    assert caught.value.__cause__ is error
    assert WORDS not in str([caught.value.sentence, caught.value.fields, caught.value.extra])
    return caught.value


@pytest.mark.parametrize("error_class", CLASSES, ids=lambda each: each.__name__)
def test_every_class_is_mapped(error_class: type[AuthError]) -> None:
    for otherwise in OTHERWISE:
        assert 400 <= mapped(made(error_class), otherwise).status_code <= 503


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_every_code_is_mapped(code: ErrorCode) -> None:
    for otherwise in OTHERWISE:
        assert 400 <= mapped(AuthApiError(WORDS, 400, code), otherwise).status_code < 500


def test_the_codes_that_we_name_are_codes_of_the_library() -> None:
    # Newer codes of Supabase that the library's list does not have.
    newer = {"refresh_token_not_found", "refresh_token_already_used", "session_expired", "email_address_invalid"}
    assert set(auth_api._ERRORS) | set(auth_api._FIELDS) <= set(get_args(ErrorCode)) | newer


@pytest.mark.parametrize("code", ["invalid_credentials", "email_not_confirmed", "user_banned", "user_not_found"])
def test_a_refused_sign_in_has_one_answer_for_every_reason(code: ErrorCode) -> None:
    answer = mapped(AuthApiError(WORDS, 400, code), InvalidCredentials)
    assert (answer.status_code, answer.code) == (401, "invalid_credentials")


@pytest.mark.parametrize("code", ["bad_jwt", "session_not_found", "user_not_found", "user_banned", "validation_failed"])
def test_a_refused_token_has_one_answer_for_every_reason(code: ErrorCode) -> None:
    answer = mapped(AuthApiError(WORDS, 403, code), NotAuthenticated)
    assert type(answer) is NotAuthenticated


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_theirs_is_unavailable(status: int) -> None:
    for error in (AuthApiError(WORDS, status, None), AuthRetryableError(WORDS, status), httpx.ConnectError(WORDS)):
        assert isinstance(mapped(error, InvalidCredentials), AuthUnavailable)


def test_a_busy_project_is_too_many_requests() -> None:
    for error in (AuthApiError(WORDS, 429, None), AuthApiError(WORDS, 429, "over_request_rate_limit")):
        assert isinstance(mapped(error, InvalidCredentials), TooManyRequests)


def test_a_weak_password_is_named() -> None:
    answer = mapped(AuthWeakPasswordError(WORDS, 422, ["length"]), SignupRefused)
    assert isinstance(answer, InvalidInput)
    assert set(answer.fields or {}) == {"password"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"code": "same_password", "message": "…"}', "same_password"),
        ('{"code": 422, "error_code": "same_password", "msg": "…"}', "same_password"),
        ('{"code": 500, "msg": "…"}', None),
        ("<html>", None),
        ("[]", None),
        ("", None),
    ],
)
def test_both_forms_of_a_refusal_are_read(text: str, code: str | None) -> None:
    assert auth_api._code(text) == code
