"""What the OpenAPI document says of /api/auth/*, by operation."""

from drf_spectacular.utils import extend_schema

from safycore_backend.api_description import ACCOUNTS
from safycore_backend.database import DatabaseUnavailable
from safycore_backend.errors import InvalidInput, NotAuthenticated, TooManyRequests
from safycore_backend.openapi import errors, said
from users import serializers
from users.errors import (
    AuthUnavailable,
    InvalidCredentials,
    LinkNotValid,
    ReauthenticationNeeded,
    SignupClosed,
    SignupRefused,
)

sign_up = extend_schema(
    operation_id="sign_up",
    summary="Sign up",
    tags=[ACCOUNTS],
    request=serializers.SignupRequest,
    responses={201: serializers.SignedInAnswer}
    | errors(InvalidInput, SignupRefused, SignupClosed, TooManyRequests, AuthUnavailable),
)
sign_in = extend_schema(
    operation_id="sign_in",
    summary="Sign in",
    tags=[ACCOUNTS],
    request=serializers.LoginRequest,
    responses={200: serializers.SignedInAnswer}
    | errors(InvalidInput, InvalidCredentials, TooManyRequests, AuthUnavailable),
)
renew_tokens = extend_schema(
    operation_id="renew_tokens",
    summary="Renew the tokens",
    tags=[ACCOUNTS],
    request=serializers.RefreshRequest,
    responses={200: serializers.SignedInAnswer}
    | errors(InvalidInput, NotAuthenticated, TooManyRequests, AuthUnavailable),
)
sign_out = extend_schema(
    operation_id="sign_out",
    summary="Sign out",
    tags=[ACCOUNTS],
    request=None,
    responses={200: said("Signed out.")}
    | errors(NotAuthenticated, TooManyRequests, AuthUnavailable, DatabaseUnavailable),
)
get_profile = extend_schema(
    operation_id="get_profile",
    summary="Read your profile",
    tags=[ACCOUNTS],
    responses={200: serializers.ProfileAnswer} | errors(NotAuthenticated, TooManyRequests, DatabaseUnavailable),
)
update_profile = extend_schema(
    operation_id="update_profile",
    summary="Change your profile",
    tags=[ACCOUNTS],
    request=serializers.ProfilePatch,
    responses={200: serializers.ProfileAnswer}
    | errors(InvalidInput, NotAuthenticated, TooManyRequests, DatabaseUnavailable),
)
ask_for_password_reset = extend_schema(
    operation_id="ask_for_password_reset",
    summary="Ask for a new password",
    tags=[ACCOUNTS],
    request=serializers.PasswordResetRequest,
    responses={200: said("If this address has an account, a mail with a link is on its way.")}
    | errors(InvalidInput, TooManyRequests, AuthUnavailable),
)
confirm_password_reset = extend_schema(
    operation_id="confirm_password_reset",
    summary="Set a new password by mail",
    tags=[ACCOUNTS],
    request=serializers.PasswordResetConfirmRequest,
    responses={200: said("The password is changed. Sign in with the new one.")}
    | errors(LinkNotValid, NotAuthenticated)
    | errors(InvalidInput, LinkNotValid, TooManyRequests, AuthUnavailable, told_by=serializers.PasswordResetRefused),
)
change_password = extend_schema(
    operation_id="change_password",
    summary="Change the password",
    tags=[ACCOUNTS],
    request=serializers.ChangePasswordRequest,
    responses={200: said("The password is changed, and your other sessions have ended.")}
    | errors(InvalidInput, NotAuthenticated, ReauthenticationNeeded, TooManyRequests, AuthUnavailable),
)
delete_account = extend_schema(
    operation_id="delete_account",
    summary="Delete the account",
    tags=[ACCOUNTS],
    request=serializers.DeleteAccountRequest,
    responses={200: serializers.DeletedAccountAnswer}
    | errors(InvalidInput, NotAuthenticated, TooManyRequests, AuthUnavailable, DatabaseUnavailable),
)
