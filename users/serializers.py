"""The bodies of /api/auth/: what is read, and what the OpenAPI document shows."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from safycore_backend.fields import SessionIdField, StrictCharField
from safycore_backend.openapi import ErrorAnswer, MessageAnswer, example
from users.passwords import weakness

# Supabase hashes with bcrypt, which reads no more than 72 bytes.
MAX_PASSWORD_BYTES = 72
MIN_PASSWORD_CHARACTERS = 8
_NEW_PASSWORD = "9 quiet words for the bakery"  # noqa: S105  # an example
_ALICE = {"email": "alice@example.com", "password": "7 loud words for the market"}
_TOKEN_HASH = "pkce_4f1d2c9b8a7e6d5c4b3a29181706f5e4d3c2b1a0"  # noqa: S105  # an example
_CHANGED = {"current_password": _ALICE["password"], "new_password": _NEW_PASSWORD}
_PROFILE = {
    "user": {
        "id": "0d4f6dc6-6a7a-4e5c-8f0e-3a4c1f6f6a01",
        "email": "alice@example.com",
        "created_at": "2026-11-22T19:55:20.120384Z",
        "default_session_id": "chat",
    }
}
_SIGNED_IN = {
    "message": "Welcome.",
    "user": {"id": "0d4f6dc6-6a7a-4e5c-8f0e-3a4c1f6f6a01", "email": "alice@example.com"},
    "access_token": "eyJhbGciOiJFUzI1NiIs…",
    "refresh_token": "v1.MjQ1ZmE…",
    "expires_in": 3600,
}
_WAITING = {
    "message": "If this address can have an account, a mail with a link is on its way. Follow it, then sign in.",
    "user": {"id": None, "email": "alice@example.com"},
    "access_token": None,
    "refresh_token": None,
    "expires_in": None,
}
_DELETED = {
    "message": "The account and everything in it is gone.",
    "deleted": {"users": 1, "messages": 4, "training_data": 1, "conversation_sessions": 2, "user_profiles": 1},
}


class PasswordField(StrictCharField):
    """Any text, never trimmed; `new` ones have 8 characters or more and are not easily guessed."""

    default_error_messages = {
        "min_length": f"Use at least {MIN_PASSWORD_CHARACTERS} characters.",
        "max_length": f"Use at most {MAX_PASSWORD_BYTES} characters.",
        "max_bytes": f"Use at most {MAX_PASSWORD_BYTES} bytes: letters beyond a to z take two to four each.",
    }

    def __init__(self, *, new: bool = False, **kwargs: Any) -> None:
        self._new = new
        minimum = {"min_length": MIN_PASSWORD_CHARACTERS} if new else {}
        super().__init__(write_only=True, max_length=256, style={"input_type": "password"}, **minimum, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if len(value.encode()) > MAX_PASSWORD_BYTES:
            self.fail("max_bytes")
        return value

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Its length first: what is too short is not said to be common as well."""
        value = super().run_validation(data)
        fault = weakness(value) if self._new and isinstance(value, str) else None
        if fault:
            raise serializers.ValidationError(fault)
        return value


class EmailField(serializers.EmailField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        # A dotted capital I is an i to Supabase, and not to us: it would be another account to whoever counts tries.
        if not isinstance(data, str) or "\u0130" in data:
            self.fail("invalid")
        return str(super().to_internal_value(data))


@extend_schema_serializer(component_name="Signup", examples=[example("Alice", _ALICE)])
class SignupRequest(serializers.Serializer[Any]):
    email = EmailField()
    password = PasswordField(new=True)


@extend_schema_serializer(component_name="Login", examples=[example("Alice", _ALICE)])
class LoginRequest(serializers.Serializer[Any]):
    email = EmailField()
    password = PasswordField()


@extend_schema_serializer(
    component_name="Refresh", examples=[example("a refresh token", {"refresh_token": _SIGNED_IN["refresh_token"]})]
)
class RefreshRequest(serializers.Serializer[Any]):
    refresh_token = StrictCharField(max_length=1024)


@extend_schema_serializer(component_name="PasswordReset", examples=[example("Alice", {"email": "alice@example.com"})])
class PasswordResetRequest(serializers.Serializer[Any]):
    email = EmailField()


@extend_schema_serializer(
    component_name="PasswordResetConfirm",
    examples=[
        example("by the link of a mail", {"token_hash": _TOKEN_HASH, "new_password": _NEW_PASSWORD}),
        example("by a recovery session", {"access_token": "eyJhbGciOiJFUzI1NiIs…", "new_password": _NEW_PASSWORD}),
        example("after a refusal", {"recovery_token": "eyJhY2Nlc3NfdG9rZW4iOiJl…", "new_password": _NEW_PASSWORD}),
    ],
)
class PasswordResetConfirmRequest(serializers.Serializer[Any]):
    """One of `token_hash` (of the link), `access_token` (of a recovery session) and `recovery_token` (of a refusal)."""

    token_hash = StrictCharField(max_length=512, required=False, help_text="Of the link in the mail.")
    access_token = StrictCharField(max_length=8192, required=False, help_text="Of a recovery session.")
    recovery_token = StrictCharField(
        max_length=16384, required=False, help_text="Of the refusal that used the link up."
    )
    new_password = PasswordField(new=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs.keys() - {"new_password"}) != 1:
            raise serializers.ValidationError(
                {"token_hash": ["Send one of token_hash, access_token and recovery_token."]}
            )
        return attrs


class PasswordResetRefused(ErrorAnswer):
    recovery_token = serializers.CharField(
        required=False, help_text="To try again with: the link has been used up, and the password not changed."
    )


@extend_schema_serializer(
    component_name="ChangePassword",
    examples=[example("a new one", {"current_password": _ALICE["password"], "new_password": _NEW_PASSWORD})],
)
class ChangePasswordRequest(serializers.Serializer[Any]):
    current_password = PasswordField()
    new_password = PasswordField(new=True)


@extend_schema_serializer(
    component_name="DeleteAccount", examples=[example("with the password", {"password": _ALICE["password"]})]
)
class DeleteAccountRequest(serializers.Serializer[Any]):
    password = PasswordField()


@extend_schema_serializer(
    examples=[
        example("set", {"default_session_id": "chat"}),
        example("take away", {"default_session_id": None}),
    ]
)
class ProfilePatch(serializers.Serializer[Any]):
    default_session_id = SessionIdField(
        allow_null=True, required=False, help_text="Where messages go that name no session; null takes it away."
    )


class UserAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField(allow_null=True)


class SignedInUser(UserAnswer):
    id = serializers.UUIDField(allow_null=True, help_text="Null while the address waits for confirmation.")


@extend_schema_serializer(
    examples=[
        example("signed in", _SIGNED_IN),
        example("waiting for confirmation", _WAITING),
    ]
)
class SignedInAnswer(serializers.Serializer[Any]):
    message = serializers.CharField()
    user = SignedInUser()
    access_token = serializers.CharField(allow_null=True, help_text="For `Authorization: Bearer`.")
    refresh_token = serializers.CharField(allow_null=True, help_text="For a new pair; works once.")
    expires_in = serializers.IntegerField(allow_null=True, help_text="Seconds.")


class ProfileFields(UserAnswer):
    created_at = serializers.DateTimeField()
    default_session_id = serializers.CharField(allow_null=True)


@extend_schema_serializer(examples=[example("Alice", _PROFILE)])
class ProfileAnswer(serializers.Serializer[Any]):
    user = ProfileFields()


@extend_schema_serializer(examples=[example("a receipt", _DELETED)])
class DeletedAccountAnswer(MessageAnswer):
    deleted = serializers.DictField(child=serializers.IntegerField(), help_text="Rows that went, per table.")
