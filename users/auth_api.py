"""Supabase Auth: the only module that signs people up, in and out. Its errors stop here.

Each call makes its own client, so that nobody's session can be carried into another call.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec
import structlog
import supabase_auth.errors
from django.conf import settings
from supabase_auth.errors import ErrorCode
from supabase_auth.types import AuthResponse

from safycore_backend.errors import ApiError, InvalidInput, NotAuthenticated, TooManyRequests
from safycore_backend.supabase_client import get_supabase_client, shared_http
from users.domain import SignedIn
from users.errors import (
    AuthUnavailable,
    InvalidCredentials,
    LinkNotValid,
    MailRefused,
    ReauthenticationNeeded,
    SignupClosed,
    SignupRefused,
)

log = structlog.get_logger(__name__)
# An error that only an address with an account, or only one without, can lead to: nobody outside may see it.
_MAIL_FAILED = re.compile(r"error sending .*mail", re.IGNORECASE)
_WEAK = "This password is too weak. Choose a longer one that is not easily guessed."
_ERRORS: dict[str, type[ApiError]] = {
    "user_already_exists": SignupRefused,
    "email_exists": SignupRefused,
    "signup_disabled": SignupClosed,
    "email_provider_disabled": SignupClosed,
    "over_request_rate_limit": TooManyRequests,
    "over_email_send_rate_limit": MailRefused,
    "otp_expired": LinkNotValid,
    "otp_disabled": LinkNotValid,
    "reauthentication_needed": ReauthenticationNeeded,
    "reauthentication_not_valid": ReauthenticationNeeded,
    "refresh_token_not_found": NotAuthenticated,
    "refresh_token_already_used": NotAuthenticated,
    "session_not_found": NotAuthenticated,
    "session_expired": NotAuthenticated,
    "bad_jwt": NotAuthenticated,
    "no_authorization": NotAuthenticated,
}
_FIELDS = {
    "same_password": {"new_password": ["This is the password you have already."]},
    "weak_password": {"new_password": [_WEAK]},
    "email_address_invalid": {"email": ["This address cannot be used."]},
}


async def sign_up(email: str, password: str) -> SignedIn:
    """A new account, or where the project asks for confirmation of the address: nothing that tells if it was known."""
    waiting = SignedIn(user_id=None, email=email)
    try:
        with _mapped(SignupRefused):
            answer = await get_supabase_client().auth.sign_up(
                {
                    "email": email,
                    "password": password,
                    "options": {"email_redirect_to": f"{settings.SITE_URL}/"},
                }
            )
    except MailRefused:
        # Above all for an address that has just had its mail: a refusal would tell that somebody signed up with it.
        log.warning("confirmation_mail_refused")
        return waiting
    # Supabase makes an id up for a known address, so none is given on.
    return _signed_in(answer, email) if answer.session else waiting


async def sign_in(email: str, password: str) -> SignedIn:
    """Raises InvalidCredentials for every reason there can be."""
    with _mapped(InvalidCredentials):
        answer = await get_supabase_client().auth.sign_in_with_password({"email": email, "password": password})
    return _signed_in(answer, email)


async def refresh(refresh_token: str) -> SignedIn:
    """A new pair; raises NotAuthenticated when the refresh token is not good any more."""
    with _mapped(NotAuthenticated):
        answer = await get_supabase_client().auth.refresh_session(refresh_token)
    return _signed_in(answer, "")


async def sign_out(access_token: str, scope: str) -> None:
    """End this session (`local`), all the others (`others`) or every one (`global`). Ended already is fine."""
    try:
        with _mapped(NotAuthenticated):
            await get_supabase_client().auth.admin.sign_out(access_token, scope)  # type: ignore[arg-type]  # a Literal
    except NotAuthenticated:
        log.info("sign_out_of_ended_session")


async def confirm_token(access_token: str) -> None:
    """Ask Supabase whether a token is good; raises NotAuthenticated or AuthUnavailable."""
    with _mapped(NotAuthenticated):
        await get_supabase_client().auth.get_user(access_token)


async def send_reset_mail(email: str) -> None:
    """Mail a link to a known address. Says nothing of whether it was one: what Supabase answers is told to the log.

    Raises AuthUnavailable when nobody was there to be asked, which no address has to do with.
    """
    try:
        with _mapped(AuthUnavailable):
            await get_supabase_client().auth.reset_password_for_email(
                email, {"redirect_to": f"{settings.SITE_URL}/reset-password"}
            )
    except ApiError as error:
        log.warning("reset_mail_refused", code=error.code)
        if not _reached(error):
            raise


def _reached(error: BaseException) -> bool:
    """Whether there was a connection: what fails on it may have begun with the address that was asked about."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return not any(isinstance(each, httpx.ConnectError | httpx.ConnectTimeout) for each in causes)


async def open_recovery_session(token_hash: str) -> SignedIn:
    """The session behind the link of a reset mail, which works once; raises LinkNotValid."""
    with _mapped(LinkNotValid):
        answer = await get_supabase_client().auth.verify_otp({"token_hash": token_hash, "type": "recovery"})
    return _signed_in(answer, "")


async def set_password(access_token: str, password: str) -> None:
    """Raises InvalidInput for a password that the project does not take.

    Not through the library's `update_user`: that wants a client with a session, refresh token included.
    """
    with _mapped(NotAuthenticated):
        response = await shared_http().put(
            f"{settings.SUPABASE_URL}/auth/v1/user",
            json={"password": password},
            headers={
                "apikey": settings.SUPABASE_KEY,
                "Authorization": f"Bearer {access_token}",
                "X-Supabase-Api-Version": "2024-01-01",
            },
        )
        if response.is_error:
            code = _code(response.text)
            # The one thing sent is the password.
            code = "weak_password" if code == "validation_failed" else code
            raise supabase_auth.errors.AuthApiError("refused", response.status_code, code)


def _code(text: str) -> ErrorCode | None:
    """The newer form has the code in `code`; the older one has the status there, and the code in `error_code`."""
    try:
        refusal = msgspec.json.decode(text, type=_Refusal)
    except msgspec.MsgspecError:
        return None
    return refusal.code if isinstance(refusal.code, str) else refusal.error_code  # type: ignore[return-value]  # a Literal's


class _Refusal(msgspec.Struct):
    code: str | int | None = None
    error_code: str | None = None


def _signed_in(answer: AuthResponse, email: str) -> SignedIn:
    session, user = answer.session, answer.user
    return SignedIn(
        user_id=user.id if user else "",
        email=(user.email if user else None) or email,
        access_token=session.access_token if session else None,
        refresh_token=session.refresh_token if session else None,
        expires_in=session.expires_in if session else None,
    )


@contextmanager
def _mapped(otherwise: type[ApiError]) -> Iterator[None]:
    """Turn the library's errors into ours; `otherwise` stands for refusals without a code that we know."""
    try:
        yield
    except supabase_auth.errors.AuthWeakPasswordError as exc:
        raise InvalidInput(fields={"password": [_WEAK]}) from exc
    except supabase_auth.errors.AuthError as exc:
        raise _as_ours(exc, otherwise) from exc
    except httpx.HTTPError as exc:
        raise AuthUnavailable from exc


def _as_ours(exc: supabase_auth.errors.AuthError, otherwise: type[ApiError]) -> ApiError:
    status = getattr(exc, "status", None)
    if exc.code == "unexpected_failure" and _MAIL_FAILED.search(exc.message):
        return MailRefused()
    if isinstance(exc, supabase_auth.errors.AuthRetryableError | supabase_auth.errors.AuthUnknownError):
        return AuthUnavailable()
    if exc.code in _FIELDS:
        return InvalidInput(fields=_FIELDS[exc.code])
    if exc.code in _ERRORS:
        return _ERRORS[exc.code]()
    if status == 429:
        return TooManyRequests()
    return AuthUnavailable() if status is not None and status >= 500 else otherwise()
